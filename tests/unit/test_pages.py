"""Sites' pages: those shipped are right, what is said of wrong ones, that a start pays once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from jobshape.app.backends.local.config import DEFAULT_PARTITIONS, LocalPartition, LocalSite
from jobshape.app.domain.errors import ConfigError
from jobshape.app.settings.folders import config_folder, state_folder
from jobshape.app.settings.load import SettingsError
from jobshape.app.settings.merge import read_page as read_checked
from jobshape.app.settings.pages import SHIPPED, find_page, local_site, page_paths
from jobshape.app.settings.site_values import SitePage, build_page

pytestmark = pytest.mark.usefixtures("own_folders")

LOCAL = 'kind = "local"\n'


def write_page(name: str, text: str) -> Path:
    path = config_folder() / "sites" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def problems_of(text: str) -> list[str]:
    path = write_page("box", text)
    with pytest.raises(SettingsError) as caught:
        find_page("box")
    return [str(problem).replace(str(path), "FILE") for problem in caught.value.problems]


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_page_is_valid_and_says_what_it_is(path: Path) -> None:
    page = build_page(read_checked(path))
    assert page.title and page.notes
    assert "planning only" in page.notes or page.kind != "planning"
    assert find_page(path.stem).values == page
    assert find_page(path.stem).shipped


def test_what_is_shipped() -> None:
    kinds = {name: find_page(name).values.kind for name in page_paths()}
    assert kinds == {
        "local": "local", "slurm": "slurm", "pbs": "planning", "cloud-gpu": "planning",
    }  # fmt: skip


def test_the_shipped_local_page_is_what_the_backend_takes_by_default() -> None:
    assert local_site(find_page("local")) == LocalSite(str(state_folder() / "local"))
    write_page("local", LOCAL)
    assert local_site(find_page("local")).partitions == DEFAULT_PARTITIONS


def test_an_own_page_stands_in_for_the_shipped_one(own_folders: Path) -> None:
    path = write_page("local", LOCAL + 'title = "Mine"\n[limits]\ncpus = 3\nmemory = "1.5G"\n')
    page = find_page("local")
    assert (page.title, page.path, page.shipped) == ("Mine", path, False)
    assert page_paths()["local"] == path
    site = local_site(page)
    assert (site.cpus, site.memory_bytes) == (3, 3 << 29)


def test_a_new_page_is_a_new_site() -> None:
    write_page(
        "gpubox",
        LOCAL + '[local]\nfolder = "~/jobs"\ngpus = "none"\nidle_exit = "1:00"\n'
        'gpu_busy = "1G"\nkeep_finished = "1-0"\n'
        '[[partitions]]\nname = "day"\nrole = "long"\ntime_limit = "30:00"\n'
        '[[partitions]]\nname = "free"\ntime_limit = "UNLIMITED"\ndefault_memory = "512M"\n',
    )
    assert list(page_paths())[-1] == "gpubox"
    site = local_site(find_page("gpubox"))
    assert site == LocalSite(
        str(Path.home() / "jobs"), name="gpubox", gpus="none", gpu_busy_bytes=1 << 30,
        idle_exit_s=60.0, keep_finished_s=86400.0,
        partitions=(
            LocalPartition("day", "long", time_limit_s=1800, default_time_s=1800),
            LocalPartition("free", default_memory_bytes=512 << 20),
        ),
    )  # fmt: skip


def test_unlimited_means_for_ever() -> None:
    write_page("box", LOCAL + '[local]\nidle_exit = "UNLIMITED"\nkeep_finished = "infinite"\n')
    site = local_site(find_page("box"))
    assert min(site.idle_exit_s, site.keep_finished_s) > 50 * 365 * 86400


def test_two_local_sites_never_share_a_folder() -> None:
    write_page("gpubox", LOCAL)
    folders = {local_site(find_page(name)).folder for name in ("local", "gpubox")}
    assert len(folders) == 2


def test_a_page_can_be_named_by_its_path(own_folders: Path) -> None:
    path = own_folders / "work" / "here.toml"
    path.write_text(LOCAL)
    assert find_page("./here.toml").name == find_page(str(path)).name == "here"
    with pytest.raises(ConfigError, match="there is no such page") as caught:
        find_page("gone.toml")
    assert "known: cloud-gpu, local, pbs, slurm" in caught.value.hint


def test_paths_that_lead_nowhere_are_told(own_folders: Path) -> None:
    with pytest.raises(ConfigError, match="leads nowhere"):
        find_page("~no-such-user/site.toml")
    path = write_page("box", LOCAL + '[local]\nfolder = "~no-such-user/jobs"\n')
    with pytest.raises(ConfigError, match="leads nowhere") as caught:
        local_site(find_page("box"))
    assert caught.value.where == f"{path}: local.folder"
    (own_folders / "folder.toml").mkdir()
    with pytest.raises(ConfigError, match="is not a file"):
        find_page(str(own_folders / "folder.toml"))


def test_a_name_that_nobody_has_names_those_that_are() -> None:
    for name in ("nowhere", "../local", "a b", ""):
        with pytest.raises(ConfigError) as caught:
            find_page(name)
        assert "known: cloud-gpu, local, pbs, slurm" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "FILE: kind: is missing (add it;"),
        ('kind = "pbs"\n', "FILE:1: kind: must be 'slurm', 'local' or 'planning', not 'pbs'"),
        (LOCAL + "titel = 1\n", "FILE:2: titel: is not a field of a site's page (did you mean"),
        (LOCAL + '[limits]\nmemory = "lots"\n', "FILE:3: limits.memory: must be like \"512M\""),
        (LOCAL + "[limits]\nmemory = 16\n", "FILE:3: limits.memory: must be a text in quotes"),
        (LOCAL + "[limits]\ncpus = -1\n", "FILE:3: limits.cpus: must be 0 or more, not -1"),
        (LOCAL + '[limits]\nmemory = "0"\n', "FILE:3: limits.memory: must be like"),
        (LOCAL + "[limits]\ngpus = 2\n", "FILE:3: limits.gpus: is not for a local site"),
        (LOCAL + "[cost]\ncpu_hour = -1.0\n", "FILE:3: cost.cpu_hour: must be 0 or more"),
        (LOCAL + '[local]\nfolder = "jobs"\n', "FILE:3: local.folder: must be a full path"),
        (LOCAL + '[local]\ngpus = "some"\n', "FILE:3: local.gpus: must be 'auto', 'none' or"),
        (LOCAL + '[slurm]\nssh = "x"\n', "FILE:2: slurm: is not for a site of kind 'local'"),
        (
            LOCAL + "[[partitions]]\nrole = 'smoke'\n",
            "FILE:2: partitions[1].name: is missing",
        ),
        (
            LOCAL + '[[partitions]]\nname = "a"\n[[partitions]]\nname = "b"\nrole = "fast"\n',
            "FILE:6: partitions[2].role: must be 'smoke', 'production' or 'long', not 'fast'",
        ),
        (
            LOCAL + '[[partitions]]\nname = "a"\ntime_limit = "soon"\n',
            "FILE:4: partitions[1].time_limit: must be like \"30:00\", \"2:30:00\" or",
        ),
        (
            LOCAL + '[[partitions]]\nname = "a"\n[[partitions]]\nname = "a"\n',
            "FILE:5: partitions[2].name: 'a' is the name of an earlier partition too",
        ),
        (
            LOCAL + '[[partitions]]\nname = "a"\ntime_limit = "1:00:00"\ndefault_time = "1-0"\n',
            "FILE:5: partitions[1].default_time: '1-0' is more than the partition's time_limit",
        ),
        (
            'kind = "slurm"\n[[partitions]]\nname = "a"\nhead_start = "1:00"\n',
            "FILE:4: partitions[1].head_start: is only for a local site",
        ),
        (
            LOCAL + '[usage]\ndcgm_url = "http://p:9090"\n',
            "FILE:3: usage.dcgm_url: is not for a site of kind 'local'",
        ),
        *(
            (f'kind = "slurm"\n[usage]\ndcgm_url = "{url}"\n', "FILE:3: usage.dcgm_url: has char")
            for url in ("ftp://p", "p:9090", "http://me:secret@p", "file:///x", "http://p/?a=b")
        ),
        ("kind = local\n", "FILE:1:"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_line_and_field(text: str, said: str) -> None:
    (problem,) = problems_of(text)
    assert problem.startswith(said)


def test_everything_wrong_is_said_at_once() -> None:
    said = problems_of(LOCAL + "[limits]\ncpus = -1\njobs = true\n")
    assert [problem.split(": ")[0] for problem in said] == ["FILE:3", "FILE:4"]


def test_the_names_jobshape_finds_by_itself_keep_their_kind() -> None:
    write_page("slurm", LOCAL)
    with pytest.raises(ConfigError, match="must have kind = 'slurm'"):
        find_page("slurm")


def test_a_page_whose_name_no_site_can_have_is_told() -> None:
    path = write_page("my box", LOCAL)
    with pytest.raises(ConfigError) as caught:
        page_paths()
    assert caught.value.where == str(path)


def test_a_page_is_checked_once_and_again_when_it_changed() -> None:
    path = write_page("box", LOCAL)
    assert find_page("box").values == SitePage(kind="local")
    code = (
        "import sys; from jobshape.app.settings.pages import find_page; "
        "print(find_page('box').title, find_page('local').title, 'pydantic' in sys.modules)"
    )

    def again() -> str:
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
        ).stdout.strip()

    assert again() == "box This machine False"
    path.write_text(LOCAL + 'title = "The box"\n')
    assert again() == "The box This machine True"
    path.write_text('kind = "planet"\n')
    with pytest.raises(SettingsError):
        find_page("box")


def test_a_start_with_slurm_loads_none_of_the_fields() -> None:
    code = (
        "import sys; from jobshape.app.settings.pages import find_page; from jobshape.app import "
        "sites; print(find_page('slurm').kind, *[m for m in sys.modules if 'jobshape' in m])"
    )
    find_page("slurm")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    kind, *modules = done.stdout.split()
    assert kind == "slurm"
    assert not {m for m in modules if m.endswith(("site_values", "local.config", "merge"))}


def test_the_page_in_the_readme_is_one() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (text,) = [part for part in readme.split("```toml\n")[1:] if part.startswith("title = ")]
    write_page("server", text.partition("```")[0])
    site = local_site(find_page("server"))
    assert (site.cpus, [one.role for one in site.partitions]) == (48, ["production", "smoke"])
