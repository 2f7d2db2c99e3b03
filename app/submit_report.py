"""``jobshape submit``: the pre-flight, the script as it goes, the record, the submission.

Everything is in history before the site is asked, and what came back afterwards.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from jobshape.app.acting.git import project_of
from jobshape.app.acting.hand_over import hand_over
from jobshape.app.acting.keeping import keeper
from jobshape.app.asking import ask, wanted_of
from jobshape.app.backends.base import Backend
from jobshape.app.check_report import Checked, check, text, uses_ascii, variables_of, working_folder
from jobshape.app.domain.action import new_batch, outcome_of
from jobshape.app.domain.check import lifted_reasons, with_lifts
from jobshape.app.domain.entry import BadEntry, read_entry, show_entry
from jobshape.app.domain.errors import (
    BackendError,
    BadRequest,
    ConfigError,
    JobshapeError,
    NoSite,
    NotSent,
    Refused,
    Unreachable,
)
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.shape import SHAPE_FIELDS, JobShape
from jobshape.app.domain.text import sanitize
from jobshape.app.history.place import name_in_history
from jobshape.app.preflight.subject import subject_of
from jobshape.app.scripts.draft import Draft, record_of
from jobshape.app.scripts.script_file import ScriptFileError, read
from jobshape.app.settings.folders import unsent_folder
from jobshape.app.settings.values import Loaded
from jobshape.app.sites import Site, choose_site
from jobshape.app.snapshot import Wanted

SCHEMA = "jobshape.submit/1"
ANSWER_S = 60.0
OK, BLOCKED = 0, 1

Say = Callable[..., object]


def draft_of(
    script: str, arguments: Sequence[str], given: Mapping[str, str], *, name: str = "",
    work_dir: str = "", comment: str = "", stdin: Callable[[], str],
) -> Draft:  # fmt: skip
    """The draft that the command line means. given: field of a shape -> what was typed for it.

    Raises BadRequest, naming the option; JobshapeError where the script cannot be read.
    """
    text, path = (stdin(), "") if script == "-" else _read(script)
    draft = Draft(text, path, tuple(arguments), name=name, work_dir=work_dir, comment=comment)
    own, values = draft.own_shape, {}
    for field in SHAPE_FIELDS:
        if field.name in given:
            try:
                value = read_entry(field.kind, given[field.name], getattr(own, field.name))
            except BadEntry as error:
                what = f"{given[field.name]!r}: {error}"
                raise BadRequest(what, where=f"--{field.option}") from error
            values[field.name] = value
    return replace(draft, shape=JobShape(**values))


def _read(script: str) -> tuple[str, str]:
    file = read(script)
    return file.text, str(file.path.absolute())


def submit(
    loaded: Loaded, draft: Draft, *, reason: str, lifts: Mapping[str, str], dry_run: bool,
    as_json: bool, say: Say,
) -> int:  # fmt: skip
    """Submit a draft; 0 when it was, or would be, 1 when something stands in the way.

    Raises ConfigError, NoSite; Refused with the site's own words.
    """
    if loaded.settings.read_only and not dry_run:
        what = "this session is read-only: nothing is submitted"
        raise Refused(what, hint="leave out --read-only, or the setting; --dry-run still works")
    site = choose_site(loaded)
    request = replace(draft.request, command=loaded.settings.policy.submit_command)
    subject = subject_of(
        request.script,
        path=draft.path,
        request=request,
        work_dir=working_folder(site),
        environment=variables_of(site),
    )
    checked = check(loaded, site, subject, lifted=lifts)
    if checked.is_blocked:
        return _blocked(checked, loaded, as_json=as_json, say=say)
    if dry_run:
        told: dict[str, Any] = {
            "status": "dry-run",
            "request": _request(request),
            "script": request.script,
        }
        told["checks"] = [line._asdict() for line in checked.lines]
        say(_json(told) if as_json else _plan(draft, request, checked, loaded))
        return OK
    wanted = wanted_of(site, ANSWER_S)
    record = record_of(
        request,
        project_of(_folder(draft)),
        path=draft.path,
        reason=with_lifts(reason, lifted_reasons(checked.lines)),
        lifted=lifted_reasons(checked.lines),
        batch=new_batch(),
    )
    try:
        where = name_in_history(site.page.name) or _cluster(wanted)
    except Unreachable as error:
        unasked = NotSent(error.what, where=error.where, hint=error.hint)
        return _not_sent(loaded, site, request, unasked, as_json=as_json, say=say)
    with keeper(loaded.settings, where) as history:
        kept = history.begin(record)
        try:
            job_id = int(ask(wanted, "submit", lambda backend: backend.submit(request)))
        except BackendError as error:
            history.end(kept, None, error)
            if isinstance(error, Unreachable) or outcome_of(error) == "unknown":
                return _not_sent(loaded, site, request, error, as_json=as_json, say=say)
            raise
        history.end(kept, job_id)
    told = {"status": "submitted", "job": job_id, "site": where, "name": draft.final_name,
            "note": history.note or None}  # fmt: skip
    say(
        _json(told) if as_json else sanitize(f"submitted {job_id} {draft.final_name}{history.said}")
    )
    return OK


def _folder(draft: Draft) -> Path:
    return Path(draft.path).parent if draft.path else Path()


def _cluster(wanted: Wanted) -> str:
    def question(backend: Backend) -> str:
        return backend.capabilities().cluster

    return str(ask(wanted, "capabilities", question))


def _not_sent(
    loaded: Loaded,
    site: Site,
    request: SubmitRequest,
    error: BackendError,
    *,
    as_json: bool,
    say: Say,
) -> int:
    """Keep the script for a person; it may have arrived where the answer was lost."""
    policy = loaded.settings.policy
    unsent = unsent_folder(policy.hand_over)
    path, command = hand_over(request, unsent, policy.submit_command, site.ssh)
    unsure = outcome_of(error) == "unknown"
    if as_json:
        told = {"status": "blocked", "reason": "unreachable", "what": error.what,
                "may_have_been_sent": unsure, "script": str(path), "command": command}  # fmt: skip
        say(_json(told))
        return BLOCKED
    say(sanitize(f"not submitted: {error}"))
    if unsure:
        say("it may have arrived all the same: look with `jobshape status` before you send it")
    say(sanitize(f"the script is kept as {path}"), sanitize(f"to send it by hand: {command}"))
    return BLOCKED


def _blocked(checked: Checked, loaded: Loaded, *, as_json: bool, say: Say) -> int:
    if as_json:
        checks = [line._asdict() for line in checked.lines]
        say(_json({"status": "blocked", "reason": "preflight", "checks": checks}))
    else:
        say(*text(checked, ascii_only=uses_ascii(loaded.settings), everything=False))
        say("not submitted; a block is lifted with --lift RULE=REASON, if policy allows it")
    return BLOCKED


def _request(request: SubmitRequest) -> dict[str, Any]:
    plain = asdict(replace(request, script="", environment=None))
    return {name: value for name, value in plain.items() if value not in (None, "", (), False)}


def _plan(draft: Draft, request: SubmitRequest, checked: Checked, loaded: Loaded) -> str:
    asked = draft.shape.over(draft.own_shape)
    lines = [sanitize(f"would submit {draft.final_name}")]
    for field in SHAPE_FIELDS:
        value = getattr(asked, field.name)
        if value is not None:
            lines.append(f"  {field.title:<14} {sanitize(show_entry(field.kind, value))}")
    said = text(checked, ascii_only=uses_ascii(loaded.settings), everything=False)
    script = map(sanitize, request.script.splitlines())
    return "\n".join([*said, *lines, "", *script])


def trouble_as_json(error: JobshapeError) -> str:
    """Why nothing could be submitted, for scripts; a person reads the same on standard error.

    Its status: ``refused`` by the site or by a read-only session; ``no_site``; ``bad_request``: the
    options, the script or the settings are wrong; ``failed`` for what else went wrong.
    """
    status = next((word for kind, word in _TROUBLES.items() if isinstance(error, kind)), "failed")
    told = {name: getattr(error, name) or None for name in ("what", "where", "hint")}
    return _json({"status": status, **told})


_TROUBLES: dict[type[JobshapeError], str] = {
    Refused: "refused", NoSite: "no_site", BadRequest: "bad_request",
    ScriptFileError: "bad_request", ConfigError: "bad_request",
}  # fmt: skip
"""What an error is called in the JSON."""


def _json(told: Mapping[str, Any]) -> str:
    return json.dumps({"schema": SCHEMA, **told}, indent=2)
