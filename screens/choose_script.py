"""Where a new job begins: a script of a folder, one sent before, or a template by stage."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.scripts.draft import Draft
from jobshape.screens.ask_line import AskScreen
from jobshape.screens.pick import PickScreen
from jobshape.widgets.pick_list import PickItem

if TYPE_CHECKING:
    from jobshape.screens.room import Room

RECENT = 8
"""Scripts sent before that are offered."""

_BROWSE, _PATH = "browse", "path"


async def choose_script(room: "Room") -> Draft | None:
    """A script as it stands; None if the person left. Says what cannot be read."""
    files = room.context.files
    if files is None:
        room.status.say("submit: no files can be read here", problem=True)
        return None
    try:
        templates = await files.templates()
        recent = await recent_scripts(room)
        items = [
            PickItem(_BROWSE, "A script ...", "choose a file, folder by folder"),
            PickItem(_PATH, "A path ...", "type or paste it"),
            *(PickItem(f"file {path}", PurePosixPath(path).name, path) for path in recent),
            *(PickItem(f"template {stage}", stage, f"template: {where}")
              for stage, where, _ in templates),
        ]  # fmt: skip
        picked = await room.app.push_screen_wait(
            PickScreen("Submit", items, room.glyphs, hint="or paste a path", takes_text=True)
        )
        if picked is None:
            return None
        if picked not in {item.value for item in items}:
            picked = f"file {picked}"
        kind, _, rest = picked.partition(" ")
        if kind == "template":
            text = next(text for stage, _, text in templates if stage == rest)
            return Draft(text)
        path: str | None = rest
        if kind == _BROWSE:
            path = await browse(room)
        elif kind == _PATH:
            path = await room.app.push_screen_wait(
                AskScreen("Submit a script", "its path", room.glyphs)
            )
        if path is None:
            return None
        file = await files.read(path)
        return Draft(file.text, str(file.path))
    except JobshapeError as error:
        room.status.say(f"submit: {error}", problem=True)
        return None


async def recent_scripts(room: "Room") -> list[str]:
    """The paths of scripts that were sent from here, the newest first."""
    found = await room.context.action_log.submissions()
    paths = dict.fromkeys(one.script_path for one in found or () if one.script_path)
    return list(paths)[:RECENT]


async def browse(room: "Room") -> str | None:
    """Folder by folder until a file is picked."""
    files = room.context.files
    assert files is not None
    folder = PurePosixPath(await files.home())
    while True:
        entries = await files.listing(str(folder))
        items = [PickItem("..", "..", "the folder above")] + [
            PickItem(name, f"{name}/" if is_folder else name, "folder" if is_folder else "")
            for name, is_folder in entries
            if not name.startswith(".")
        ]
        title = str(folder)[-70:]
        picked = await room.app.push_screen_wait(PickScreen(title, items, room.glyphs))
        if picked is None:
            return None
        if picked == "..":
            folder = folder.parent
        elif any(name == picked and is_folder for name, is_folder in entries):
            folder /= picked
        else:
            return str(folder / picked)
