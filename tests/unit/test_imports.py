"""What each part loads: the only proof that an import meant to be late is late."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("textual", "rich", "pydantic", "ruamel")


def loaded_after(statement: str) -> set[str]:
    """Every module in sys.modules after a statement, in a Python of its own."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize(
    "statement",
    [
        "import jobshape.app.cli",
        "from jobshape.app.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass",
        "import jobshape.app.settings.load as s; s.load_settings(environ={})",
        "import jobshape.app.launch",
        "import jobshape.app.status, jobshape.app.doctor, jobshape.app.snapshot",
        "import jobshape.app.sites, jobshape.app.sites_report, jobshape.app.demo.run",
        "import jobshape.app.stages_report, jobshape.app.stages.picture",
        "import jobshape.app.stages.rule_file, jobshape.app.stages.suggest",
        "import jobshape.app.history.history, jobshape.app.history_report",
        "import jobshape.app.acting.log, jobshape.app.actions_report, jobshape.app.domain.undo",
        "import jobshape.app.collector.spawn",
        "import jobshape.app.collector.__main__",
        "import jobshape.app.backends.commands.backend",
        "import jobshape.app.backends.local.backend, jobshape.app.backends.local.supervisor",
        "import jobshape.app.logs.search, jobshape.app.logs.window",
        "import jobshape.app.board.board, jobshape.app.board.view, jobshape.app.board.columns",
        "import jobshape.app.rounds_report, jobshape.app.rounds.schema",
        "import jobshape.app.rounds.writing",
        "import jobshape.app.reports.campaign_report, jobshape.app.reports.html",
        "import jobshape.app.reports.gathering, jobshape.app.rounds.lessons",
        "import jobshape.screens.commands",
    ],
)
def test_without_the_screen_neither_textual_nor_pydantic_is_loaded(statement: str) -> None:
    assert not roots(loaded_after(statement)).intersection(HEAVY)


def test_the_check_would_see_it() -> None:
    assert "textual" in roots(loaded_after("import textual.app"))


def test_the_version_needs_next_to_nothing() -> None:
    modules = loaded_after("import jobshape.app.cli")
    slow = {
        "asyncio",
        "dataclasses",
        "inspect",
        "json",
        "subprocess",
        "tomllib",
        "typing_extensions",
    }
    assert not modules & slow
    assert {m for m in modules if m.startswith("jobshape")} == {
        "jobshape", "jobshape.app", "jobshape.app.cli", "jobshape.app.cli_commands",
        "jobshape.app.cli_options", "jobshape.app.cli_output",
    }  # fmt: skip


def test_the_domain_stands_alone() -> None:
    statement = (
        "import jobshape.app.domain.errors, jobshape.app.domain.job, jobshape.app.domain.site, "
        "jobshape.app.domain.states, jobshape.app.domain.tres, jobshape.app.domain.units"
    )
    ours = {m for m in loaded_after(statement) if m.startswith("jobshape.")}
    assert {m for m in ours if not m.startswith("jobshape.app.domain")} == {"jobshape.app"}


def test_the_history_stands_on_the_domain_alone() -> None:
    ours = {
        module
        for module in loaded_after("import jobshape.app.history.history")
        if module.startswith("jobshape.app.")
    }
    rooms = ("jobshape.app.domain", "jobshape.app.history")
    assert {module for module in ours if not module.startswith(rooms)} == set()


def test_the_collector_opens_no_database_by_itself() -> None:
    assert "sqlite3" not in loaded_after("import jobshape.app.collector.__main__")


def test_the_first_rows_do_not_wait_for_what_other_screens_need() -> None:
    modules = loaded_after("import jobshape.app.tui")
    late = ("plotext", "pygments", "rich.syntax", "statistics", "tomllib", "jobshape.screens.job",
            "jobshape.app.logs", "jobshape.widgets.usage_plot")  # fmt: skip
    assert [name for name in sorted(modules) if name.startswith(late)] == []
