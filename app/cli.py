"""The command line: reads the options, loads the settings, and hands over to one command.

Imports nothing that takes time until it knows which command it is: ``--version`` answers at once.
"""

import argparse
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobshape import __version__

if TYPE_CHECKING:
    from jobshape.app.domain.errors import ConfigError
    from jobshape.app.settings.values import Loaded

OK, BROKEN, USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
"""Exit codes: fine; something important is missing; cannot be done; ctrl-c; nobody reads."""

_HOST = re.compile(r"[A-Za-z0-9_.:@\[\]%][A-Za-z0-9_.:@\[\]%-]*")
_USERS = re.compile(r"[^\s,\"*]+(,[^\s,\"*]+)*")
_FACTORY = re.compile(r"\w+(\.\w+)*:\w+")


def main(argv: Sequence[str] | None = None) -> int:
    """Run jobshape; gives the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a job's name may not fit the terminal's charset
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        if sys.stdout is not None:
            with _writing():
                sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _let_go_of_output()
        return BROKEN_PIPE
    except Exception as error:
        return _tell(error)


def _tell(error: Exception) -> int:
    """One line for each thing wrong, where it is of the family for people; else a traceback."""
    from jobshape.app.domain.errors import JobshapeError
    from jobshape.app.domain.text import sanitize

    if not isinstance(error, JobshapeError):
        raise error
    for problem in getattr(error, "problems", (error,)):
        print(f"jobshape: {sanitize(str(problem))}", file=sys.stderr)
    return USAGE


def _say(*lines: str, end: str = "\n") -> None:
    """Print; without a standard output there is nobody to tell."""
    with _writing():
        for line in lines:
            print(line, end=end)


@contextmanager
def _writing() -> Iterator[None]:
    """A block that writes to the standard output. Raises OutputError, BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        from jobshape.app.domain.errors import OutputError

        _let_go_of_output()
        what = f"the standard output cannot be written: {error.strerror}"
        raise OutputError(what, hint="what came out so far is not all") from error


def _let_go_of_output() -> None:
    """Have the flush at the interpreter's end fail on nobody."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# --- options -------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jobshape",
        description="Watch, understand and right-size work on a Slurm cluster, from a terminal. "
        "Without a command it opens the monitor.",
    )
    parser.add_argument("--version", action="version", version=f"jobshape {__version__}")
    _add_site_options(parser)
    parser.add_argument("--scope", choices=("mine", "accounts", "all"), help="whose jobs to show")
    parser.add_argument("--user", type=_users, metavar="NAME", help="jobs of this user only")
    parser.add_argument("--filter", metavar="QUERY", help="as after `/`: 'state:R mem>8G train'")
    parser.add_argument("--read-only", action="store_true", default=None, help="change nothing")
    parser.add_argument("--ascii", action="store_true", default=None, help="draw with ASCII only")
    parser.add_argument("--theme", help="colours: textual-dark, textual-light, ansi-dark, ...")
    parser.set_defaults(run=_monitor)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_status(commands)
    _add_wait(commands)
    _add_stages(commands)
    _add_diagnose(commands)
    _add_submit(commands)
    _add_check(commands)
    _add_doctor(commands)
    _add_sites(commands)
    _add_history(commands)
    _add_demo(commands)
    _add_config(commands)
    keys = commands.add_parser("keys", help="list every key of the monitor")
    keys.add_argument("--markdown", action="store_true", help="as a Markdown table")
    keys.set_defaults(run=_keys)
    return parser


def _add_site_options(parser: argparse.ArgumentParser, **defaults: Any) -> None:
    """Options every command knows; before the command they mean the same."""
    parser.add_argument(
        "--site", metavar="NAME", **defaults, help="a site of `jobshape sites`, or a page's path"
    )
    parser.add_argument(
        "--backend", type=_backend, metavar="NAME", **defaults,
        help="how to talk to Slurm: auto, pyslurm or commands; or local: this machine",
    )  # fmt: skip
    parser.add_argument(
        "--ssh", type=_host, metavar="HOST", **defaults, help="run Slurm's commands on this host"
    )


def _add_status(commands: Any) -> None:
    status = commands.add_parser("status", help="print the queue once, as text or JSON")
    status.add_argument("--json", action="store_true", help="for scripts: jobshape.status/1")
    status.add_argument("--schema", action="store_true", help="print the JSON schema of --json")
    status.add_argument(
        "--timeout", type=_seconds, default=30.0, metavar="SECONDS",
        help="give up after this long (30)",
    )  # fmt: skip
    unset = {"default": argparse.SUPPRESS}
    _add_site_options(status, **unset)
    status.add_argument("--scope", choices=("mine", "accounts", "all"), help="whose jobs", **unset)
    status.add_argument(
        "--user", type=_users, metavar="NAME", help="jobs of this user only", **unset
    )
    status.add_argument("--filter", metavar="QUERY", help="only jobs that match", **unset)
    status.set_defaults(run=_status)


def _add_wait(commands: Any) -> None:
    wait = commands.add_parser("wait", help="wait for the end of jobs; the exit code tells success")
    wait.add_argument("jobs", nargs="+", metavar="JOB", help="like 12, or 4_7; an array as a whole")
    wait.add_argument("--json", action="store_true", help="for scripts: jobshape.wait/1")
    wait.add_argument(
        "--timeout", type=_seconds, default=None, metavar="SECONDS",
        help="stop waiting after this long; the exit code is then 3",
    )  # fmt: skip
    _add_site_options(wait, default=argparse.SUPPRESS)
    wait.set_defaults(run=_wait)


def _add_stages(commands: Any) -> None:
    stages = commands.add_parser("stages", help="what the stages used, and where the bottleneck is")
    stages.add_argument("--json", action="store_true", help="for scripts: jobshape.stages/1")
    stages.add_argument(
        "--runs", type=_runs, default=20, metavar="N",
        help="figures of the N newest finished runs of each stage (20)",
    )  # fmt: skip
    stages.add_argument(
        "--days", type=_days, default=14.0, metavar="D", help="how far back runs count (14)"
    )
    stages.add_argument(
        "--timeout", type=_seconds, default=30.0, metavar="SECONDS",
        help="give up after this long (30)",
    )  # fmt: skip
    _add_site_options(stages, default=argparse.SUPPRESS)
    stages.set_defaults(run=_stages)


def _add_diagnose(commands: Any) -> None:
    diagnose = commands.add_parser(
        "diagnose", help="say why a job failed, from its log and what Slurm says of it",
        description="Exit code: 0 a cause was found, or nothing failed; 1 it failed and nothing "
        "says why; 2 a file cannot be read.",
    )  # fmt: skip
    diagnose.add_argument("job", nargs="?", metavar="JOB", help="like 12, or 4_7")
    diagnose.add_argument(
        "--log", action="append", default=[], metavar="FILE", help="its output; give it again for "
        "the second stream",
    )  # fmt: skip
    diagnose.add_argument("--state", metavar="STATE", help="as sacct says: FAILED, TIMEOUT, ...")
    diagnose.add_argument("--exit-code", metavar="CODE:SIGNAL", help="as sacct says: 1:0")
    diagnose.add_argument("--reason", metavar="WORDS", help="as squeue says: QOSMaxCpuPerUserLimit")
    diagnose.add_argument("--json", action="store_true", help="for scripts: jobshape.diagnose/1")
    _add_site_options(diagnose, default=argparse.SUPPRESS)
    diagnose.set_defaults(run=_diagnose)


def _add_submit(commands: Any) -> None:
    from jobshape.app.domain.shape import SHAPE_FIELDS

    submit = commands.add_parser(
        "submit", help="submit a script, after the pre-flight; kept in history",
        description="Options of the shape change the script's own lines: --mem=+20%%, --time=x2. "
        "Exit code: 0 submitted; 1 something stands in the way; 2 it cannot be done.",
    )  # fmt: skip
    submit.add_argument("script", metavar="SCRIPT", help="a batch script; - reads it from stdin")
    submit.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARG", help="for the script")
    for field in SHAPE_FIELDS:
        submit.add_argument(
            f"--{field.option}", dest=f"shape_{field.name}", metavar=field.kind.upper(),
            help=field.help.replace("%", "%%"),
        )  # fmt: skip
    submit.add_argument("--job-name", default="", metavar="NAME", help="its name")
    submit.add_argument("--chdir", default="", metavar="FOLDER", help="where it runs; here")
    submit.add_argument("--comment", default="", metavar="TEXT", help="kept with the job")
    submit.add_argument("--reason", default="", metavar="TEXT", help="why; kept in history")
    submit.add_argument(
        "--lift", action="append", default=[], metavar="RULE=REASON",
        help="go on in spite of a block of the pre-flight, for this reason",
    )  # fmt: skip
    submit.add_argument("--dry-run", action="store_true", help="show what would be sent")
    submit.add_argument("--json", action="store_true", help="for scripts: jobshape.submit/1")
    _add_site_options(submit, default=argparse.SUPPRESS)
    submit.set_defaults(run=_submit)


def _add_check(commands: Any) -> None:
    check = commands.add_parser(
        "check", help="say what speaks against submitting a script; submits nothing",
        description="Exit code: 0 nothing blocks; 1 something does; 2 it cannot be checked. "
        "Options stand before SCRIPT: what follows it is the script's own.",
    )  # fmt: skip
    check.add_argument("script", nargs="?", metavar="SCRIPT", help="a batch script; -: stdin")
    check.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARGS", help="the script's arguments"
    )
    check.add_argument("--json", action="store_true", help="for scripts: jobshape.check/1")
    check.add_argument("--schema", action="store_true", help="print the JSON schema of --json")
    check.add_argument("--offline", action="store_true", help="do not ask the site")
    check.add_argument(
        "--lift", action="append", default=[], metavar="RULE=REASON",
        help="go on in spite of a block, for this reason",
    )  # fmt: skip
    check.add_argument("--rules", action="store_true", help="list the rules and what each does")
    check.add_argument("--markdown", action="store_true", help="with --rules: their defaults")
    _add_site_options(check, default=argparse.SUPPRESS)
    check.set_defaults(run=_check)


def _add_doctor(commands: Any) -> None:
    doctor = commands.add_parser("doctor", help="say what works here and what is missing")
    doctor.add_argument("--json", action="store_true", help="for scripts: jobshape.doctor/1")
    _add_site_options(doctor, default=argparse.SUPPRESS)
    doctor.set_defaults(run=_doctor)


def _add_sites(commands: Any) -> None:
    sites = commands.add_parser("sites", help="list the sites there are, and their partitions")
    sites.add_argument("name", nargs="?", metavar="NAME", help="tell everything about this one")
    sites.add_argument("--json", action="store_true", help="for scripts: jobshape.sites/1")
    sites.add_argument("--path", action="store_true", help="print the folder of your own pages")
    sites.add_argument("--template", action="store_true", help="print a page with every field")
    sites.set_defaults(run=_sites)


def _add_history(commands: Any) -> None:
    history = commands.add_parser(
        "history",
        help="find jobs of the past; put tags and notes on them",
        description="Finds your jobs of the past. A WORD is a job id (12, 4_7, 4 for an array) or "
        "a text to look for. `history tag JOB TAG...`, `history untag JOB [TAG...]` and "
        "`history note JOB TEXT` write on a job. `history actions [JOB...]` tells what was done to "
        "jobs, `history script JOB` prints the script that jobshape submitted.",
    )
    history.add_argument("words", nargs="*", metavar="WORD", help="job ids, or a text")
    history.add_argument("--name", default="", help="job name, or a part; * stands for anything")
    history.add_argument("--stage", default="", help="step of the workload")
    history.add_argument("--tag", action="append", default=[], help="has this tag; may be repeated")
    states = "OOM, TIMEOUT, ... or waiting, running, done, failed, cancelled"
    history.add_argument("--state", action="append", default=[], help=states)
    history.add_argument("--finding", default="", metavar="CLASS", help="why it failed: oom_host")
    history.add_argument("--campaign", default="", metavar="NAME", help="submitted by this one")
    history.add_argument("--text", default="", help="in name, comment, folder, note or tags")
    history.add_argument("--since", metavar="TIME", help="not over before: 2d, today, 2026-11-21")
    history.add_argument("--until", metavar="TIME", help="submitted before")
    history.add_argument("--limit", type=_count, default=50, metavar="N", help="newest N jobs (50)")
    shape = history.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="for scripts: jobshape.history/1")
    shape.add_argument("--csv", action="store_true", help="for spreadsheets")
    history.add_argument("--site", metavar="NAME", default=argparse.SUPPRESS, help="jobs there")
    history.set_defaults(run=_history)


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser("demo", help="a small pipeline that really runs on this machine")
    demo.add_argument("--folder", metavar="PATH", help="where everything of it is kept")
    demo.add_argument("--no-screen", action="store_true", help="only start it")
    demo.add_argument("--clean", action="store_true", help="end its jobs and remove all of it")
    demo.add_argument("--yes", action="store_true", help="with --clean: do not ask")
    demo.set_defaults(run=_demo)


def _add_config(commands: Any) -> None:
    config = commands.add_parser("config", help="show the settings and where each comes from")
    config.add_argument("action", nargs="?", choices=("show", "edit"), default="show",
                        help="edit: open the settings file in $EDITOR")  # fmt: skip
    config.add_argument("--path", action="store_true", help="print the settings file's path")
    config.add_argument("--template", action="store_true", help="print a file with all settings")
    config.set_defaults(run=_config)


def _backend(text: str) -> str:
    if text in ("auto", "pyslurm", "commands", "local") or _FACTORY.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is none of auto, pyslurm, commands, local")


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no host name")
    return text


def _users(text: str) -> str:
    if not _USERS.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no user name")
    return text


def _runs(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 5000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 5000")
    return int(text)


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days <= 3660:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days up to 3660")
    return days


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


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


# --- commands ------------------------------------------------------------------------------


def _monitor(arguments: argparse.Namespace) -> int:
    from jobshape.app.launch import launch
    from jobshape.app.sites import choose_site

    loaded = _load(arguments)
    return launch(loaded.settings, choose_site(loaded), filter_text=_filter_text(arguments))


def _status(arguments: argparse.Namespace) -> int:
    if arguments.schema:
        from jobshape.app.status import schema_text

        _say(schema_text(), end="")
        return OK
    from jobshape.app.status import run_status

    return run_status(
        _load(arguments),
        query_text=_filter_text(arguments),
        as_json=arguments.json,
        deadline_s=arguments.timeout,
        say=_say,
    )


def _wait(arguments: argparse.Namespace) -> int:
    from jobshape.app.wait_report import wait_for_jobs

    return wait_for_jobs(
        _load(arguments),
        arguments.jobs,
        as_json=arguments.json,
        timeout_s=arguments.timeout,
        say=_say,
    )


def _stages(arguments: argparse.Namespace) -> int:
    from jobshape.app.stages_report import run_stages

    return run_stages(
        _load(arguments),
        runs=arguments.runs,
        days=arguments.days,
        as_json=arguments.json,
        deadline_s=arguments.timeout,
        say=_say,
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
        _say(report.as_json(findings))
    else:
        _say(*report.text(findings))
    return BROKEN if report.failed_without_cause(findings) else OK


def _submit(arguments: argparse.Namespace) -> int:
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
        as_json=arguments.json, say=_say,
    )  # fmt: skip


def _check(arguments: argparse.Namespace) -> int:
    from jobshape.app import check_report as report
    from jobshape.app.domain.errors import BadRequest

    if arguments.schema:
        _say(report.schema_text(), end="")
        return OK
    if arguments.rules and arguments.markdown:
        _say(*report.rules_markdown())
        return OK
    loaded = _load(arguments)
    if arguments.rules:
        _say(*report.rules(loaded.settings.policy))
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
        _say(report.as_json(checked))
    else:
        _say(*report.text(checked, ascii_only=report.uses_ascii(loaded.settings)))
    return BROKEN if checked.is_blocked else OK


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
        _say(doctor.as_json(diagnosis))
    else:
        colour = sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        _say(*doctor.text(diagnosis, colour=colour))
    return diagnosis.exit_code


def _sites(arguments: argparse.Namespace) -> int:
    from jobshape.app import sites_report
    from jobshape.app.settings.load import SettingsError
    from jobshape.app.settings.pages import pages_folder

    if arguments.path:
        _say(str(pages_folder()))
        return OK
    if arguments.template:
        _say(sites_report.template(), end="")
        return OK
    loaded = _load(arguments)
    if arguments.name:
        _say(*sites_report.detail(arguments.name, loaded))
        return OK
    found = sites_report.survey(loaded)
    if arguments.json:
        _say(sites_report.as_json(found))
    else:
        _say(*sites_report.table(found))
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
        _say(*history_report.act(words, site))
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
        _say(history_report.as_json(found, now))
    elif arguments.csv:
        _say(history_report.as_csv(found, now), end="")
    else:
        _say(*history_report.table(found))
    return OK


def _actions(arguments: argparse.Namespace, what: str, jobs: list[str], site: str) -> int:
    import time

    from jobshape.app import actions_report as report

    if what == "script":
        text = report.script(jobs, site)
        if sys.stdout is not None and sys.stdout.isatty():
            _say(*report.lines_to_look_at(text))
            return OK
        with _writing():
            sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        return OK
    now = time.time()
    found = report.find(jobs, site, since=arguments.since, limit=arguments.limit, now=now)
    if arguments.json:
        _say(report.as_json(found, now))
    else:
        _say(*report.table(found))
    return OK


def _demo(arguments: argparse.Namespace) -> int:
    from jobshape.app.demo.run import clean_demo, run_demo

    if arguments.clean:
        return clean_demo(arguments.folder, sure=arguments.yes, say=_say)
    return run_demo(
        _options(arguments),
        arguments.folder,
        screen=not arguments.no_screen,
        filter_text=_filter_text(arguments),
        say=_say,
    )


def _config(arguments: argparse.Namespace) -> int:
    from jobshape.app import config_report

    if arguments.path:
        _say(str(config_report.path()))
    elif arguments.template:
        _say(config_report.template(), end="")
    else:
        if arguments.action == "edit":
            config_report.edit()
        _say(*config_report.report(_load(arguments)))
    return OK


def _keys(arguments: argparse.Namespace) -> int:
    from jobshape.screens import commands

    if arguments.markdown:
        _say(commands.keys_markdown(), end="")
        return OK
    from jobshape.app.text_table import lay_out

    rows = [
        (screen, c.shown_keys, c.title, c.help)
        for screen, own in commands.SCREENS.items()
        for c in own
    ]
    _say(*lay_out([("", "left")] * 4, rows))
    return OK
