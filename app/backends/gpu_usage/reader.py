"""GPU figures of running jobs from the first source that has them: Slurm, DCGM, nvidia-smi.

What is known of a job is kept in notes, which the caller hands in and gets back: calls run in
forked children, and a note that stayed there would be asked for again.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from jobshape.app.backends.gpu_usage import dcgm, slurm
from jobshape.app.backends.gpu_usage.figures import HINT, GpuFigures, NoFigures
from jobshape.app.backends.gpu_usage.http import fetch
from jobshape.app.backends.gpu_usage.probe import (
    MOST_NODES,
    SPARE_BYTES,
    parse_probe,
    printable,
)
from jobshape.app.backends.gpu_usage.slurm import GpuUse
from jobshape.app.backends.gpu_usage.sources import GpuSources
from jobshape.app.domain.errors import BackendError
from jobshape.app.domain.job import Job, Usage

DESCRIBED_S = 300.0
"""How long what Slurm gave a job is taken as known: it may be requeued to other nodes."""

FORGOTTEN_S = 900.0
PROBED_EVERY_S = 60.0
PROBE_AGAIN_S = 300.0  # after one that failed
PROBED_STAYS_S = 150.0  # a reading is shown until the next ones are overdue
PROBES_AT_ONCE = 4
HTTP_S = 3.0
MOST_EXPORTERS = 16

Uses = Callable[[Sequence[int]], Mapping[int, GpuUse]]
"""Asks Slurm what it measured of these jobs' GPUs."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class GpuNote(NamedTuple):
    """What is known of a running job's GPUs. Times are monotonic, of this machine."""

    described_at: float
    gpus: int | None = None  # None: Slurm did not say
    nodes: int = 1
    memory_bytes: int | None = None
    unfit: str = ""  # why nvidia-smi is never run in it; "" if it may be
    slots: dcgm.Slots | None = None  # None: not asked for
    probed_at: float = -1e9
    next_probe_at: float = -1e9
    probed: GpuFigures | None = None
    trouble: str = ""  # of the last probe
    silent_at: float = -1e9  # when Slurm was asked and had measured nothing


Notes = Mapping[int, GpuNote]


class GpuSite(Protocol):
    """The little that is asked of a Slurm site. Each raises BackendError; probe also NoFigures."""

    def running(self, job_ids: Sequence[int]) -> list[Job]:
        """The records of own jobs."""
        ...

    def slots(self, job_id: int) -> dcgm.Slots:
        """Which GPUs Slurm gave a job on which node."""
        ...

    def probe(self, job_id: int, nodes: int) -> str:
        """What nvidia-smi printed inside the job."""
        ...


class GpuReader:
    """Adds GPU figures to usage, or says why there are none.

    looked_at: whether somebody looks at the jobs; nothing is run in others.
    """

    def __init__(
        self,
        sources: GpuSources,
        site: GpuSite,
        *,
        looked_at: bool = True,
        clock: Callable[[], float] = time.monotonic,
        get: Callable[[str, float], str] = fetch,
    ) -> None:
        self._sources = sources
        self._site = site
        self._looked_at = looked_at
        self._clock = clock
        self._get = get

    def fill(
        self, found: Sequence[Usage], uses: Uses, notes: Notes, *, slurm_again_s: float = 0.0
    ) -> tuple[list[Usage], Notes]:
        """The same usage with GPU figures, and the notes to hand in next time.

        Trouble with GPUs never costs the other figures. slurm_again_s: where Slurm measured
        nothing, when to ask it again; 0 where ``uses`` costs nothing.
        """
        job_ids = [usage.job_id for usage in found]
        known = self._described(job_ids, notes)
        gpus = {i: known[i].gpus or 0 for i in job_ids if i in known and known[i].gpus}
        if not gpus:
            return list(found), _same_or(notes, known)
        reading = _Reading(gpus)
        self._ask_slurm(reading, uses, known, slurm_again_s)
        if self._sources.dcgm_url and reading.open:
            self._ask_dcgm(reading, known)
        self._ask_jobs(reading, {usage.job_id: usage for usage in found}, known)
        return [reading.added_to(usage) for usage in found], _same_or(notes, known)

    def _described(self, job_ids: Iterable[int], notes: Notes) -> dict[int, GpuNote]:
        now = self._clock()
        known = {i: note for i, note in notes.items() if now - note.described_at < FORGOTTEN_S}
        wanted = [i for i in job_ids if i not in known or now - known[i].described_at > DESCRIBED_S]
        if not wanted:
            return known
        try:
            jobs = {job.job_id: job for job in self._site.running(wanted)}
        except BackendError:
            return known
        for job_id in wanted:
            job = jobs.get(job_id)
            known[job_id] = GpuNote(now) if job is None else _note_of(job, now, known.get(job_id))
        return known

    def _ask_slurm(
        self, reading: "_Reading", uses: Uses, known: dict[int, GpuNote], again_s: float
    ) -> None:
        now = self._clock()
        asked = [i for i in reading.gpus if now - known[i].silent_at >= again_s]
        try:
            measured = uses(asked) if asked else {}
        except BackendError as error:
            reading.nothing(reading.gpus, f"Slurm does not say: {printable(error.what)}")
            return
        for job_id, gpus in reading.gpus.items():
            with reading.trying(job_id):
                use = measured.get(job_id, GpuUse())
                reading.figures[job_id] = slurm.figures_of(use, gpus)
        if again_s:
            for job_id in asked:
                if job_id not in reading.figures:
                    known[job_id] = known[job_id]._replace(silent_at=now)

    # --- DCGM -------------------------------------------------------------------------------

    def _ask_dcgm(self, reading: "_Reading", known: dict[int, GpuNote]) -> None:
        url = self._sources.dcgm_url
        samples: list[dcgm.Sample] = []
        if not dcgm.is_exporter(url):
            try:
                samples = self._prometheus(dcgm.jobs_selector(reading.open))
            except NoFigures as error:
                reading.nothing(reading.open, str(error))
                return
            for job_id in reading.open:
                with reading.trying(job_id, quietly=True):
                    gpus = reading.gpus[job_id]
                    reading.figures[job_id] = dcgm.labelled_figures(samples, job_id, gpus)
        self._ask_by_place(reading, known)

    def _ask_by_place(self, reading: "_Reading", known: dict[int, GpuNote]) -> None:
        """Jobs that no label names: their GPUs by node and index."""
        nodes: dict[str, None] = {}
        placed = []
        for job_id in reading.open:
            with reading.trying(job_id):
                slots = self._slots(job_id, known)
                if len(nodes | dict.fromkeys(slots)) > MOST_EXPORTERS:
                    raise NoFigures(f"it needs more than {MOST_EXPORTERS} nodes' exporters at once")
                nodes |= dict.fromkeys(slots)
                placed.append(job_id)
        if not placed:
            return
        try:
            samples = self._of_nodes(list(nodes))
        except NoFigures as error:
            reading.nothing(placed, str(error))
            return
        for job_id in placed:
            gpus, slots = reading.gpus[job_id], known[job_id].slots or {}
            with reading.trying(job_id):
                try:
                    found = dcgm.labelled_figures(samples, job_id, gpus)
                except NoFigures:
                    found = dcgm.placed_figures(samples, job_id, slots, gpus)
                reading.figures[job_id] = found

    def _slots(self, job_id: int, known: dict[int, GpuNote]) -> dcgm.Slots:
        slots = known[job_id].slots
        if slots is None:
            try:
                slots = self._site.slots(job_id)
            except BackendError as error:
                raise NoFigures(printable(error.what)) from error
            known[job_id] = known[job_id]._replace(slots=slots)
        if not slots:
            raise NoFigures("Slurm does not say which GPUs are the job's")
        return slots

    def _prometheus(self, selector: str) -> list[dcgm.Sample]:
        return dcgm.parse_answer(
            self._get(dcgm.query_url(self._sources.dcgm_url, selector), HTTP_S)
        )

    def _of_nodes(self, nodes: Sequence[str]) -> list[dcgm.Sample]:
        url = self._sources.dcgm_url
        if not dcgm.is_exporter(url):
            return self._prometheus(dcgm.nodes_selector(nodes))

        def ask(node: str) -> list[dcgm.Sample] | NoFigures:
            try:
                return dcgm.parse_metrics(self._get(dcgm.exporter_url(url, node), HTTP_S), node)
            except NoFigures as error:
                return error

        answers = _at_once(ask, nodes)
        samples = [sample for said in answers if isinstance(said, list) for sample in said]
        if not samples:
            why = next((str(said) for said in answers if isinstance(said, NoFigures)), "")
            raise NoFigures(why or "the nodes' exporters know no GPU")
        return samples

    # --- nvidia-smi -------------------------------------------------------------------------

    def _ask_jobs(
        self, reading: "_Reading", found: Mapping[int, Usage], known: dict[int, GpuNote]
    ) -> None:
        if not self._sources.probe:
            reading.nothing(reading.open, "nvidia-smi is not asked: usage.gpu_probe is off")
            return
        now = self._clock()
        fit, due = [], []
        for job_id in reading.open:
            with reading.trying(job_id):
                if self._is_due(known[job_id], found[job_id], now) and self._looked_at:
                    due.append(job_id)
                fit.append(job_id)
        due.sort(key=lambda job_id: known[job_id].probed_at)
        asked = due[:PROBES_AT_ONCE]
        answers = _at_once(lambda job_id: self._probe(job_id, known[job_id]), asked)
        for job_id, said in zip(asked, answers, strict=True):
            known[job_id] = _probed(known[job_id], said, now)
        for job_id in fit:
            note = known[job_id]
            if note.probed and now - note.probed_at < PROBED_STAYS_S:
                reading.figures[job_id] = note.probed
            else:
                reading.nothing([job_id], note.trouble or self._not_probed)

    @property
    def _not_probed(self) -> str:
        if self._looked_at:
            return "nvidia-smi in the job was not asked yet"
        return "nvidia-smi is run only in a job that is looked at"

    def _is_due(self, note: GpuNote, usage: Usage, now: float) -> bool:
        """Whether nvidia-smi may be run in the job now. Raises NoFigures if that never may be."""
        if note.unfit:
            raise NoFigures(f"nvidia-smi is not run in it: {note.unfit}")
        if now < note.next_probe_at:
            return False
        if usage.memory_bytes and note.memory_bytes:
            left = note.memory_bytes - usage.memory_bytes
            if left < SPARE_BYTES * note.nodes:
                raise NoFigures("nvidia-smi is not run in it: the job is near its memory limit")
        return True

    def _probe(self, job_id: int, note: GpuNote) -> GpuFigures | NoFigures:
        try:
            return parse_probe(self._site.probe(job_id, note.nodes), note.gpus or 0)
        except NoFigures as error:
            return error
        except BackendError as error:
            return NoFigures(f"srun in the job: {printable(error.what)}")


class _Reading:
    """One round over jobs with GPUs: the figures found so far, and what stood in the way."""

    def __init__(self, gpus: Mapping[int, int]) -> None:
        self.gpus = gpus
        self.figures: dict[int, GpuFigures] = {}
        self._why: dict[int, list[str]] = {}

    @property
    def open(self) -> list[int]:
        """Jobs whose utilisation nobody has said yet."""
        return [i for i in self.gpus if i not in self.figures or self.figures[i].percent is None]

    def nothing(self, job_ids: Iterable[int], why: str) -> None:
        """A source has nothing for these jobs."""
        for job_id in job_ids:
            self._why.setdefault(job_id, []).append(why)

    def trying(self, job_id: int, *, quietly: bool = False) -> "_Trying":
        """A block that may find that a source has nothing for this job."""
        return _Trying(self, job_id, quietly)

    def added_to(self, usage: Usage) -> Usage:
        """A job's usage with what was found."""
        if usage.job_id not in self.gpus:
            return usage
        found = self.figures.get(usage.job_id)
        if found is None:
            why = "; ".join(dict.fromkeys(self._why.get(usage.job_id, ["nobody says"])))
            return usage._replace(gpu_note=f"no GPU figures: {why}. To get them: {HINT}")
        return usage._replace(
            gpu_percent=found.percent,
            gpu_memory_bytes=found.memory_bytes,
            gpu_memory_total_bytes=found.memory_total_bytes,
            gpu_source=found.source,
        )


class _Trying:
    def __init__(self, reading: _Reading, job_id: int, quietly: bool) -> None:
        self._reading, self._job_id, self._quietly = reading, job_id, quietly

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if not isinstance(error, NoFigures):
            return False
        if not self._quietly:
            self._reading.nothing([self._job_id], str(error))
        return True


def _note_of(job: Job, now: float, before: GpuNote | None) -> GpuNote:
    """A job described anew; what was read of it stays if it has the same GPUs."""
    note = GpuNote(
        now, gpus=job.gpus, nodes=job.nodes or 1, memory_bytes=job.memory_bytes, unfit=_unfit(job)
    )
    if before is None:
        return note
    same = (before.gpus, before.nodes) == (note.gpus, note.nodes)
    return note._replace(
        probed_at=before.probed_at,
        next_probe_at=before.next_probe_at,
        probed=before.probed if same else None,
        trouble=before.trouble,
    )


def _unfit(job: Job) -> str:
    if job.state != "RUNNING":
        return f"the job is {job.state}"
    if job.het_job_id is not None:
        return "it is part of a heterogeneous job"
    if (job.nodes or 1) > MOST_NODES:
        return f"it has more than {MOST_NODES} nodes"
    return ""


def _probed(note: GpuNote, said: GpuFigures | NoFigures, now: float) -> GpuNote:
    if isinstance(said, NoFigures):
        return note._replace(
            probed_at=now, next_probe_at=now + PROBE_AGAIN_S, probed=None, trouble=str(said)
        )
    return note._replace(probed_at=now, next_probe_at=now + PROBED_EVERY_S, probed=said, trouble="")


def _same_or(notes: Notes, known: Notes) -> Notes:
    """The old notes where nothing changed: only then is nothing told to other processes."""
    return notes if notes == known else known


def _at_once(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """The work on all items, each in a thread of its own: what they do is wait."""
    if len(items) < 2:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=min(8, len(items))) as pool:
        return list(pool.map(work, items))
