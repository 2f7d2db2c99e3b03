"""All stages together: finished runs of history and the jobs of the board, joined and counted."""

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Sequence

from jobshape.app.board.board import Board
from jobshape.app.domain.job import UNASSIGNED, Job
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.stage import StagesPicture, StageSummary
from jobshape.app.domain.stage_rules import Rule, StageRules
from jobshape.app.stages.bottleneck import find_bottleneck
from jobshape.app.stages.live import SLICE_JOBS, LiveStages, stage_of
from jobshape.app.stages.runs import ended_at, run_of
from jobshape.app.stages.summary import summarise

BASELINES = (10, 20, 50, 200)
"""Of how many of the newest runs of a stage the figures can be."""

MOST_RUNS = BASELINES[-1]
"""Finished jobs of a stage that are read at most."""

DAY_S = 86400
WINDOWS_S = (DAY_S, 7 * DAY_S, 14 * DAY_S, 30 * DAY_S, None)
"""How far back runs can count, in seconds; None: all."""

MOST_KNOWN = 1000
"""Finished jobs of a stage that count at most: walking more would hold up a key."""

Known = dict[str, list[PastJob]]
"""Stage -> finished jobs."""

MOST_LOOKED_AT = 2000
"""Unassigned jobs that rules are suggested from, the newest: more would say the same."""


MOST_COMPARED = 500
"""Jobs of each stage that suggested rules are tried on, the newest."""


class StagesKeeper:
    """Keeps the summaries of one board's jobs, and of the past that it is given."""

    def __init__(self, board: Board, stages: Sequence[str], user: str = "") -> None:
        self._board = board
        self.stages = tuple(stages)
        self.live = LiveStages(board, user)
        self._past: tuple[PastJob, ...] = ()
        self._capped: frozenset[str] = frozenset()
        self._rules = StageRules()
        self.problem = ""
        self.baseline = BASELINES[1]
        self.window_s: int | None = WINDOWS_S[2]

    def set_user(self, user: str) -> None:
        """Count this user's jobs only."""
        if user != self.live.user:
            self.live = LiveStages(self._board, user)

    def since(self, now: float) -> int:
        """From when on runs count, in seconds since the epoch."""
        return 0 if self.window_s is None else int(now) - self.window_s

    def set_past(
        self, runs: Iterable[PastJob], *, most: int = MOST_RUNS, problem: str = ""
    ) -> None:
        """The finished jobs of history, at most so many a stage; why there are none."""
        given = tuple(runs)
        counts = Counter(stage_of(past.record.job) for past in given)
        self._capped = frozenset(stage for stage, count in counts.items() if count >= most)
        self._past = tuple(map(self._with_stage, given))
        self.problem = problem

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """The stage rules that hold now: what history has without a stage may get one by them."""
        self._rules = StageRules(rules)
        self._past = tuple(map(self._with_stage, self._past))

    def _with_stage(self, past: PastJob) -> PastJob:
        job = past.record.job
        if stage_of(job) != UNASSIGNED or (stage := self._rules.stage_of(job)) == UNASSIGNED:
            return past
        return past._replace(record=past.record._replace(job=job._replace(stage=stage)))

    def refresh_steps(self, now: float) -> Generator[None, None, StagesPicture]:
        """Count everything anew, pausing at least every few ms."""
        yield from self.live.follow_steps()
        known, capped = yield from self._join(self.since(now))
        summaries: list[StageSummary] = []
        for stage in self._order(known):
            live = yield from self.live.look_steps(stage, now)
            summaries.append(
                summarise(
                    stage, known.get(stage, ()), live,
                    baseline=self.baseline, capped=stage in capped,
                )
            )  # fmt: skip
            yield
        shown = tuple(one for one in summaries if one.stage in self.stages or not one.is_empty)
        return StagesPicture(shown, find_bottleneck(shown), int(now), self.problem)

    def refresh_now(self, now: float) -> StagesPicture:
        """The same without pauses, for commands without a screen."""
        return run_through(self.refresh_steps(now))

    def to_suggest_from(self) -> tuple[list[Job], list[Job]]:
        """Unassigned jobs of board and past, and some that have a stage, for :func:`suggest`."""
        newest = sorted(self._unassigned(), key=lambda job: job.submit_time or 0)
        return newest[-MOST_LOOKED_AT:], self._assigned()

    def _unassigned(self) -> list[Job]:
        ids = self.live.open.get(UNASSIGNED, set()) | self.live.over.get(UNASSIGNED, set())
        found = list(self.live.jobs(ids))
        found += [
            past.record.job for past in self._past
            if stage_of(past.record.job) == UNASSIGNED and self._twin(past) is None
        ]  # fmt: skip
        return found

    def _assigned(self) -> list[Job]:
        """Some jobs that have a stage, to see whether a rule would fit them too."""
        found: list[Job] = []
        for kept in (self.live.open, self.live.over):
            for stage, ids in kept.items():
                if stage != UNASSIGNED:
                    found += self.live.jobs(set(sorted(ids)[-MOST_COMPARED:]))
        return found

    def _twin(self, past: PastJob) -> Job | None:
        """The same job on the board; an id that was used again is another job."""
        job = self._board.jobs.get(past.record.job.job_id)
        same = job is not None and job.submit_time == past.record.job.submit_time
        return job if same else None

    def _join(self, since: int) -> Generator[None, None, tuple[Known, set[str]]]:
        """Finished jobs by stage, newest first: those of history, and what only the board has.

        Beside it: the stages that have more of them. A rule accepted since then may have given a
        job of the board another stage.
        """
        by_stage: dict[str, list[PastJob]] = defaultdict(list)
        capped = set(self._capped)
        seen: set[int] = set()
        for count, past in enumerate(self._past, 1):
            twin = self._twin(past)
            if twin is not None:
                seen.add(twin.job_id)
            if ended_at(past) >= since:
                by_stage[stage_of(twin or past.record.job)].append(past)
            if not count % SLICE_JOBS:
                yield
        for stage, ids in self.live.over.items():
            for count, job in enumerate(self.live.jobs(ids - seen), 1):
                if (job.end_time or since) >= since:
                    by_stage[stage].append(run_of(job))
                if not count % SLICE_JOBS:
                    yield
        for stage, runs in by_stage.items():
            runs.sort(key=ended_at, reverse=True)
            if len(runs) > MOST_KNOWN:
                capped.add(stage)
                del runs[MOST_KNOWN:]
            yield
        return by_stage, capped

    def _order(self, known: Iterable[str]) -> list[str]:
        """The pipeline's order; stages that no setting names follow, ``unassigned`` is last."""
        others = (set(known) | self.live.stages) - {*self.stages, UNASSIGNED}
        return [*self.stages, *sorted(others), UNASSIGNED]


def run_through(steps: Generator[None, None, StagesPicture]) -> StagesPicture:
    """What the steps give in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: StagesPicture = done.value
            return result
