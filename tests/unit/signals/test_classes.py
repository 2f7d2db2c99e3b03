"""Each class of the taxonomy: found in what systems print, and not in what only looks like it."""

# ruff: noqa: E501

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from jobshape.app.domain.finding import NONE, UNKNOWN
from jobshape.app.signals.diagnose import diagnose
from jobshape.app.signals.patterns import alternatives, check, compiled, literals
from jobshape.app.signals.rule import SPEAKING
from jobshape.app.signals.rule_files import SHIPPED, shipped_book


def texts(name: str) -> ModuleType:
    """The table of texts beside this file."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FAILING: dict[str, list[str]] = texts("failing").FAILING
RARER: dict[str, list[str]] = texts("rarer").RARER
HEALTHY: dict[str, list[str]] = texts("healthy").HEALTHY
WHOLE: list[tuple[str, str]] = texts("whole").WHOLE
QUIET: list[str] = texts("quiet").QUIET

CLASSES = [
    "oom_host",
    "timeout",
    "cancelled",
    "preempted",
    "node_fail",
    "signal_kill",
    "pending_dependency",
    "pending_limit",
    "pending_partition",
    "pending_node",
    "pending_hold",
    "license",
    "submit_account",
    "submit_resources",
    "submit_script",
    "gres_invalid",
    "step_launch",
    "slurm_ctl",
    "module_env",
    "conda_env",
    "command_not_found",
    "exec_permission",
    "missing_package",
    "shared_lib",
    "container",
    "file_not_found",
    "permission_denied",
    "disk_full",
    "fs_error",
    "file_lock",
    "corrupt_data",
    "network",
    "auth_token",
    "resource_limit",
    "address_in_use",
    "oom_process",
    "oom_jvm",
    "python_exception",
    "code_exception",
    "app_error",
    "bad_arguments",
    "script_error",
    "nan_divergence",
    "segfault",
    "bus_error",
    "illegal_instruction",
    "abort",
    "fpe",
    "workflow_child",
    "cuda_oom",
    "cuda_unavailable",
    "cuda_arch",
    "cuda_runtime",
    "gpu_hardware",
    "dataloader_shm",
    "collective_comm",
    "dist_launch",
    "dist_child_failed",
    "mpi_launch",
    "mpi_abort",
    "mpi_comm",
    "ray_cluster",
    "dask_worker",
    "time_skew",
    "none",
    "unknown",
]
"""The failure taxonomy, in its order."""

WITHOUT_A_RULE = {
    UNKNOWN: "what is left when no rule speaks",
    NONE: "a reason to wait is no failure",
}


def test_every_class_is_explained_and_no_other() -> None:
    assert list(shipped_book().causes) == CLASSES
    for cause in shipped_book().causes.values():
        assert cause.title and cause.why.endswith(".") and cause.fix.endswith("."), cause.label


def test_every_class_has_a_rule_or_says_why_not() -> None:
    spoken = {rule.label for rule in shipped_book().rules if rule.role in SPEAKING}
    assert set(CLASSES) - spoken - WITHOUT_A_RULE.keys() == set()


def test_every_class_has_texts_here() -> None:
    assert set(FAILING) == set(CLASSES) - {NONE}


@pytest.mark.parametrize("label", sorted(FAILING))
def test_failures_are_called_by_their_class(label: str) -> None:
    said = {text: diagnose(text)[0].label for text in (*FAILING[label], *RARER.get(label, ()))}
    assert {text: found for text, found in said.items() if found != label} == {}


def test_whole_logs_are_called_by_their_root() -> None:
    said = [(label, diagnose(text)[0].label, text) for label, text in WHOLE]
    assert [wrong for wrong in said if wrong[0] != wrong[1]] == []


def test_whole_healthy_logs_are_none() -> None:
    said = {text: diagnose(text)[0].label for text in QUIET}
    assert {text: found for text, found in said.items() if found != NONE} == {}


@pytest.mark.parametrize("label", sorted(HEALTHY))
def test_what_only_looks_like_a_failure_is_none(label: str) -> None:
    said = {text: diagnose(text)[0].label for text in HEALTHY[label]}
    assert {text: found for text, found in said.items() if found != NONE} == {}


@pytest.mark.parametrize(
    "prefix",
    ["0: ", "[rank3]: ", "[1,2]<stderr>:", "2024-05-01 10:00:00,123 ", "\x1b[31m", "[default0]:"],
)
def test_a_message_is_found_behind_what_launchers_and_loggers_put_before_it(prefix: str) -> None:
    lines = [
        "Traceback (most recent call last):", '  File "a.py", line 3, in <module>',
        "    import polars", "ModuleNotFoundError: No module named 'polars'",
    ]  # fmt: skip
    found = diagnose("\n".join(prefix + line for line in lines))[0]
    assert found.label == "missing_package"
    assert found.evidence[0].line == 4


def test_a_message_is_found_behind_a_progress_bar() -> None:
    bar = "\r".join(
        f"{n}%|###     | {n}/100 [00:0{n % 10}<00:01, 9.1it/s]" for n in range(0, 99, 9)
    )
    text = f"epoch 1\n{bar}slurmstepd: error: *** JOB 5 ON n1 CANCELLED AT 2024-01-01T00:00:00 DUE TO TIME LIMIT ***"
    found = diagnose(text)[0]
    assert (found.label, found.evidence[0].line) == ("timeout", 2)


def test_a_message_is_found_where_a_narrow_terminal_cut_it_in_a_word() -> None:
    text = (
        "slurmstepd: error: *** JOB 1877 ON r2 CANCELLED AT 2024-01-01T00:00:00 DUE TO PR"
        "EEMPTION *** in the night, after nine hours and a few minutes of running as it d"
        "oes on most nights"
    )
    wrapped = "\n".join(text[at : at + 80] for at in range(0, len(text), 80))
    assert diagnose(wrapped)[0].label == "preempted"


def test_the_shipped_patterns_are_sound() -> None:
    for rule in shipped_book().rules:
        for pattern in (*rule.patterns, *rule.unless, *rule.not_after, *rule.cured_by):
            check(pattern)
            for part in alternatives(pattern):
                compiled(part)


def test_nearly_every_shipped_pattern_is_sieved_by_a_word() -> None:
    parts = [
        part for rule in shipped_book().rules for p in rule.patterns for part in alternatives(p)
    ]
    assert len([part for part in parts if not literals(part)]) <= len(parts) / 100


def test_the_rules_come_from_files_anybody_can_read() -> None:
    names = {path.stem for path in SHIPPED.glob("*.toml")} - {"classes"}
    assert {rule.name.partition(":")[0] for rule in shipped_book().rules} == names
