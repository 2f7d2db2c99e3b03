"""Which machine a site's queue belongs to: its processes are of one machine, a home may be of many.

A machine is known by its id where it has one, so that it may be renamed, by its name otherwise.
"""

import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from jobshape.app.backends.local.folder import SiteFolder
from jobshape.app.backends.local.machine import host_name
from jobshape.app.backends.local.store import Store
from jobshape.app.domain.errors import BackendError

_ID = re.compile(r"[0-9a-f]{32}")


class Owner(NamedTuple):
    """A machine. Source of the id: machine-id(5); "" where it has none."""

    host: str
    machine_id: str

    def is_same(self, other: "Owner") -> bool:
        """Whether both are one machine."""
        if self.machine_id and other.machine_id:
            return self.machine_id == other.machine_id
        return self.host == other.host


def this_machine() -> Owner:
    """The machine that this process is on."""
    found = ""
    with suppress(OSError, UnicodeError):
        found = Path("/etc/machine-id").read_text("ascii").strip()
    return Owner(host_name(), found if _ID.fullmatch(found) else "")


def note_owner(store: Store) -> None:
    """The queue is this machine's; inside a transaction."""
    here = this_machine()
    store.note("host", here.host)
    store.note("machine_id", here.machine_id)


def refuse_another_machine(folder: SiteFolder) -> None:
    """Raises BackendError where the queue belongs to another machine than this one.

    It is only opened for reading: the other machine may be writing it. Where it cannot be read,
    whoever opens it next says why.
    """
    owner = None
    with suppress(BackendError, sqlite3.Error):
        owner = _owner_of(folder)
    if owner is not None and not owner.is_same(this_machine()):
        raise BackendError(
            f"the queue belongs to the machine {owner.host}", where=str(folder.path),
            hint="set local.folder to a folder of this machine",
        )  # fmt: skip


def _owner_of(folder: SiteFolder) -> Owner | None:
    store = Store.to_read(folder.database)
    if store is None:
        return None
    try:
        host = store.fact("host")
        return Owner(host, store.fact("machine_id")) if host else None
    finally:
        store.close()
