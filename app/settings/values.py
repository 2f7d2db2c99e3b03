"""The settings as plain values: every field with its default, its limits and what it is for.

The one place where a setting is declared: the validation, ``jobshape config`` and the README's
reference are made from these classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

from jobshape.app.domain.job import DEFAULT_STAGES
from jobshape.app.domain.terms import Terms


def setting(
    default: Any,
    help: str,
    *,
    environment: str = "",
    project: bool = False,
    required: bool = False,
    measure: Literal["", "size", "duration"] = "",
    example: Any = None,
    **limits: Any,
) -> Any:
    """A field: limits are pydantic's (ge, le, pattern), environment is the variable that sets it.

    project: whether a project's own file may set it too. measure: what a text has to be, as Slurm
    writes it. example: what a template shows where the default says nothing.
    """
    metadata = {
        "help": help, "environment": environment, "project": project, "required": required,
        "measure": measure, "example": example, "limits": limits,
    }  # fmt: skip
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Ui:
    """How the screen looks and behaves."""

    theme: str = setting(
        "auto",
        "Colours: a theme of Textual (`textual-dark`, `textual-light`, `ansi-dark`); `auto` picks.",
        environment="JOBSHAPE_THEME",
        pattern=r"^[a-zA-Z0-9_-]+$",
    )
    ascii: bool = setting(
        False,
        "Draw with ASCII only, for terminals and fonts without line drawing.",
        environment="JOBSHAPE_ASCII",
    )
    columns: tuple[str, ...] = setting(
        (), "Columns of the job table, left to right; empty: the default ones."
    )
    sort: str = setting(
        "", "Column to sort by, `-` in front for descending; empty: as Slurm lists them."
    )
    group: Literal["none", "stage", "state", "array", "user"] = setting(
        "none",
        "What headings stand between rows; an array is one row under any but its own heading.",
    )
    finished_hours: float = setting(
        12.0, "Jobs that finished in the last hours stand in the list; 0: none.", ge=0, le=168
    )
    confirm: bool = setting(True, "Ask before anything that cannot be undone (cancel, requeue).")


@dataclass(frozen=True, slots=True)
class Polling:
    """How often the site is asked, and what that may cost it."""

    fastest_s: float = setting(
        2.0, "Seconds between two readings while things move and someone looks.", ge=1, le=3600
    )
    slowest_s: float = setting(
        30.0, "Seconds between two readings when nothing moves.", ge=1, le=3600
    )
    controller_ms_per_minute: float = setting(
        0.0,
        "The controller's time we may use, in ms a minute; above it polling slows. "
        "0: 200, and up to 1000 where there are 100,000 jobs.",
        ge=0,
    )


@dataclass(frozen=True, slots=True)
class MeasuredUse:
    """What is measured of running jobs, beside what Slurm itself tells."""

    gpu_probe: bool = setting(
        True,
        "Run `nvidia-smi` inside a running job that is looked at, once a minute, where nothing "
        "else tells what its GPUs do.",
        environment="JOBSHAPE_GPU_PROBE",
    )


@dataclass(frozen=True, slots=True)
class SiteChoice:
    """Which site, how to reach it, and whose jobs to show."""

    name: str = setting(
        "auto",
        "The site: a name of `jobshape sites`, a page's path, or `auto`: Slurm if there is one, "
        "else this machine.",
        environment="JOBSHAPE_SITE",
        min_length=1,
    )
    backend: Literal["auto", "pyslurm", "commands", "local"] = setting(
        "auto",
        "How to talk to Slurm: `pyslurm` (its library), `commands` (squeue ...), or what works; "
        "`local` is this machine without Slurm.",
        environment="JOBSHAPE_BACKEND",
    )
    ssh: str = setting(
        "",
        "Run Slurm's commands on this host (`[user@]host`, or a name from your ssh config).",
        environment="JOBSHAPE_SSH",
        pattern=r"^([A-Za-z0-9_.:@\[\]%][A-Za-z0-9_.:@\[\]%-]*)?$",
    )
    scope: Literal["mine", "accounts", "all"] = setting(
        "mine",
        "Whose jobs at the start: mine, those of my accounts, or everybody's.",
        environment="JOBSHAPE_SCOPE",
    )


@dataclass(frozen=True, slots=True)
class AlertLines:
    """From where a job is worth an alert, and how it is told beside the list (`!`)."""

    memory_share: float = setting(
        0.95, "Memory above this share of the job's limit.", ge=0.01, le=1
    )
    minutes_left: float = setting(5.0, "Walltime left, in minutes.", ge=0, le=1440)
    silent_minutes: float = setting(30.0, "Minutes without a new line in its log.", ge=1)
    gpu_idle_percent: float = setting(5.0, "A GPU used less than this is idle.", ge=0, le=100)
    gpu_idle_minutes: float = setting(10.0, "Minutes that a job's GPUs may be idle.", ge=1)
    bell: bool = setting(False, "Ring the terminal's bell for a new alert.")
    notify: Literal["off", "osc9", "osc777"] = setting(
        "off",
        "Have the terminal show a desktop notification: `osc9` (iTerm2, kitty, WezTerm, Windows "
        "Terminal) or `osc777` (urxvt, foot, ghostty).",
    )


@dataclass(frozen=True, slots=True)
class Log:
    """What jobshape writes down about itself: `jobshape.log` in the state folder."""

    level: Literal["off", "error", "warning", "info", "debug"] = setting(
        "warning", "The least severe line that is kept.", environment="JOBSHAPE_LOG_LEVEL"
    )


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """What is kept of your jobs: `history.db` in the state folder."""

    enabled: bool = setting(True, "Keep what is seen of your own jobs; false: nothing is added.")
    first_days: float = setting(
        14.0, "Days of accounting that are read at the first start.", ge=0, le=3650
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked for, refused and done by itself when jobs are sent. Every block names its rule.

    A rule is one of `jobshape check --rules`.
    """

    block: tuple[str, ...] = setting(
        (), "Rules of the pre-flight check that block, though they only warn by default."
    )
    warn: tuple[str, ...] = setting((), "Rules that only warn, though they block by default.")
    off: tuple[str, ...] = setting((), "Rules that are not looked at.")
    lift: str = setting(
        "all",
        "Blocks that a person may lift with a reason, which history keeps: `all`, `none`, or names "
        "of rules, comma separated.",
    )
    jobs_in_flight: int = setting(
        4, "Jobs of one's own in the queue at once, an array counting as one; 0: no limit.", ge=0
    )
    memory_per_gpu: str = setting(
        "16G", "Host memory for each GPU; more needs a `# JUSTIFIED: reason`.", measure="size"
    )
    smoke: Literal["required", "advised", "off"] = setting(
        "required",
        "Whether the same configuration has to have passed on the site's smoke partition, if it "
        "has one.",
    )
    long_job: str = setting(
        "8:00:00", "From which walltime on checkpointing has to be known.", measure="duration"
    )
    retry: Literal["ask", "never", "bounded"] = setting(
        "ask",
        "Failed jobs that could succeed when sent again: `ask`, `never`, or `bounded`: sent by "
        "itself as the lines below say.",
    )
    retry_most: int = setting(3, "How often one job is sent again by itself.", ge=0, le=20)
    retry_memory_percent: float = setting(
        20.0, "Memory a retry gets more after OUT_OF_MEMORY, at least.", ge=0, le=900
    )
    retry_time_percent: float = setting(
        50.0, "Walltime a retry gets more after TIMEOUT, at least.", ge=0, le=900
    )
    retry_minutes: tuple[float, ...] = setting(
        (1.0, 5.0, 10.0), "Minutes before the first, second, ... retry; the last one stays."
    )
    same_failures: int = setting(
        3, "After so many failures of the same class nothing is sent again by itself.", ge=1, le=20
    )
    submit_command: tuple[str, ...] = setting(
        (),
        "Wrapper to submit with instead of `sbatch`: its words; sbatch's options and the script's "
        "path follow.",
    )
    hand_over: str = setting(
        "",
        "Folder for scripts that could not be sent because the site gave no answer; empty: "
        "`unsent` in the state folder.",
    )

    @property
    def terms(self) -> Terms:
        """What it says of sending again."""
        return Terms(
            self.retry_memory_percent, self.retry_time_percent, self.retry_most,
            self.retry_minutes, self.same_failures,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StageRule:
    """Jobs that match every given pattern belong to the stage; the first rule that matches wins.

    A pattern is a regular expression searched anywhere in the text; an empty one says nothing.
    """

    stage: str = setting("", "The stage of the jobs that match.", required=True, min_length=1)
    name: str = setting("", "Pattern for the job's name.", max_length=1000)
    comment: str = setting("", "Pattern for its comment.", max_length=1000)
    work_dir: str = setting("", "Pattern for its working folder.", max_length=1000)
    partition: str = setting("", "Pattern for its partition.", max_length=1000)


RULE_PATTERNS = ("name", "comment", "work_dir", "partition")
"""The fields of a job that a stage rule can look at."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, with values that hold."""

    read_only: bool = setting(
        False,
        "Never change anything: cancel, hold, release and the like are not offered.",
        environment="JOBSHAPE_READ_ONLY",
    )
    stages: tuple[str, ...] = setting(
        DEFAULT_STAGES, "The workload's stages, in order.", project=True
    )
    stage_rules: tuple[StageRule, ...] = setting(
        (),
        "Which jobs belong to which stage; a project's rules come before your own.",
        project=True,
    )
    ui: Ui = field(default_factory=Ui)
    polling: Polling = field(default_factory=Polling)
    usage: MeasuredUse = field(default_factory=MeasuredUse)
    site: SiteChoice = field(default_factory=SiteChoice)
    alerts: AlertLines = field(default_factory=AlertLines)
    log: Log = field(default_factory=Log)
    history: HistorySettings = field(default_factory=HistorySettings)
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Declared:
    """One setting as declared: its dotted name, its default and what is said of it above."""

    name: str
    default: Any
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that hold, and where each one comes from.

    origins: dotted name -> "default", "FILE:LINE", "environment NAME", "command line OPTION".
    files: those read; of ``searched`` places the ones that exist.
    """

    settings: Settings
    origins: Mapping[str, str]
    files: tuple[Path, ...] = ()
    searched: tuple[Path, ...] = ()


def declared() -> Iterator[Declared]:
    """Every setting, sections unfolded, in the order declared."""
    for outer in fields(Settings):
        default = getattr(Settings(), outer.name)
        if is_dataclass(default):
            for inner in fields(default):
                yield Declared(
                    f"{outer.name}.{inner.name}", getattr(default, inner.name), inner.metadata
                )
        else:
            yield Declared(outer.name, default, outer.metadata)


def value_of(settings: Settings, name: str) -> Any:
    """The value behind a dotted name."""
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def build(values: Mapping[str, Any]) -> Settings:
    """Settings from nested plain values that are known to be valid; what is missing is default."""
    sections: dict[str, Any] = {
        "ui": Ui,
        "polling": Polling,
        "usage": MeasuredUse,
        "site": SiteChoice,
        "alerts": AlertLines,
        "log": Log,
        "history": HistorySettings,
        "policy": Policy,
    }
    made: dict[str, Any] = {}
    for key, value in values.items():
        if key in sections:
            made[key] = sections[key](
                **{k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
            )
        elif key == "stage_rules":
            made[key] = tuple(StageRule(**rule) for rule in value)
        else:
            made[key] = tuple(value) if isinstance(value, list) else value
    return Settings(**made)
