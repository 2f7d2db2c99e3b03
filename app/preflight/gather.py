"""Reads what is to be submitted, and joins what is known of the world around it.

What the site says is asked elsewhere (the collector's action ``preflight_facts``) and handed in.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.site_facts import SiteFacts
from jobshape.app.preflight.bounded import TooSlow, bounded
from jobshape.app.preflight.facts import Facts
from jobshape.app.preflight.look import elsewhere, look_at_files
from jobshape.app.preflight.past import look_into_past
from jobshape.app.preflight.place import Place
from jobshape.app.preflight.subject import Subject, subject_of, unreadable
from jobshape.app.scripts.script_file import MOST_BYTES, ScriptFileError, read
from jobshape.app.settings.values import Settings

READ_S = 10.0
STDIN = "-"


def read_subject(
    path: str, request: SubmitRequest, folder: str, environment: Mapping[str, str] | None = None
) -> Subject:
    """The script at a path (``-``: the standard input), as this request would send it from there.

    environment: variables that sbatch will see.
    A script that cannot be read is a subject as well, one that the rule ``script`` blocks.
    """
    if path == STDIN:
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            what = f"the script is longer than {MOST_BYTES >> 20} MiB"
            return unreadable("", what, "is it the right file?", folder)
        text = data.decode("utf-8", "surrogateescape")
        return subject_of(text, request=request, work_dir=folder, environment=environment)
    try:
        file = bounded(lambda: read(Path(folder) / path), READ_S)
    except TooSlow:
        return unreadable(path, f"its disk gave no answer in {READ_S:g} s", "is it up?", folder)
    except ScriptFileError as error:
        return unreadable(path, error.what, error.hint, folder)
    return subject_of(
        file.text, path=path, request=request, work_dir=folder, environment=environment
    )


def join_facts(
    settings: Settings, place: Place, subject: Subject, asked: SiteFacts | None, trouble: str = "",
    *, history: Path | None, site: str,
) -> Facts:  # fmt: skip
    """The facts that :func:`~jobshape.app.preflight.examine.examine` wants; may take 10 s.

    asked: what the site says; None without an answer, and ``trouble`` says why. history: its file,
    None where none is kept; site: the site's name in it. Raises nothing.
    """
    elsewhere_ = f"the job's disks are those of {place.ssh}" if place.ssh else ""
    return Facts(
        site=asked, site_trouble=trouble,
        files=elsewhere(elsewhere_) if elsewhere_ else look_at_files(subject),
        past=look_into_past(history, site, subject, asked), roles=place.roles,
        told_by=told_by(settings), most_jobs=place.most_jobs,
    )  # fmt: skip


def told_by(settings: Settings) -> str:
    """How jobshape itself tells of a job that needs somebody; "" if it does not."""
    if settings.alerts.notify != "off":
        return "jobshape notifies while its screen is open ([alerts] notify)"
    return "jobshape rings while its screen is open ([alerts] bell)" if settings.alerts.bell else ""
