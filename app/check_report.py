"""``jobshape check``: what speaks against submitting a script, for people and as JSON."""

import json
import os
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from jobshape import __version__
from jobshape.app.asking import ask, wanted_of
from jobshape.app.backends.base import Backend, Scope
from jobshape.app.collector.plain import from_plain, to_plain
from jobshape.app.collector.preflight_facts import gather_site_facts
from jobshape.app.collector.wire import JOB_CODEC
from jobshape.app.domain.check import CheckLine, blocking
from jobshape.app.domain.errors import BackendError, BadRequest
from jobshape.app.domain.job import Job
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.site_facts import SiteFacts
from jobshape.app.domain.text import sanitize
from jobshape.app.history.place import FILE_NAME, name_in_history
from jobshape.app.preflight.examine import check_policy, examine, lift, verdict_of, why_not_liftable
from jobshape.app.preflight.facts import Facts
from jobshape.app.preflight.gather import join_facts, read_subject
from jobshape.app.preflight.past import BACK_S, open_ends, with_ends
from jobshape.app.preflight.registry import RULES
from jobshape.app.preflight.subject import Subject
from jobshape.app.settings.folders import state_folder
from jobshape.app.settings.values import Loaded, Policy, Settings
from jobshape.app.sites import Site, choose_site, place_of
from jobshape.app.text_table import lay_out

SCHEMA = "jobshape.check/1"
"""Grows by new fields only; a field that changes or goes makes it /2."""

DEADLINE_S = 45.0
ENDS_S = 20.0
_WIDTH = 100
_SIGNS = {"pass": "✓", "warn": "!", "block": "✗", "skip": "?"}
_ASCII_SIGNS = {"pass": "ok", "warn": "!", "block": "X", "skip": "?"}


class Checked(NamedTuple):
    """A submission that was looked at."""

    subject: Subject
    lines: list[CheckLine]
    site: str  # the page's name

    @property
    def is_blocked(self) -> bool:
        """Whether something stands in the way."""
        return bool(blocking(self.lines))


def check_script(
    loaded: Loaded, path: str, arguments: Sequence[str], *, offline: bool = False,
    lifted: Mapping[str, str] | None = None,
) -> Checked:  # fmt: skip
    """Look at a script, which is submitted by nobody here.

    path: ``-`` reads it from the standard input. offline: the site is not asked. Raises
    ConfigError, NoSite, and BadRequest for a reason that lifts nothing.
    """
    check_policy(loaded.settings.policy)
    site = choose_site(loaded)
    request = SubmitRequest(script="", arguments=tuple(arguments))
    subject = read_subject(path, request, working_folder(site), variables_of(site))
    return check(loaded, site, subject, offline=offline, lifted=lifted)


def check(
    loaded: Loaded, site: Site, subject: Subject, *, offline: bool = False,
    lifted: Mapping[str, str] | None = None,
) -> Checked:  # fmt: skip
    """The same of a submission at hand. What the site does not say in time is skipped."""
    settings = loaded.settings
    facts = gather(settings, site, subject, offline=offline)
    lines = examine(subject, facts, settings.policy)
    return Checked(subject, lift(lines, lifted or {}, settings.policy), site.page.name)


def variables_of(site: Site) -> Mapping[str, str]:
    """The variables that sbatch will see: none of ours on another host."""
    return place_of(site).environment(os.environ)


def working_folder(site: Site) -> str:
    """Where it is sent from; "" on another host. Raises BadRequest where that folder is gone."""
    if site.ssh:
        return ""
    try:
        return str(Path.cwd())
    except OSError as error:
        raise BadRequest("the working folder is gone", hint="cd to one that exists") from error


def gather(settings: Settings, site: Site, subject: Subject, *, offline: bool = False) -> Facts:
    """Everything the rules want to know; raises nothing that the site raises."""
    asked, trouble = None, "not asked (--offline)"
    if not offline and not subject.trouble:
        asked, trouble = _ask_site(site, subject)
    name = name_in_history(site.page.name) or (asked.cluster if asked else "")
    path = state_folder() / FILE_NAME if settings.history.enabled else None
    facts = join_facts(settings, place_of(site), subject, asked, trouble, history=path, site=name)
    wanted = open_ends(facts.past, asked) if asked and facts.smoke_partitions else []
    return replace(facts, past=with_ends(facts.past, _ends(site, wanted))) if wanted else facts


def _ends(site: Site, job_ids: Sequence[int]) -> list[Job]:
    """How jobs ended that no screen saw end; nothing where accounting does not tell."""
    references = [str(job_id) for job_id in job_ids]

    def question(backend: Backend) -> list[str]:
        since = int(time.time()) - BACK_S
        entries = backend.accounting(Scope.MINE, since, jobs=references)
        return [JOB_CODEC.encode(entry.job) for entry in entries]

    try:
        return [JOB_CODEC.decode(line) for line in ask(wanted_of(site, ENDS_S), "check", question)]
    except BackendError:
        return []


def _ask_site(site: Site, subject: Subject) -> tuple[SiteFacts | None, str]:
    question = partial(_gather, subject.request, subject.name)
    try:
        answer = ask(wanted_of(site, DEADLINE_S), "check", question)
    except BackendError as error:
        return None, error.what
    facts: SiteFacts = from_plain(SiteFacts, answer)
    return facts, ""


def _gather(request: SubmitRequest, name: str, backend: Backend) -> Any:
    """Runs in the child."""
    return to_plain(gather_site_facts(backend, request, name))


def read_lifts(texts: Sequence[str]) -> dict[str, str]:
    """``RULE=REASON`` of the command line. Raises BadRequest."""
    found = {}
    for text in texts:
        rule, equals, reason = text.partition("=")
        if not equals or not rule:
            raise BadRequest(f"{text!r} lifts nothing", where="--lift", hint="write RULE=REASON")
        found[rule.strip()] = reason.strip()
    return found


# --- what is printed ------------------------------------------------------------------------


def text(checked: Checked, *, ascii_only: bool = False, everything: bool = True) -> Iterator[str]:
    """The lines for people, and what they come to."""
    signs = _ASCII_SIGNS if ascii_only else _SIGNS
    width = max((len(line.rule) for line in checked.lines), default=0)
    for line in checked.lines:
        if not everything and line.verdict == "pass":
            continue
        place = f" (line {line.line})" if line.line else ""
        title = f"{sanitize(line.title)}{place}"
        yield f"{signs[line.verdict]:<2} {line.rule:<{width}}  {title}"
        indent = width + 5
        if line.lifted:
            yield from _paragraph("lifted", line.lifted, indent)
        if line.verdict != "pass":
            yield from _paragraph("why", line.why, indent)
            yield from _paragraph("fix", line.fix, indent)
        elif line.why:
            yield from _paragraph("", line.why, indent)
    yield ""
    yield verdict_words(checked.lines)


def verdict_words(lines: Sequence[CheckLine]) -> str:
    """What it comes to, in a line."""
    count = {verdict: sum(one.verdict == verdict for one in lines) for verdict in _SIGNS}
    stopping = len(blocking(lines))
    parts = [f"{stopping} blocking"] if stopping else []
    if lifted := count["block"] - stopping:
        parts.append(f"{lifted} lifted")
    parts += [f"{count['warn']} to look at"] if count["warn"] else []
    parts += [f"{count['skip']} not looked at"] if count["skip"] else []
    parts.append(f"{count['pass']} fine")
    head = "blocked" if stopping else "nothing blocks"
    return f"{head}: {', '.join(parts)}"


def _paragraph(label: str, words: str, indent: int) -> Iterator[str]:
    if not words:
        return
    for number, line in enumerate(textwrap.wrap(sanitize(words), max(40, _WIDTH - indent - 8))):
        yield f"{' ' * indent}{(label if not number else ''):<{7 if label else 0}}{line}".rstrip()


def as_json(checked: Checked) -> str:
    """The same for scripts."""
    subject = checked.subject
    return json.dumps({
        "schema": SCHEMA,
        "jobshape": __version__,
        "status": "blocked" if checked.is_blocked else "ok",
        "site": checked.site,
        "script": {
            "path": subject.path or None, "name": subject.name, "work_dir": subject.work_dir,
            "arguments": list(subject.arguments), "hash": subject.script_hash,
            "configuration_hash": subject.configuration_hash,
            "shape": dict(subject.shape.said()),
        },
        "lines": [
            {**line._asdict(), "lifted": line.lifted or None} for line in checked.lines
        ],
    }, indent=1)  # fmt: skip


def schema_text() -> str:
    """The JSON schema of the document."""
    return (Path(__file__).parent / "schemas" / "check-1.json").read_text("utf-8")


def rules(policy: Policy) -> Iterator[str]:
    """Every rule, what it does under this policy, and what it looks at."""
    check_policy(policy)
    rows = []
    for rule in RULES:
        verdict = verdict_of(rule, policy)
        words: str = verdict or "off"
        if verdict == "block" and why_not_liftable(rule.name, policy):
            words = "block, for good"
        rows.append((rule.name, words, rule.help))
    yield from lay_out([("", "left")] * 3, rows)


def rules_markdown() -> Iterator[str]:
    """Every rule as it is without any setting, as a Markdown table."""
    yield "| rule | by default | what is looked at |"
    yield "|---|---|---|"
    for rule in RULES:
        yield f"| `{rule.name}` | {rule.default} | {rule.help} |"


def uses_ascii(settings: Settings) -> bool:
    """Whether only ASCII is to be written."""
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "")
    return (
        settings.ui.ascii or encoding not in ("utf8", "utf16") or os.environ.get("TERM") == "dumb"
    )
