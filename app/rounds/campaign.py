"""The nouns of a campaign as they are kept: campaigns, rounds, trials, their attempts, sendings.

A trial is one job of the manifest (``kind`` full), or a target run short (``kind`` smoke). It has
an attempt for each time it was sent; a sending is one call of the site for many attempts, an array.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

TrialState = Literal[
    "pending", "sent", "running", "completed", "failed_oom", "failed_other", "stuck", "stale",
    "left_out",
]  # fmt: skip
"""pending: to be sent, maybe after a delay; sent: in the queue; completed: the site says so and its
output check passes; failed_oom: out of memory, becomes pending again while policy lets it;
failed_other: ended otherwise; stuck: needs a person; stale: the job is there but its work is done
or dead, so it is cancelled and judged by its output; left_out: not needed any more."""

SETTLED = frozenset({"completed", "failed_other", "stuck", "left_out"})
"""States that only a person or a new round changes."""

CampaignState = Literal["active", "paused", "asking", "stopping", "stopped", "finished"]
"""asking: goes on once the person has answered ``question``; stopping: jobs are being cancelled."""

RoundState = Literal["open", "passed", "failed"]
SendingState = Literal["sending", "sent", "refused", "unknown", "lost"]
"""sending: written down, no answer yet; unknown: no answer came, the site is looked at for its key;
lost: it is sure that nothing arrived."""

LOOK_AGAIN = "retry: look again; stop"
GO_ON = "retry: go on; stop"
"""Ends of questions that are about no trial: the first, something is in the way; the second, the
budget. An answer to these changes no trial."""

Kind = Literal["smoke", "full"]


@dataclass(frozen=True, slots=True)
class Campaign:
    """A workload being run. Times are seconds since the epoch."""

    id: int
    name: str  # the manifest's project
    site: str  # name of the site's page
    folder: str  # where the manifest lies: commands run and paths start here
    manifest_path: str
    manifest_text: str  # as it was at the start; later changes to the file change nothing
    state: CampaignState
    question: str = ""  # why it stopped to ask, and what the answers mean
    note: str = ""  # the last thing worth telling
    created_at: int = 0
    ended_at: int | None = None
    baseline: int | None = None  # number of the trial that others are compared with
    trials: int = 0  # jobs of the manifest
    budget_asked: bool = False  # a person has let it pass its budget


@dataclass(frozen=True, slots=True)
class Round:
    """A set of trials, and the gate after it."""

    campaign: int
    number: int  # 0: smoke, 1: sweep, 2 and more: scale
    hypothesis: str  # what it is to show, in a line
    state: RoundState
    opened_at: int
    closed_at: int | None = None
    outcome: str = ""  # what it showed, in a line
    gate: tuple["GateLine", ...] = ()


class GateLine(NamedTuple):
    """A condition for going on. ``holds`` None: not known yet; ``missing``: what it waits for."""

    name: str
    holds: bool | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration to run. ``number`` is its place in the manifest's expansion, from 0."""

    id: int
    campaign: int
    number: int
    kind: Kind
    plan_id: str  # the job's id in the manifest
    phase: str
    stage: str
    target: str  # what a smoke stands for: jobs of one target run the same script or command
    configuration: str  # hash of script, words and shape: unchanged, it need not smoke again
    round: int | None = None  # None: not chosen for a round yet
    state: TrialState = "pending"
    why: str = ""  # why it is stuck, failed or left out, in a line
    label: str = ""  # class of the finding of the last attempt that failed
    attempts: int = 0
    oom_times: int = 0
    smokes_failed: int = 0
    forgiven: int = 0  # attempts that a person's `retry` lets count no more
    due_at: int = 0  # not to be sent before
    memory_bytes: int | None = None  # instead of its shape's, after OOM
    time_limit_s: int | None = None  # instead of its shape's, after a time-out
    exclude_nodes: str = ""  # beside its shape's
    metrics: Mapping[str, float] = field(default_factory=dict)
    checks: tuple[str, ...] = ()  # what of its output check, metrics, checkpoint did not hold


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time a trial was sent. Figures as accounting gives them; None: not said."""

    trial: int
    number: int  # from 1
    sending: int
    task: int | None  # of the array; None: a single job
    job_id: int | None = None  # the array's; None until the sending is settled
    state: str = ""  # Slurm's word
    submitted_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    elapsed_s: int | None = None
    max_rss_bytes: int | None = None
    total_cpu_s: float | None = None
    cpus: int | None = None
    memory_bytes: int | None = None
    gpus: int | None = None
    gpu_percent: float | None = None
    node_list: str = ""
    label: str = ""  # class of its finding, where it failed
    title: str = ""  # the finding in a few words

    @property
    def job(self) -> str:
        """Its reference for the site; "" while it has none."""
        if self.job_id is None:
            return ""
        return str(self.job_id) if self.task is None else f"{self.job_id}_{self.task}"

    @property
    def is_over(self) -> bool:
        """Whether its job has ended."""
        return self.ended_at is not None


@dataclass(frozen=True, slots=True)
class Sending:
    """One call of the site's submit, written down before it is made."""

    id: int
    campaign: int
    round: int
    key: str  # unlike any other; part of the job's comment and name
    name: str  # the job's name
    at: int
    state: SendingState
    job_id: int | None = None
    words: str = ""  # the site's, where it refused
    after: str = ""  # ids of jobs that had to succeed first, comma separated


class Lesson(NamedTuple):
    """One line of what was learned."""

    at: int
    campaign: str
    family: str  # stage and target it holds for
    text: str  # what failed, what fixed it


class Event(NamedTuple):
    """One thing that happened, for the log of a campaign."""

    at: int
    text: str
