"""What each command of the command line does: loads the settings and hands over to one module."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jobshape.app.cli_output import say, writing

if TYPE_CHECKING:
    from jobshape.app.domain.errors import ConfigError
    from jobshape.app.settings.values import Loaded

OK, BROKEN = 0, 1
"""Exit codes: fine; something important is missing."""

_OPTIONS = {
    "site": "site.name",
    "backend": "site.backend",
    "ssh": "site.ssh",
    "scope": "site.scope",
    "read_only": "read_only",
    "ascii": "ui.ascii",
    "theme": "ui.theme",
}


def _options(arguments: argparse.Namespace) -> dict[str, tuple[Any, str]]:
    """The settings given on the command line: name -> (value, option)."""
    given = {
        name: (value, f"--{option.replace('_', '-')}")
        for option, name in _OPTIONS.items()
        if (value := getattr(arguments, option, None)) is not None
    }
    if getattr(arguments, "user", None):
        given.setdefault("site.scope", ("all", "--user"))
    return given


def _filter_text(arguments: argparse.Namespace) -> str:
    user = f"user={arguments.user}" if arguments.user else ""
    return f"{user} {arguments.filter or ''}".strip()


def _load(arguments: argparse.Namespace) -> "Loaded":
    from jobshape.app.settings.load import load_settings

    return load_settings(_options(arguments))


def _monitor(arguments: argparse.Namespace) -> int:
    from jobshape.app.launch import launch
    from jobshape.app.sites import choose_site

    loaded = _load(arguments)
    return launch(loaded, choose_site(loaded), filter_text=_filter_text(arguments))


def _status(arguments: argparse.Namespace) -> int:
    if arguments.schema:
        from jobshape.app.status import schema_text

        say(schema_text(), end="")
        return OK
    from jobshape.app.status import run_status

    return run_status(
        _load(arguments),
        query_text=_filter_text(arguments),
        as_json=arguments.json,
        deadline_s=arguments.timeout,
        say=say,
    )


def _wait(arguments: argparse.Namespace) -> int:
    from jobshape.app.wait_report import wait_for_jobs

    return wait_for_jobs(
        _load(arguments),
        arguments.jobs,
        as_json=arguments.json,
        timeout_s=arguments.timeout,
        say=say,
    )


def _stages(arguments: argparse.Namespace) -> int:
    from jobshape.app.stages_report import run_stages

    return run_stages(
        _load(arguments),
        runs=arguments.runs,
        days=arguments.days,
        as_json=arguments.json,
        deadline_s=arguments.timeout,
        say=say,
    )


def _diagnose(arguments: argparse.Namespace) -> int:
    from jobshape.app import diagnose_report as report

    fields = report.slurm_fields(arguments.state, arguments.exit_code, arguments.reason)
    if arguments.job is None:
        findings = report.examine(arguments.log, fields)
    elif arguments.log or fields:
        from jobshape.app.domain.errors import BadRequest

        raise BadRequest("a job, or --log with --state and the like: not both")
    else:
        findings = report.examine_job(_load(arguments), arguments.job)
    if arguments.json:
        say(report.as_json(findings))
    else:
        say(*report.text(findings))
    return BROKEN if report.failed_without_cause(findings) else OK


def _submit(arguments: argparse.Namespace) -> int:
    from jobshape.app import submit_report
    from jobshape.app.domain.errors import JobshapeError, OutputError

    try:
        return _submit_draft(arguments)
    except OutputError:
        raise
    except JobshapeError as error:
        if arguments.json:
            say(submit_report.trouble_as_json(error))
        raise


def _submit_draft(arguments: argparse.Namespace) -> int:
    from jobshape.app import submit_report
    from jobshape.app.check_report import read_lifts
    from jobshape.app.domain.shape import SHAPE_FIELDS

    given = {
        field.name: value
        for field in SHAPE_FIELDS
        if (value := getattr(arguments, f"shape_{field.name}")) is not None
    }
    draft = submit_report.draft_of(
        arguments.script, arguments.arguments, given, name=arguments.job_name,
        work_dir=arguments.chdir, comment=arguments.comment, stdin=sys.stdin.read,
    )  # fmt: skip
    return submit_report.submit(
        _load(arguments), draft, reason=arguments.reason,
        lifts=read_lifts(arguments.lift), dry_run=arguments.dry_run,
        as_json=arguments.json, say=say,
    )  # fmt: skip


def _check(arguments: argparse.Namespace) -> int:
    from jobshape.app import check_report as report
    from jobshape.app.domain.errors import BadRequest

    if arguments.schema:
        say(report.schema_text(), end="")
        return OK
    if arguments.rules and arguments.markdown:
        say(*report.rules_markdown())
        return OK
    loaded = _load(arguments)
    if arguments.rules:
        say(*report.rules(loaded.settings.policy))
        return OK
    if arguments.script is None:
        raise BadRequest("no script is named", hint="jobshape check SCRIPT [ARGS...]")
    checked = report.check_script(
        loaded,
        arguments.script,
        arguments.arguments,
        offline=arguments.offline,
        lifted=report.read_lifts(arguments.lift),
    )
    if arguments.json:
        say(report.as_json(checked))
    else:
        say(*report.text(checked, ascii_only=report.uses_ascii(loaded.settings)))
    return BROKEN if checked.is_blocked else OK


def _rounds(arguments: argparse.Namespace) -> int:
    if arguments.action != "plan":
        return _campaigns(arguments)
    if arguments.schema or arguments.template:
        from jobshape.app.rounds.schema import schema_text, template_text

        say(schema_text() if arguments.schema else template_text(), end="")
        return OK
    from jobshape.app.rounds_report import run_plan

    return run_plan(
        lambda: _load(arguments), arguments.manifest, phase=arguments.phase,
        limit=arguments.limit, as_json=arguments.json, say=say,
    )  # fmt: skip


def _campaigns(arguments: argparse.Namespace) -> int:
    from jobshape.app import rounds_control as control

    as_json = arguments.json
    if arguments.action == "status":
        return control.status(
            arguments.campaign, load=lambda: _load(arguments), as_json=as_json, say=say
        )
    if arguments.action == "report":
        return control.report(
            arguments.campaign, html=arguments.html, output=arguments.output, as_json=as_json,
            say=say,
        )  # fmt: skip
    loaded = _load(arguments)
    if arguments.action == "start":
        return control.start(loaded, arguments.manifest, as_json=as_json, say=say)
    return control.wish(loaded, arguments.action, arguments.campaign, as_json=as_json, say=say)


def _doctor(arguments: argparse.Namespace) -> int:
    from jobshape.app import doctor
    from jobshape.app.settings.load import SettingsError, defaults_with

    problems: tuple[ConfigError, ...] = ()
    try:
        loaded = _load(arguments)
    except SettingsError as error:
        loaded, problems = defaults_with(_options(arguments)), error.problems
    diagnosis = doctor.examine(loaded, problems)
    if arguments.json:
        say(doctor.as_json(diagnosis))
    else:
        colour = sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        say(*doctor.text(diagnosis, colour=colour))
    return diagnosis.exit_code


def _sites(arguments: argparse.Namespace) -> int:
    from jobshape.app import sites_report
    from jobshape.app.settings.load import SettingsError
    from jobshape.app.settings.pages import pages_folder

    if arguments.path:
        say(str(pages_folder()))
        return OK
    if arguments.template:
        say(sites_report.template(), end="")
        return OK
    loaded = _load(arguments)
    if arguments.name:
        say(*sites_report.detail(arguments.name, loaded))
        return OK
    found = sites_report.survey(loaded)
    if arguments.json:
        say(sites_report.as_json(found))
    else:
        say(*sites_report.table(found))
    if found.problems:
        raise SettingsError(list(found.problems))
    return OK


def _history(arguments: argparse.Namespace) -> int:
    import time

    from jobshape.app import history_report
    from jobshape.app.history.query import JobQuery

    words, site = arguments.words, arguments.site or ""
    if words and words[0] in ("actions", "script"):
        return _actions(arguments, words[0], words[1:], site)
    if words and words[0] in history_report.ACTIONS:
        say(*history_report.act(words, site))
        return OK
    now = time.time()
    since, until = (
        history_report.read_moment(text, option, now) if text else None
        for text, option in ((arguments.since, "--since"), (arguments.until, "--until"))
    )
    wanted = JobQuery(
        site=site, name=arguments.name, stage=arguments.stage, tags=tuple(arguments.tag),
        states=tuple(arguments.state), finding=arguments.finding, campaign=arguments.campaign,
        text=arguments.text, since=since, until=until, limit=arguments.limit,
    )  # fmt: skip
    found = history_report.find(history_report.query_of(words, wanted))
    if arguments.json:
        say(history_report.as_json(found, now))
    elif arguments.csv:
        say(history_report.as_csv(found, now), end="")
    else:
        say(*history_report.table(found))
    return OK


def _actions(arguments: argparse.Namespace, what: str, jobs: list[str], site: str) -> int:
    import time

    from jobshape.app import actions_report as report

    if what == "script":
        text = report.script(jobs, site)
        if sys.stdout is not None and sys.stdout.isatty():
            say(*report.lines_to_look_at(text))
            return OK
        with writing():
            sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        return OK
    now = time.time()
    found = report.find(jobs, site, since=arguments.since, limit=arguments.limit, now=now)
    if arguments.json:
        say(report.as_json(found, now))
    else:
        say(*report.table(found))
    return OK


def _demo(arguments: argparse.Namespace) -> int:
    from jobshape.app.demo.run import clean_demo, run_demo

    if arguments.clean:
        return clean_demo(arguments.folder, sure=arguments.yes, say=say)
    return run_demo(
        _options(arguments),
        arguments.folder,
        screen=not arguments.no_screen,
        filter_text=_filter_text(arguments),
        say=say,
    )


def _config(arguments: argparse.Namespace) -> int:
    from jobshape.app import config_report

    if arguments.path:
        say(str(config_report.path()))
    elif arguments.template:
        say(config_report.template(), end="")
    else:
        if arguments.action == "edit":
            config_report.edit()
        say(*config_report.report(_load(arguments)))
    return OK


def _keys(arguments: argparse.Namespace) -> int:
    from jobshape.screens import commands

    if arguments.markdown:
        say(commands.keys_markdown(), end="")
        return OK
    from jobshape.app.text_table import lay_out

    rows = [
        (screen, c.shown_keys, c.title, c.help)
        for screen, own in commands.SCREENS.items()
        for c in own
    ]
    say(*lay_out([("", "left")] * 4, rows))
    return OK


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "monitor": _monitor,
    "status": _status,
    "wait": _wait,
    "stages": _stages,
    "diagnose": _diagnose,
    "submit": _submit,
    "check": _check,
    "rounds": _rounds,
    "doctor": _doctor,
    "sites": _sites,
    "history": _history,
    "demo": _demo,
    "config": _config,
    "keys": _keys,
}
"""By the names that the options give them."""
