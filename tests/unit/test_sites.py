"""Which site is chosen: the one named, else the Slurm found here, else this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.backends.gpu_usage.sources import GpuSources
from jobshape.app.cli import main
from jobshape.app.collector.start import Start
from jobshape.app.domain.errors import JobshapeError, NoSite
from jobshape.app.launch import start_of
from jobshape.app.settings.folders import config_folder, state_folder
from jobshape.app.settings.load import load_settings
from jobshape.app.sites import Site, choose_site

pytestmark = pytest.mark.usefixtures("own_folders", "no_slurm")


@pytest.fixture
def no_slurm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with nothing on it, and a way to put something there; no slurm.conf, no pyslurm."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("SLURM_CONF", raising=False)
    monkeypatch.setattr("jobshape.app.backends.pyslurm.library.config_file", lambda: None)
    monkeypatch.setattr("jobshape.app.site_check.find_spec", lambda name: None)
    return programs


@pytest.fixture
def slurm(no_slurm: Path) -> None:
    """A Slurm as far as PATH shows, whose controller is down."""
    put(no_slurm, "squeue", "exit 1")


def put(programs: Path, name: str, script: str = "") -> None:
    (programs / name).write_text(f"#!/bin/sh\n{script}\n")
    (programs / name).chmod(0o755)


def write_page(name: str, text: str) -> None:
    path = config_folder() / "sites" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def chosen(**options: str) -> Site:
    names = {"name": "site.name", "backend": "site.backend", "ssh": "site.ssh"}
    shown = {"name": "--site", "backend": "--backend", "ssh": "--ssh"}
    typed: dict[str, tuple[Any, str]] = {
        names[key]: (value, shown[key]) for key, value in options.items()
    }
    return choose_site(load_settings(typed))


def refusal(**options: str) -> JobshapeError:
    with pytest.raises(JobshapeError) as caught:
        chosen(**options)
    return caught.value


def test_without_slurm_it_is_this_machine_and_says_why() -> None:
    site = chosen()
    assert (site.page.name, site.backend, site.reason) == ("local", "local", "no Slurm here")
    assert site.local is not None and site.local.folder == str(state_folder() / "local")
    start = start_of(load_settings().settings, site)
    assert (start.backend, start.ssh) == ("local", None)
    assert start.local == site.local.head()


def test_the_collector_is_told_where_history_lies_unless_it_is_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site, settings = chosen(), load_settings().settings
    start = start_of(settings, site)
    assert (start.history, start.site) == (str(state_folder() / "history.db"), "local")
    assert start.history_days == 14.0
    assert start_of(settings, site, tmp_path).history == str(tmp_path / "history.db")
    off = replace(settings, history=replace(settings.history, enabled=False))
    assert start_of(off, site).history is None


@pytest.mark.usefixtures("slurm")
def test_slurm_as_it_was_found_goes_by_its_clusters_name() -> None:
    assert start_of(load_settings().settings, chosen()).site == ""


@pytest.mark.usefixtures("slurm")
def test_where_gpu_figures_come_from_reaches_the_collector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "http://{node}:9400/metrics"
    write_page("lab", f'kind = "slurm"\n[usage]\ndcgm_url = "{url}"\n')
    monkeypatch.setenv("JOBSHAPE_GPU_PROBE", "no")
    start = start_of(load_settings().settings, chosen(name="lab"))
    assert GpuSources.from_head(Start.from_head(start.head()).gpu) == GpuSources(url, probe=False)


@pytest.mark.usefixtures("slurm")
def test_a_slurm_that_is_there_is_taken_even_if_it_does_not_answer() -> None:
    site = chosen()
    assert (site.page.name, site.backend, site.local) == ("slurm", "auto", None)
    assert site.reason == "squeue is on PATH"


def test_a_slurm_that_was_meant_is_never_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm/gone.conf")
    error = refusal()
    assert isinstance(error, NoSite)
    assert "squeue is not on PATH" in error.what and "--site local" in error.hint


def test_a_slurm_conf_is_a_sign_of_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "jobshape.app.backends.pyslurm.library.config_file", lambda: "/etc/slurm/slurm.conf"
    )
    assert isinstance(refusal(), NoSite)


@pytest.mark.usefixtures("slurm")
@pytest.mark.parametrize("options", [{"name": "local"}, {"backend": "local"}])
def test_this_machine_can_be_named(options: dict[str, str]) -> None:
    assert chosen(**options).backend == "local"


@pytest.mark.usefixtures("slurm")
def test_the_environment_names_a_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBSHAPE_SITE", "local")
    assert chosen().backend == "local"
    assert chosen().reason == "environment JOBSHAPE_SITE"
    assert chosen(name="auto").backend == "auto"


@pytest.mark.usefixtures("slurm")
def test_the_settings_name_a_site() -> None:
    config_folder().mkdir()
    config = config_folder() / "config.toml"
    config.write_text('[site]\nname = "nowhere"\n')
    error = refusal()
    assert str(error).startswith(f"{config}:2: there is no site 'nowhere' (known: ")


@pytest.mark.parametrize(
    "options",
    [{"name": "slurm"}, {"backend": "commands"}, {"backend": "auto", "name": "slurm"}],
)
def test_slurm_asked_for_stays_slurm(options: dict[str, str]) -> None:
    assert "no Slurm on this machine" in refusal(**options).what


def test_ssh_is_slurm(no_slurm: Path) -> None:
    assert "ssh is not on PATH" in refusal(ssh="login1").what
    put(no_slurm, "ssh")
    site = chosen(ssh="login1")
    assert (site.page.name, site.ssh) == ("slurm", "login1")


def test_a_page_says_how_to_reach_its_site_and_the_command_line_knows_better(
    no_slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(no_slurm, "ssh")
    write_page("far", 'kind = "slurm"\n[slurm]\nssh = "login7"\nbackend = "commands"\n')
    monkeypatch.setenv("JOBSHAPE_SSH", "login1")
    site = chosen(name="far")
    assert (site.ssh, site.backend) == ("login7", "commands")
    assert chosen(name="far", ssh="login8").ssh == "login8"
    assert chosen(name="slurm").ssh == "login1"


@pytest.mark.parametrize("name", ["pbs", "cloud-gpu"])
def test_a_site_for_planning_cannot_be_watched(name: str) -> None:
    error = refusal(name=name)
    assert "for planning only" in error.what and f"jobshape sites {name}" in error.hint


@pytest.mark.parametrize(
    "options",
    [
        {"backend": "local", "ssh": "login1"},
        {"name": "slurm", "backend": "local"},
        {"name": "local", "backend": "commands"},
        {"name": "local", "ssh": "login1"},
    ],
)
def test_two_things_at_once_are_refused(options: dict[str, str]) -> None:
    assert "leave out one" in refusal(**options).hint


@pytest.mark.parametrize("command", [[], ["status"]])
def test_a_site_that_nobody_knows(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--site", "nowhere", *command]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("jobshape: command line --site: there is no site 'nowhere' (known: ")
    assert "cloud-gpu, local, pbs, slurm" in line


def test_what_is_typed_beats_a_setting_and_never_goes_unheard(
    no_slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(no_slurm, "ssh")
    monkeypatch.setenv("JOBSHAPE_BACKEND", "local")
    assert chosen(ssh="login1").ssh == "login1"
    assert chosen().backend == "local"
    monkeypatch.setenv("JOBSHAPE_SSH", "login2")
    assert "not another host" in refusal().what
    monkeypatch.delenv("JOBSHAPE_BACKEND")
    assert chosen(backend="local").backend == "local"
    monkeypatch.setenv("JOBSHAPE_SITE", "local")
    error = refusal(ssh="login1")
    assert str(error).startswith("environment JOBSHAPE_SITE: --ssh does not fit the site 'local'")


def test_where_neither_can_be_it_says_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBSHAPE_STATE_DIR", "/dev/null/state")
    error = refusal()
    assert "no Slurm on this machine, and it cannot be a site by itself" in error.what


def test_another_system_than_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert "needs Linux" in refusal(name="local").what
