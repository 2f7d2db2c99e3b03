"""Begins a campaign: from a manifest, a script or a job; asks before anything is sent."""

from pathlib import PurePath
from typing import TYPE_CHECKING

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import Job
from jobshape.screens.ask_line import AskScreen
from jobshape.screens.choose_script import browse, recent_scripts
from jobshape.screens.pick import PickScreen
from jobshape.screens.question import QuestionScreen
from jobshape.widgets.pick_list import PickItem

if TYPE_CHECKING:
    from jobshape.app.domain.action import SubmissionRecord
    from jobshape.screens.room import Room

_BROWSE, _PATH = "browse", "path"
MOST_TARGETS = 4


async def begin_from_list(room: "Room") -> None:
    """Choose a manifest or a script, then ask."""
    campaigns, files = room.context.campaigns, room.context.files
    if campaigns is None:
        return
    try:
        manifests = await campaigns.manifests()
        recent = await recent_scripts(room) if files is not None else []
        items = [
            *(PickItem(path, PurePath(path).name, path) for path in manifests),
            *(PickItem(path, PurePath(path).name, path) for path in recent),
            *([PickItem(_BROWSE, "A file ...", "choose it, folder by folder")] if files else []),
            PickItem(_PATH, "A path ...", "type or paste it"),
        ]  # fmt: skip
        path = await room.app.push_screen_wait(PickScreen(
            "Run in rounds: a manifest or a script", items, room.glyphs, takes_text=True,
        ))  # fmt: skip
        if path == _BROWSE:
            path = await browse(room)
        elif path == _PATH:
            path = await room.app.push_screen_wait(
                AskScreen("Run in rounds", "path of a manifest or a batch script", room.glyphs)
            )
    except JobshapeError as error:
        room.status.say(f"rounds: {error}", problem=True)
        return
    if path is not None:
        await begin_from_path(room, path)


async def begin_from_job(room: "Room", job: Job) -> None:
    """Of a job's script, with the arguments that it was sent with."""
    try:
        record = await room.context.action_log.submission(job.array_job_id or job.job_id)
    except JobshapeError:
        record = None
    path = record.script_path if record is not None else ""
    if not path:
        path = await _path_of(room, job)
    if not path:
        room.status.say(f"rounds: nobody knows where the script of {job.label} lies", problem=True)
        return
    await begin_from_path(room, path, record)


async def _path_of(room: "Room", job: Job) -> str:
    """What the site says of it."""
    try:
        answer = await room.actions.call("detail", job=str(job.job_id))
    except JobshapeError:
        return ""
    for _, entries in getattr(answer, "groups", ()):
        for name, value in entries:
            if name == "Command":
                return str(value).split(" ")[0]
    return ""


async def begin_from_path(
    room: "Room", path: str, record: "SubmissionRecord | None" = None
) -> None:  # fmt: skip
    """Say what would begin; ``y`` begins it."""
    campaigns = room.context.campaigns
    if campaigns is None:
        room.status.say("rounds: there are no campaigns here", problem=True)
        return
    try:
        made = await campaigns.beginning(path, record)
        targets = ", ".join(made.targets[:MOST_TARGETS])
        more = len(made.targets) - MOST_TARGETS
        jobs = f"{made.jobs:,} jobs" if made.jobs != 1 else "1 job"
        said = [
            f"{'The script' if made.is_made else 'The manifest'} {made.path}",
            f"Round 0 runs it short on the smoke partition: {targets}"
            + (f" and {more:,} more" if more > 0 else ""),
            f"Once that has passed, {jobs} run in rounds; a gate that fails stops them. "
            "It goes on when jobshape is closed.",
        ]
        title = f"Start {made.name} with a smoke round?"
        answer = await room.app.push_screen_wait(
            QuestionScreen(title, said, {"y": "start"}, room.glyphs)
        )
        if answer != "y":
            return
        room.status.say(f"rounds: starting {made.name}")
        number = await campaigns.begin(made)
    except JobshapeError as error:
        room.status.say(f"rounds: {error}", problem=True)
        return
    room.context.go("rounds")
    seen = getattr(room.app, "room", room)
    seen.status.say(f"campaign {number} of {made.name} has begun")
