"""The options of the command line, and what may stand behind each.

Loads nothing that takes time: ``--version`` and ``--help`` answer at once.
"""

import argparse
import re
from typing import Any

from jobshape import __version__

_HOST = re.compile(r"[A-Za-z0-9_.:@\[\]%][A-Za-z0-9_.:@\[\]%-]*")
_USERS = re.compile(r"[^\s,\"*]+(,[^\s,\"*]+)*")
_FACTORY = re.compile(r"\w+(\.\w+)*:\w+")


def make_parser() -> argparse.ArgumentParser:
    """All options of all commands; ``command`` names the one that was given."""
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
    parser.set_defaults(command="monitor")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_status(commands)
    _add_wait(commands)
    _add_stages(commands)
    _add_diagnose(commands)
    _add_submit(commands)
    _add_check(commands)
    _add_rounds(commands)
    _add_doctor(commands)
    _add_sites(commands)
    _add_history(commands)
    _add_demo(commands)
    _add_config(commands)
    keys = commands.add_parser("keys", help="list every key of the monitor")
    keys.add_argument("--markdown", action="store_true", help="as a Markdown table")
    keys.set_defaults(command="keys")
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
    status.set_defaults(command="status")


def _add_wait(commands: Any) -> None:
    wait = commands.add_parser("wait", help="wait for the end of jobs; the exit code tells success")
    wait.add_argument("jobs", nargs="+", metavar="JOB", help="like 12, or 4_7; an array as a whole")
    wait.add_argument("--json", action="store_true", help="for scripts: jobshape.wait/1")
    wait.add_argument(
        "--timeout", type=_seconds, default=None, metavar="SECONDS",
        help="stop waiting after this long; the exit code is then 3",
    )  # fmt: skip
    _add_site_options(wait, default=argparse.SUPPRESS)
    wait.set_defaults(command="wait")


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
    stages.set_defaults(command="stages")


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
    diagnose.set_defaults(command="diagnose")


def _add_submit(commands: Any) -> None:
    from jobshape.app.domain.shape import SHAPE_FIELDS

    submit = commands.add_parser(
        "submit", help="submit a script, after the pre-flight; kept in history",
        description="Options of the shape change the script's own lines: --mem=+20%, --time=x2. "
        "Exit code: 0 submitted; 1 something stands in the way; 2 it cannot be done.",
    )  # fmt: skip
    submit.add_argument("script", metavar="SCRIPT", help="a batch script; - reads it from stdin")
    submit.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARG", help="for the script")
    letters = {
        "partition": "p", "account": "A", "qos": "q", "nodes": "N", "ntasks": "n",
        "cpus-per-task": "c", "time": "t", "array": "a", "constraint": "C", "exclude": "x",
    }  # fmt: skip
    for field in SHAPE_FIELDS:
        submit.add_argument(
            *([f"-{letters[field.option]}"] if field.option in letters else []),
            f"--{field.option}", dest=f"shape_{field.name}", metavar=field.kind.upper(),
            help=field.help.replace("%", "%%"),
        )  # fmt: skip
    submit.add_argument("-J", "--job-name", default="", metavar="NAME", help="its name")
    submit.add_argument("-D", "--chdir", default="", metavar="FOLDER", help="where it runs; here")
    submit.add_argument("--comment", default="", metavar="TEXT", help="kept with the job")
    submit.add_argument("--reason", default="", metavar="TEXT", help="why; kept in history")
    submit.add_argument(
        "--lift", action="append", default=[], metavar="RULE=REASON",
        help="go on in spite of a block of the pre-flight, for this reason",
    )  # fmt: skip
    submit.add_argument("--dry-run", action="store_true", help="show what would be sent")
    submit.add_argument("--json", action="store_true", help="for scripts: jobshape.submit/1")
    _add_site_options(submit, default=argparse.SUPPRESS)
    submit.set_defaults(command="submit")


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
    check.set_defaults(command="check")


def _add_rounds(commands: Any) -> None:
    rounds = commands.add_parser("rounds", help="a workload of a manifest, run in rounds")
    actions = rounds.add_subparsers(title="actions", metavar="ACTION", required=True)
    plan = actions.add_parser(
        "plan", help="say what a manifest expands to; submits nothing",
        description="Exit code: 0; 2 for a manifest that cannot be used.",
    )  # fmt: skip
    plan.add_argument("manifest", nargs="?", metavar="MANIFEST", help="jobshape.yaml if left out")
    plan.add_argument("--json", action="store_true", help="for scripts: jobshape.plan/1")
    plan.add_argument("--phase", default="", metavar="NAME", help="only this phase")
    plan.add_argument(
        "--limit", type=_count, default=3, metavar="N", help="show N jobs of each phase (3)"
    )
    plan.add_argument("--schema", action="store_true", help="print the manifest's JSON schema")
    plan.add_argument("--template", action="store_true", help="print a manifest to begin with")
    _add_site_options(plan, default=argparse.SUPPRESS)
    plan.set_defaults(command="rounds", action="plan")
    start = actions.add_parser("start", help="run a manifest, from a smoke to all of it")
    start.add_argument("manifest", nargs="?", metavar="MANIFEST", help="jobshape.yaml if left out")
    _finish_rounds(start, "start")
    status = actions.add_parser("status", help="how campaigns stand")
    status.add_argument("campaign", nargs="?", type=_count, metavar="N", help="all of this one")
    _finish_rounds(status, "status")
    report = actions.add_parser("report", help="what a campaign showed, as Markdown or HTML")
    report.add_argument("campaign", nargs="?", type=_count, metavar="N", help="the newest if left")
    report.add_argument("--html", default="", metavar="FILE", help="write it with plots")
    report.add_argument("--output", default="", metavar="FILE", help="write the Markdown")
    _finish_rounds(report, "report")
    for name, words in ROUNDS_WISHES.items():
        one = actions.add_parser(name, help=words)
        one.add_argument("campaign", nargs="?", type=_count, metavar="N",
                         help="its number; the only one that runs if left out")  # fmt: skip
        _finish_rounds(one, name)


ROUNDS_WISHES = {
    "pause": "send nothing more; jobs on the way go on",
    "resume": "go on",
    "retry": "answer a question: try again what failed",
    "skip": "answer a question: leave out what failed",
    "stop": "end it and cancel its jobs",
}
"""What may be wished of a campaign."""


def _finish_rounds(parser: argparse.ArgumentParser, action: str) -> None:
    parser.add_argument("--json", action="store_true", help="for scripts: jobshape.rounds/1")
    _add_site_options(parser, default=argparse.SUPPRESS)
    parser.set_defaults(command="rounds", action=action)


def _add_doctor(commands: Any) -> None:
    doctor = commands.add_parser("doctor", help="say what works here and what is missing")
    doctor.add_argument("--json", action="store_true", help="for scripts: jobshape.doctor/1")
    _add_site_options(doctor, default=argparse.SUPPRESS)
    doctor.set_defaults(command="doctor")


def _add_sites(commands: Any) -> None:
    sites = commands.add_parser("sites", help="list the sites there are, and their partitions")
    sites.add_argument("name", nargs="?", metavar="NAME", help="tell everything about this one")
    sites.add_argument("--json", action="store_true", help="for scripts: jobshape.sites/1")
    sites.add_argument("--path", action="store_true", help="print the folder of your own pages")
    sites.add_argument("--template", action="store_true", help="print a page with every field")
    sites.set_defaults(command="sites")


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
    history.set_defaults(command="history")


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser("demo", help="a small pipeline that really runs on this machine")
    demo.add_argument("--folder", metavar="PATH", help="where everything of it is kept")
    demo.add_argument("--no-screen", action="store_true", help="only start it")
    demo.add_argument("--clean", action="store_true", help="end its jobs and remove all of it")
    demo.add_argument("--yes", action="store_true", help="with --clean: do not ask")
    demo.set_defaults(command="demo")


def _add_config(commands: Any) -> None:
    config = commands.add_parser("config", help="show the settings and where each comes from")
    config.add_argument("action", nargs="?", choices=("show", "edit"), default="show",
                        help="edit: open the settings file in $EDITOR")  # fmt: skip
    config.add_argument("--path", action="store_true", help="print the settings file's path")
    config.add_argument("--template", action="store_true", help="print a file with all settings")
    config.set_defaults(command="config")


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
