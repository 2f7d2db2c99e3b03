"""Other stage rules for jobs that are already kept."""

import sqlite3
from collections.abc import Callable
from typing import Any

from jobshape.app.domain.job import NO_JOB, UNASSIGNED, Job
from jobshape.app.history.words import Words

_LOOKED_AT = ("name", "comment", "work_dir", "partition")
"""What a rule may look at; jobs that agree in all of it are asked about once."""


def restage(db: sqlite3.Connection, words: Words, site: str, stage_of: Callable[[Job], str]) -> int:
    """Give each job of the site the stage that the rules give it; gives how many changed.

    A job that no rule claims keeps its stage: the rules may be those of another project. One that
    a campaign submitted keeps it too.
    """
    names = ", ".join(_LOOKED_AT)
    kinds = db.execute(
        f"SELECT DISTINCT {names} FROM jobs WHERE site = ? AND campaign IS NULL",
        (words.number(site),),
    ).fetchall()
    texts = words.texts({number for kind in kinds for number in kind})
    changed = 0
    for kind in kinds:
        looked_at: list[Any] = [texts[number] for number in kind]
        known = dict(zip(_LOOKED_AT, looked_at, strict=True))
        stage = stage_of(NO_JOB._replace(**known))
        if stage == UNASSIGNED:
            continue
        same = " AND ".join(f"{name} IS ?" for name in _LOOKED_AT)
        changed += db.execute(
            f"UPDATE jobs SET stage = ?1 WHERE stage IS NOT ?1 AND site = ?2"
            f" AND campaign IS NULL AND {same}",
            (words.keep(stage), words.number(site), *kind),
        ).rowcount
    return changed
