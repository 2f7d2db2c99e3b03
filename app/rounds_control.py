"""``jobshape rounds start``, ``status``, ``pause``, ...: campaigns from the command line."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from jobshape.app import rounds_process
from jobshape.app.domain.campaigns import ENDED, WISHES
from jobshape.app.domain.entry import show_size
from jobshape.app.domain.errors import BadRequest, JobshapeError, OutputError, Refused
from jobshape.app.domain.text import sanitize
from jobshape.app.domain.units import format_duration
from jobshape.app.rounds.campaign import Campaign, Trial
from jobshape.app.rounds.campaign_run import baseline_of, new_trials
from jobshape.app.rounds.reading import MANIFEST_NAME, ManifestFile, read_manifest
from jobshape.app.rounds.store import Store
from jobshape.app.rounds.yaml_text import Problem
from jobshape.app.settings.values import Loaded
from jobshape.app.sites import choose_site
from jobshape.app.text_table import Title, lay_out

SCHEMA = "jobshape.rounds/1"
OK, BROKEN = 0, 1
Say = Callable[..., object]

UNDER_WAY = ("active", "stopping")

_TITLES: tuple[Title, ...] = (
    ("CAMPAIGN", "right"), ("NAME", "left"), ("SITE", "left"), ("STATE", "left"),
    ("ROUND", "right"), ("DONE", "right"), ("FAILED", "right"), ("JOBS", "right"),
    ("AGE", "right"), ("LAST", "left"),
)  # fmt: skip
_ROUND_TITLES: tuple[Title, ...] = (
    ("ROUND", "right"), ("STATE", "left"), ("DONE", "right"), ("FAILED", "right"),
    ("JOBS", "right"), ("HYPOTHESIS", "left"), ("OUTCOME", "left"),
)  # fmt: skip


def start(loaded: Loaded, manifest: str | None, *, as_json: bool, say: Say) -> int:
    """Begin a campaign and, if need be, the process that runs it. Raises JobshapeError."""
    file = read_manifest(Path(manifest or MANIFEST_NAME))
    number = start_campaign(loaded, file)
    name = file.manifest.project
    if as_json:
        say(json.dumps({"schema": SCHEMA, "campaign": number, "name": name}))
    else:
        say(f"campaign {number} of {name} has begun; `jobshape rounds status {number}` follows it")
    return OK


def start_campaign(loaded: Loaded, file: ManifestFile) -> int:
    """Keep a campaign and see that a process runs it; gives its id. Raises JobshapeError."""
    if loaded.settings.read_only:
        raise Refused("this session is read-only: no campaign is started",
                      hint="leave out --read-only, or the setting")  # fmt: skip
    if file.manifest.site != "auto" and loaded.settings.site.name == "auto":
        loaded = with_site(loaded, file.manifest.site)
    site = choose_site(loaded)
    key = rounds_process.site_key(site)
    path, now = file.path.absolute(), int(time.time())
    campaign = Campaign(
        0, file.manifest.project, key, str(path.parent), str(path), file.text, "active",
        created_at=now, baseline=baseline_of(file.manifest),
    )  # fmt: skip
    with Store.to_write(rounds_process.store_path()) as store:
        same = [one for one in store.campaigns(site=key)
                if one.state not in ENDED and one.manifest_path == str(path)]  # fmt: skip
        if same:
            rounds_process.start(key, options_of(loaded))  # it may have lost its process
            raise BadRequest(
                f"campaign {same[0].id} of this manifest is {same[0].state}", where=str(path),
                hint=f"`jobshape rounds stop {same[0].id}` ends it",
            )  # fmt: skip
        try:
            learned = store.learned_memory(campaign.name, campaign.site)
            number = store.add_campaign(campaign, new_trials(file.manifest, learned))
            for target, memory in learned.items():
                if store.has_memory(number, target):
                    store.tell(number, now, f"{target} asks for {show_size(memory)}: an earlier "
                                            "campaign ran out of memory with less")  # fmt: skip
        except Problem as problem:
            raise file.error([problem]) from problem
    rounds_process.start(key, options_of(loaded))
    return number


def with_site(loaded: Loaded, name: str) -> Loaded:
    """The same settings for another site."""
    from jobshape.app.settings.load import load_settings

    return load_settings({"site.name": (name, "the manifest's site")})


def options_of(loaded: Loaded) -> list[str]:
    """How to reach the site, as the process has to be told."""
    choice = loaded.settings.site
    given = {"site.ssh": choice.ssh, "site.name": "" if choice.name == "auto" else choice.name}
    return [f"{name}={value}" for name, value in given.items() if value]


def wish(loaded: Loaded, what: str, number: int | None, *, as_json: bool, say: Say) -> int:
    """Ask the runner for something; started if none runs. Raises BadRequest."""
    if loaded.settings.read_only:
        raise Refused(f"this session is read-only: no campaign can {what}")
    with Store.to_write(rounds_process.store_path()) as store:
        campaign = _one(store, number)
        send_wish(loaded, store, campaign, what)
    told = {"schema": SCHEMA, "campaign": campaign.id, "wish": what}
    say(json.dumps(told) if as_json else f"campaign {campaign.id} {campaign.name}: {what}")
    return OK


def send_wish(loaded: Loaded, store: Store, campaign: Campaign, what: str) -> None:
    """Write down what is wished and see that a process hears it. Raises BadRequest."""
    if campaign.state not in WISHES[what]:
        raise BadRequest(f"campaign {campaign.id} is {campaign.state}: it cannot {what}")
    store.wish(campaign.id, what, "", int(time.time()))
    rounds_process.start(campaign.site, options_of(loaded))


def is_orphaned() -> bool:
    """Whether a campaign is under way that no process runs."""
    store = Store.to_read(rounds_process.store_path())
    if store is None:
        return False
    with store:
        sites = dict.fromkeys(one.site for one in store.campaigns(UNDER_WAY))
    return not all(map(rounds_process.is_running, sites))


def go_on(loaded: Loaded) -> list[str]:
    """Start the processes that campaigns under way have lost; what could not be started.

    A machine that went down, or somebody who killed it, is no reason for a campaign to stand.
    """
    store = Store.to_read(rounds_process.store_path())
    if store is None or loaded.settings.read_only:
        return []
    with store:
        sites = dict.fromkeys(one.site for one in store.campaigns(UNDER_WAY))
    troubles = []
    for site in sites:
        if not rounds_process.is_running(site):
            try:
                rounds_process.start(site, options_of(loaded))
            except JobshapeError as error:
                troubles.append(error.what)
    return troubles


def _one(store: Store, number: int | None) -> Campaign:
    """The campaign of this number, else the only one that has not ended."""
    if number is not None:
        found = store.campaign(number)
        if found is None:
            raise BadRequest(f"there is no campaign {number}", hint="`jobshape rounds status`")
        return found
    live = [one for one in store.campaigns() if one.state not in ENDED]
    if len(live) != 1:
        many = f"{len(live)} campaigns run" if live else "no campaign runs"
        raise BadRequest(many, hint="name one by its number: `jobshape rounds status` lists them")
    return live[0]


def report(number: int | None, *, html: str, output: str, as_json: bool, say: Say) -> int:
    """The report of a campaign: Markdown to the terminal or a file, HTML to a file.

    number None: the newest one. Raises JobshapeError.
    """
    from jobshape.app.reports.campaign_report import campaign_report
    from jobshape.app.reports.gathering import gather
    from jobshape.app.reports.html import as_html
    from jobshape.app.reports.markdown import as_markdown

    store = Store.to_read(rounds_process.store_path())
    campaigns = store.campaigns() if store is not None else []
    if store is None or not campaigns:
        raise BadRequest("there is no campaign yet", hint="`jobshape rounds start` begins one")
    with store:
        campaign = campaigns[0] if number is None else _one(store, number)
        made = campaign_report(gather(store, campaign, int(time.time())))
    written = []
    for path, text in ((html, as_html), (output, as_markdown)):
        if path:
            _write(Path(path), text(made))
            written.append(path)
    if as_json:
        told = {"schema": SCHEMA, "campaign": campaign.id, "written": written,
                "markdown": as_markdown(made)}  # fmt: skip
        say(json.dumps(told, indent=1))
    elif written:
        say(*(f"wrote {sanitize(path)}" for path in written))
    else:
        say(as_markdown(made), end="")
    return OK


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"the report cannot be written: {error.strerror or error}", where=str(path)
        ) from error


# --- status ---------------------------------------------------------------------------------


def status(
    number: int | None, *, load: Callable[[], Loaded], as_json: bool, say: Say
) -> int:  # fmt: skip
    """How campaigns stand, or one of them with its rounds. Raises JobshapeError.

    What is under way and has lost its process gets one.
    """
    if is_orphaned():
        go_on(load())
    store = Store.to_read(rounds_process.store_path())
    if store is None:
        say(json.dumps({"schema": SCHEMA, "campaigns": []}) if as_json else "no campaign yet")
        return OK
    with store:
        if number is not None:
            campaign = _one(store, number)
            if as_json:
                say(json.dumps(document(store, campaign), indent=1))
            else:
                say(*map(sanitize, one_text(store, campaign)))
        elif as_json:
            found = [summary(store, one) for one in store.campaigns()]
            say(json.dumps({"schema": SCHEMA, "campaigns": found}, indent=1))
        else:
            say(*map(sanitize, list_text(store)))
    return OK


def summary(store: Store, campaign: Campaign) -> dict[str, Any]:
    """A campaign in a few fields."""
    counts = store.counts(campaign.id)
    full = [one for one in counts if one.kind == "full"]
    rounds = store.rounds(campaign.id)
    return {
        "campaign": campaign.id, "name": campaign.name, "site": campaign.site,
        "state": campaign.state, "question": campaign.question or None,
        "note": campaign.note or None, "manifest": campaign.manifest_path,
        "created_at": campaign.created_at, "ended_at": campaign.ended_at,
        "round": rounds[-1].number if rounds else None, "jobs": campaign.trials,
        "states": _by_state(full),
        "runner": rounds_process.is_running(campaign.site),
    }  # fmt: skip


def document(store: Store, campaign: Campaign) -> dict[str, Any]:
    """A campaign for scripts: its rounds, trials with their jobs, events."""
    attempts = store.attempts(campaign.id)
    jobs: dict[int, list[str]] = {}
    for attempt in attempts:
        jobs.setdefault(attempt.trial, []).append(attempt.job)
    return {
        "schema": SCHEMA,
        **summary(store, campaign),
        "rounds": [
            {
                "round": one.number, "state": one.state, "hypothesis": one.hypothesis,
                "outcome": one.outcome or None, "opened_at": one.opened_at,
                "closed_at": one.closed_at, "gate": [line._asdict() for line in one.gate],
            }
            for one in store.rounds(campaign.id)
        ],
        "trials": [_trial(one, jobs.get(one.id, [])) for one in store.trials(campaign.id)],
        "events": [event._asdict() for event in store.events(campaign.id)],
    }  # fmt: skip


def _trial(trial: Trial, jobs: Sequence[str]) -> dict[str, Any]:
    return {
        "id": trial.plan_id, "kind": trial.kind, "phase": trial.phase, "stage": trial.stage,
        "target": trial.target, "round": trial.round, "state": trial.state,
        "why": trial.why or None, "jobs": [job for job in jobs if job],
        "metrics": dict(trial.metrics), "checks": list(trial.checks),
    }  # fmt: skip


def _by_state(counts: Sequence[Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in counts:
        found[one.state] = found.get(one.state, 0) + one.trials
    return found


def list_text(store: Store) -> Iterator[str]:
    """A line a campaign, those that run first."""
    campaigns = store.campaigns()
    if not campaigns:
        yield "no campaign yet"
        return
    campaigns.sort(key=lambda one: (one.state in ENDED, -one.id))
    yield from lay_out(_TITLES, [_row(summary(store, one)) for one in campaigns])
    for one in campaigns:
        if one.state == "asking":
            yield f"campaign {one.id} asks: {one.question}"
        elif one.state == "active" and not rounds_process.is_running(one.site):
            yield f"campaign {one.id}: no process runs it; see jobshape.log"


def _row(told: dict[str, Any]) -> list[str]:
    states = told["states"]
    age = format_duration(int((told["ended_at"] or time.time()) - told["created_at"]))
    return [
        str(told["campaign"]), told["name"], told["site"], told["state"],
        "-" if told["round"] is None else str(told["round"]), f"{states.get('completed', 0):,}",
        f"{states.get('failed_other', 0) + states.get('stuck', 0):,}", f"{told['jobs']:,}", age,
        (told["note"] or "")[:60],
    ]  # fmt: skip


def one_text(store: Store, campaign: Campaign) -> Iterator[str]:
    """One campaign: its rounds, what fails or waits and why, what happened last."""
    yield from lay_out(_TITLES, [_row(summary(store, campaign))])
    if campaign.question:
        yield f"it asks: {campaign.question}"
    trials = store.trials(campaign.id)
    yield ""
    rows = []
    for one in store.rounds(campaign.id):
        mine = [trial for trial in trials if trial.round == one.number]
        done = sum(trial.state == "completed" for trial in mine)
        bad = sum(trial.state in ("failed_other", "stuck") for trial in mine)
        rows.append([str(one.number), one.state, f"{done:,}", f"{bad:,}", f"{len(mine):,}",
                     one.hypothesis, one.outcome or "-"])  # fmt: skip
    yield from lay_out(_ROUND_TITLES, rows)
    told = [trial for trial in trials if trial.why and trial.state not in ("completed", "left_out")]
    for trial in told[:20]:
        yield f"  {trial.plan_id} {trial.state}: {trial.why}"
    yield ""
    for event in store.events(campaign.id, 12):
        yield f"{time.strftime('%H:%M:%S', time.localtime(event.at))}  {event.text}"
