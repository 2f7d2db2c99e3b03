"""``jobshape sites``: what it lists, for people and scripts, and what it says of wrong pages."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jobshape.app.cli import main
from jobshape.app.settings.folders import config_folder
from jobshape.app.settings.merge import read_page
from jobshape.app.settings.site_values import SitePage, build_page, page_fields
from jobshape.app.sites_report import template

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture(autouse=True)
def no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("SLURM_CONF", raising=False)


def write_page(name: str, text: str) -> Path:
    path = config_folder() / "sites" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_the_list_fits_a_small_terminal_and_says_what_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_page(
        "gpubox",
        'kind = "local"\ntitle = "Under the desk"\n[limits]\ncpus = 8\nmemory = "64G"\n'
        '[cost]\ncurrency = "EUR"\ngpu_hour = 0.5\n[[partitions]]\nname = "night"\nrole = "long"\n',
    )
    assert main(["sites"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if "why not" not in line and "page" not in line) <= 80
    assert "*  local      local     usable         This machine" in lines
    text = "\n".join(lines)
    assert "partitions: main (production), smoke (smoke)" in text
    assert "why not: no Slurm on this machine" in text
    assert "limits: cpus 8, memory 64G" in text
    assert "cost: currency EUR, gpu hour 0.5" in text
    assert "partitions: night (long)" in text
    assert f"page: {path}" in text and "page: shipped" in text


def test_for_scripts_what_nobody_said_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sites", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "jobshape.sites/1"
    sites = {site["name"]: site for site in document["sites"]}
    assert [name for name, site in sites.items() if site["usable"]] == ["local"]
    assert [name for name, site in sites.items() if site["chosen"]] == ["local"]
    local, cloud = sites["local"], sites["cloud-gpu"]
    assert (local["limits"]["cpus"], cloud["cost"]["cpu_hour"]) == (None, None)
    assert (cloud["why_not"], cloud["page"]) == ("for planning only", None)
    assert "slurm" not in local and local["local"]["gpus"] == "auto"
    assert [p["role"] for p in local["partitions"]] == ["production", "smoke"]


def test_a_wrong_page_is_told_and_hides_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    path = write_page("box", 'kind = "lokal"\nnotes = 3\n')
    assert main(["sites"]) == 2
    said = capsys.readouterr()
    assert "This machine" in said.out
    assert [line.split(": ")[1:3] for line in said.err.splitlines()] == [
        [f"{path}:1", "kind"],
        [f"{path}:2", "notes"],
    ]
    assert main(["sites", "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert [p["where"] for p in document["problems"]] == [f"{path}:1: kind", f"{path}:2: notes"]


def test_one_site(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sites", "pbs"]) == 0
    text = capsys.readouterr().out
    assert "no: for planning only" in text and "7-00:00:00" in text
    assert main(["sites", "nowhere"]) == 2
    assert "known: cloud-gpu, local, pbs, slurm" in capsys.readouterr().err


def test_where_pages_go(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sites", "--path"]) == 0
    assert capsys.readouterr().out == f"{config_folder() / 'sites'}\n"


def test_the_template_is_a_page_and_names_every_field() -> None:
    text = template()
    path = write_page("new", text)
    assert build_page(read_page(path)) == SitePage(kind="slurm")
    for item in page_fields():
        assert f"{item.name.rpartition('.')[2]} = " in text
    filled = "\n".join(
        line.removeprefix("# ") for line in text.splitlines()
        if " = " in line or line.strip("# ").startswith("[")
    )  # fmt: skip
    examples = tomllib.loads(filled)
    del examples["local"], examples["partitions"][0]["head_start"]
    own = write_page("examples", _as_toml(examples))
    assert build_page(read_page(own)).partitions[0].name == "main"


def _as_toml(values: dict[str, object]) -> str:
    from jobshape.app.config_report import as_toml

    plain = [f"{k} = {as_toml(v)}" for k, v in values.items() if not isinstance(v, dict | list)]
    tables = [
        "\n".join([f"[{name}]", *(f"{k} = {as_toml(v)}" for k, v in table.items())])
        for name, table in values.items()
        if isinstance(table, dict)
    ]
    partitions = values["partitions"]
    assert isinstance(partitions, list)
    rows = "\n".join(f"{k} = {as_toml(v)}" for k, v in partitions[0].items() if v != "")
    return "\n".join([*plain, *tables, "[[partitions]]", rows]) + "\n"
