"""Campaigns without a site: rounds are chosen and played until nothing is left."""

from collections.abc import Callable
from dataclasses import dataclass, field

from jobshape.app.rounds.campaign import TrialState
from jobshape.app.rounds.choosing import RoundPlan, next_round
from jobshape.app.rounds.evidence import compare
from jobshape.app.rounds.expanding import PlannedJob, expand
from jobshape.app.rounds.manifest import Manifest
from jobshape.app.rounds.workload import Known, PhaseJobs, workload

from tests.unit.rounds.making import small

Outcome = tuple[TrialState, float | None]


def completed(job: PlannedJob) -> Outcome:
    return "completed", 100.0


@dataclass
class Played:
    """A campaign being played."""

    manifest: Manifest
    outcome: Callable[[PlannedJob], Outcome] = completed
    passed: dict[str, int] = field(default_factory=dict)
    not_ready: set[str] = field(default_factory=set)
    number: int = 0
    plans: list[RoundPlan] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.jobs = list(expand(self.manifest))
        self.phases: tuple[PhaseJobs, ...] = workload(self.manifest, self.jobs)
        self.known = [Known()] * len(self.jobs)

    def next(self) -> RoundPlan:
        """The next round, not run yet."""
        return next_round(
            self.phases, self.known, self.manifest.rounds, number=self.number,
            passed=self.passed, compare=compare, not_ready=self.not_ready,
        )  # fmt: skip

    def play(self, plan: RoundPlan | None = None) -> RoundPlan:
        """The next round, run to its end."""
        plan = plan or self.next()
        for number, _ in plan.left_out:
            assert self.known[number].state == "pending"
            self.known[number] = Known("left_out")
        smokes = [*plan.smokes, *(smoke for one in plan.phases for smoke in one.smokes)]
        self.passed |= {smoke.target: plan.number for smoke in smokes}
        for number in plan.numbers:
            assert self.known[number].state == "pending"
            state, total_s = self.outcome(self.jobs[number])
            self.known[number] = Known(state, total_s, plan.number)
        self.number = plan.number + 1
        self.plans.append(plan)
        return plan

    def play_all(self) -> list[RoundPlan]:
        """All rounds that run something."""
        while not self.play().is_finished:
            assert len(self.plans) <= 3 * len(self.jobs) + 3
        return self.plans[:-1]

    def ids(self, plan: RoundPlan) -> list[str]:
        return [self.jobs[number].id for number in plan.numbers]


def grid(parameters: str, rest: str = "", rounds: str = "{}") -> Manifest:
    """A manifest of one grid."""
    names = [part.partition(":")[0].strip() for part in parameters.split("],")]
    words = "-".join(f"${{{name}}}" for name in names)
    text = f"parameters: {{{parameters}}}, {rest} template: {{id: 'j-{words}'}}"
    return small(f"  - {{name: a, grid: {{{text}}}}}", rest=f"rounds: {rounds}").manifest
