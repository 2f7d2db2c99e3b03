"""A heterogeneous job is one job: its state, whose failure it was, one walltime, one script."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.finding import UNKNOWN
from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.request import JobRequest
from jobshape.app.domain.resubmission import KEPT_BY_SITE, Correction
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.units import GIB, MIB
from jobshape.app.resubmit.cases import case_of
from jobshape.app.resubmit.correcting import Corrected, correct
from jobshape.app.resubmit.grouping import DONE, HET, QUEUED, RUNNING, grouped
from jobshape.app.resubmit.het import OOM_EXIT, attributed, together, whole_state
from jobshape.app.resubmit.script import Found, Made, made
from jobshape.app.resubmit.sent import QueueStates
from jobshape.app.scripts.directives import read_script

from .made import finding, job

OOM_STEP = "error: Detected 1 oom_kill event in StepId={}. Some of its tasks were killed."
STATES = ("FAILED", "TIMEOUT", "COMPLETED", "RUNNING", "PENDING", "CANCELLED", "OUT_OF_MEMORY")


def part(offset: int, state: str = "FAILED", leader: int = 40, **more: Any) -> Job:
    return job(leader + offset, state, het_job_id=leader, het_offset=offset, **more)


def labels(jobs: list[Job], *found: tuple[int, str, str, str], derived: tuple[str, ...] = ()
           ) -> dict[int, str]:  # fmt: skip
    """The classes of failure by component, given (component, label, fix, text) of its log."""
    cases = [
        case_of(one, [finding(label, fix, "yes", text) for at, label, fix, text in found
                      if at == one.het_offset])
        for one in jobs
    ]  # fmt: skip
    return {case.job.het_offset or 0: case.label for case in attributed(cases, derived)}


@given(st.lists(st.sampled_from(STATES), min_size=1))
def test_it_is_over_only_when_all_of_it_is(states: list[str]) -> None:
    phases = {phase_of(state) for state in states}
    phase = phase_of(whole_state(states))
    assert (phase is Phase.DONE) == (phases == {Phase.DONE})
    assert (phase in (Phase.WAITING, Phase.RUNNING)) == bool(
        phases & {Phase.WAITING, Phase.RUNNING}
    )
    assert (phase is Phase.FAILED) == (
        Phase.FAILED in phases and not phases & {Phase.WAITING, Phase.RUNNING}
    )


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.sampled_from(STATES))))
def test_its_rows_are_one_submission(rows: list[tuple[int, int, str]]) -> None:
    jobs = {(het, at): part(at, state, leader=het * 10 + 10) for het, at, state in rows}
    groups, left = grouped(jobs.values(), running=True)
    assert len(groups) + sum(one.count for one in left) == len({het for het, _ in jobs})
    for group in groups:
        assert group.is_het and group.tasks is None
        assert [one.het_offset for one in group.jobs] == sorted(
            one.het_offset or 0 for one in jobs.values() if str(one.het_job_id) == group.reference
        )


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (("FAILED", "RUNNING"), RUNNING), (("COMPLETED", "PENDING"), QUEUED),
        (("COMPLETED", "COMPLETED"), DONE), (("COMPLETED", "FAILED"), ""),
    ],
)  # fmt: skip
def test_all_of_it_decides(states: tuple[str, ...], reason: str) -> None:
    groups, left = grouped([part(at, state) for at, state in enumerate(states)])
    assert [one.reason for one in left] == [reason] * bool(reason)
    assert [group.reference for group in groups] == ["40"] * (not reason)
    _, (by_itself,) = grouped([part(0), part(1)], by_itself=True)
    assert by_itself.reason == HET


def test_one_component_that_still_runs_keeps_what_was_sent_again_running() -> None:
    states = QueueStates([part(0, "COMPLETED"), part(1, "RUNNING")])
    assert states.state(40, None) == "RUNNING"
    assert states.state(41, None) == "RUNNING"


# --- whose failure it was -------------------------------------------------------------------


def test_memory_is_the_component_s_whose_step_was_killed() -> None:
    of_log = (0, "oom_host", "raise_memory", OOM_STEP.format("41.0"))
    pair = [part(0), part(1)]
    assert labels(pair, of_log) == {1: "oom_host"}
    assert labels(pair, (0, "oom_host", "raise_memory", OOM_STEP.format("40+1.0"))) == {
        1: "oom_host"
    }
    assert labels(pair, derived=(OOM_EXIT, "0:0")) == {0: "oom_host"}
    assert labels(pair, of_log, derived=(OOM_EXIT, "")) == {0: "oom_host", 1: "oom_host"}
    assert labels(pair, derived=("0:0", OOM_EXIT)) == {1: "oom_host"}
    assert labels([part(0), part(1, "OUT_OF_MEMORY")]) == {1: "oom_host"}
    both = labels([part(0, "OUT_OF_MEMORY"), part(1, "OUT_OF_MEMORY")])
    assert both == {0: "oom_host", 1: "oom_host"}


def test_nobody_guesses_whose_memory_it_was() -> None:
    case = case_of(part(0), [finding("oom_host", "raise_memory", "yes", "Killed")])
    (kept,) = attributed([case, case_of(part(1), ())])
    assert "of which component is not known" in kept.title
    (fix,) = correct(JobShape(memory_bytes=GIB), [kept]).corrections
    assert fix.field == "memory_bytes"


def test_what_only_follows_is_no_failure_of_its_own() -> None:
    ended = [part(0, "TIMEOUT"), part(1, "FAILED", exit_code="0:15")]
    assert labels(ended, (1, "external_kill", "none", "")) == {0: "timeout"}
    assert labels([part(0, "NODE_FAIL"), part(1, "CANCELLED")]) == {0: "node_fail"}
    code = labels([part(0), part(1)], (0, "python_exception", "fix_code", ""),
                  (1, UNKNOWN, "none", ""))  # fmt: skip
    assert code == {0: "python_exception"}
    alone = labels([part(0), part(1)], (0, UNKNOWN, "none", ""))
    assert alone == {0: UNKNOWN, 1: ""}


@given(st.lists(
    st.tuples(st.sampled_from(STATES), st.sampled_from(["0:0", OOM_EXIT, "1:0", ""]),
              st.sampled_from(["1:0", "0:15", "0:0", ""])),
    min_size=2, max_size=5,
))  # fmt: skip
def test_a_failure_is_never_lost(parts: list[tuple[str, str, str]]) -> None:
    jobs = [part(at, state, exit_code=code) for at, (state, _, code) in enumerate(parts)]
    derived = [one for _, one, _ in parts]
    kept = attributed([case_of(one, ()) for one in jobs], derived)
    killed = {at for at, (state, one, _) in enumerate(parts)
              if state == "OUT_OF_MEMORY" or one == OOM_EXIT}  # fmt: skip
    assert killed == {case.job.het_offset for case in kept if case.fix == "raise_memory"}
    timed = {at for at, (state, _, _) in enumerate(parts) if state == "TIMEOUT"} - killed
    assert timed <= {case.job.het_offset for case in kept if case.fix == "raise_walltime"}
    assert kept or not jobs


@given(st.lists(st.one_of(st.none(), st.just(UNLIMITED), st.integers(60, 10**6)), min_size=2),
       st.data())  # fmt: skip
def test_components_get_one_walltime(limits: list[int | None], data: st.DataObject) -> None:
    hit = data.draw(st.sampled_from(range(len(limits))))
    done = [
        correct(JobShape(time_limit_s=limit, memory_bytes=GIB),
                [case_of(part(at, "TIMEOUT", time_limit_s=limit), ())] if at == hit else [])
        for at, limit in enumerate(limits)
    ]  # fmt: skip
    after = together(done)
    assert [fix.component for one in after for fix in one.corrections] == [
        at for at, one in enumerate(after) for _ in one.corrections
    ]
    longest = done[hit].shape.time_limit_s
    for one, limit in zip(after, limits, strict=True):
        own = one.shape.time_limit_s
        if not done[hit].corrections or limit == UNLIMITED:
            assert own == limit
        else:
            assert own == max(limit or 0, longest or 0)
        for fix in one.corrections:
            assert (fix.old, fix.new) == (limit, own)


# --- the script -----------------------------------------------------------------------------

TEXT = """#!/bin/bash
#SBATCH --mem=4G  # of the first
#SBATCH hetjob
#SBATCH --mem=8G -n2  # of the second

srun --het-group=0,1 ./pair "$1"
"""


def shape(mebibytes: int, **more: Any) -> JobShape:
    known: dict[str, Any] = {"partition": "main", "nodes": 1, "tasks": 1, "cpus_per_task": 1}
    return JobShape(**(known | {"memory_bytes": mebibytes * MIB, "time_limit_s": 3600} | more))


def again(line: str, *shapes: JobShape, text: str = TEXT, fixes: tuple[Correction, ...] = (),
          names: tuple[str, ...] = ("pair",) * 9) -> Made:  # fmt: skip
    requests = [
        JobRequest(f"40+{at}", one, name=names[at], work_dir="/work", submit_line=line,
                   script_path="" if "pair.sh" not in line else "/work/pair.sh")
        for at, one in enumerate(shapes)
    ]  # fmt: skip
    return made(Found(text, KEPT_BY_SITE, requests[0], behind=tuple(requests[1:])), fixes, None)


def options(of: Made) -> list[dict[str, str]]:
    script = read_script(of.request.script)
    assert not script.errors()
    return [script.options(group) for group in range(script.groups)]


MORE = Correction("memory_bytes", 8 * GIB, 10 * GIB, "out of memory", 1)


def test_only_the_line_of_the_component_is_another() -> None:
    got = again("sbatch pair.sh one", shape(4096), shape(8192, tasks=2), fixes=(MORE,))
    assert got.request.script == TEXT.replace("--mem=8G", "--mem=10G")
    assert (got.request.arguments, got.warnings) == (("one",), ())
    assert (got.request.name, got.request.work_dir) == ("pair", "/work")


def test_the_first_one_gets_more_and_the_second_keeps_what_it_took_over() -> None:
    text = "#!/bin/sh\n#SBATCH --mem=4G\n#SBATCH hetjob\n#SBATCH -n2\n:\n"
    fix = Correction("memory_bytes", 4 * GIB, 5 * GIB, "out of memory", 0)
    got = again("sbatch pair.sh", shape(4096), shape(4096, tasks=2), text=text, fixes=(fix,))
    assert [one["mem"] for one in options(got)] == ["5G", "4G"]


def test_options_of_the_command_go_to_their_components() -> None:
    line = "sbatch --parsable --mem=6G -J pair : --mem=7G -n3 : -n4 pair.sh one"
    got = again(line, shape(6144), shape(7168, tasks=3), shape(7168, tasks=4))
    first, second, third = options(got)
    assert (first["mem"], second["mem"], third["mem"]) == ("6G", "7G", "7G")
    assert (second["ntasks"], third["ntasks"]) == ("3", "4")
    assert got.request.arguments == ("one",) and got.warnings == ()


def test_the_last_options_of_the_command_count_for_the_rest() -> None:
    got = again("sbatch --mem=6G -t 60 pair.sh", shape(6144), shape(6144, tasks=2))
    assert [one["mem"] for one in options(got)] == ["6G", "6G"]
    assert [one.get("ntasks") for one in options(got)] == [None, "2"]


def test_a_plain_script_gets_its_separators() -> None:
    for line in ("sbatch --mem=1G : --mem=2G -n2 pair.sh", "sbatch --mem=1G : --mem=2G -n2"):
        for text in ("#!/bin/sh\n#SBATCH -t 60\ntrue\n", "#!/bin/sh\n#SBATCH -t 60"):
            got = again(line, shape(1024), shape(2048, tasks=2), text=text)
            assert [one["mem"] for one in options(got)] == ["1G", "2G"]
            assert [one["time"] for one in options(got)] == ["60", "60"]


@pytest.mark.parametrize("line", [
    "sbatch --mem=1G --wrap=srun a : b --mem=3G : --mem=2G",
    "sbatch --mem=1G : --mem=2G --wrap=srun a : b --mem=3G",
])  # fmt: skip
def test_a_wrapped_command_with_colons_is_no_component(line: str) -> None:
    text = "#!/bin/sh\n# This script was created by sbatch --wrap.\n\nsrun a : b --mem=3G\n"
    got = again(line, shape(1024), shape(2048), text=text)
    assert [one["mem"] for one in options(got)] == ["1G", "2G"]
    assert got.warnings == ()


def test_names_that_differ_stand_in_the_script() -> None:
    text = TEXT.replace("#SBATCH --mem=8G", "#SBATCH -J other --mem=8G")
    got = again("sbatch -J first pair.sh", shape(4096), shape(8192, tasks=2), text=text,
                names=("first", "other"))  # fmt: skip
    assert got.request.name is None
    assert [one["job-name"] for one in options(got)] == ["first", "other"]


def test_what_cannot_be_told_apart_is_said() -> None:
    with pytest.raises(BadRequest, match="3 components, and 2 are known"):
        again("sbatch -n1 : -n2 : -n3 pair.sh", shape(1), shape(2))
    got = again("sbatch --comment=a : b pair.sh", shape(4096), shape(8192, tasks=2))
    assert any("not known for sure" in one for one in got.warnings)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(64, 4096), min_size=2, max_size=4),
    st.lists(st.one_of(st.none(), st.integers(64, 4096)), min_size=1, max_size=4),
    st.integers(1, 4),
)
def test_what_is_sent_asks_for_what_the_job_had(
    own: list[int], given_: list[int | None], groups: int
) -> None:
    """However script and command share it out, as sbatch reads them."""
    own = own[:groups]
    count = max(len(own), len(given_), 2)
    text = "#!/bin/sh\n" + "#SBATCH hetjob\n".join(f"#SBATCH --mem={mem}M\n" for mem in own) + ":\n"
    given_ += [None] * (count - len(given_)) if len(own) < count else []
    line = "sbatch " + " : ".join("" if mem is None else f"--mem={mem}M" for mem in given_)
    line = " ".join(f"{line} pair.sh".split())
    asked: list[int] = []
    for at in range(count):
        typed = given_[min(at, len(given_) - 1)]
        asked.append(typed or (own[at] if at < len(own) else asked[-1]))
    got = again(line, *map(shape, asked), text=text)
    assert [one["mem"] for one in options(got)] == [f"{mem}M" for mem in asked]
    fixes = tuple(
        Correction("memory_bytes", mem * MIB, (mem + 100) * MIB, "", at)
        for at, mem in enumerate(asked) if at % 2
    )  # fmt: skip
    more = again(line, *map(shape, asked), text=text, fixes=fixes)
    sizes = [int(read["mem"].removesuffix("M")) for read in map(_in_mebibytes, options(more))]
    assert sizes == [mem + 100 * (at % 2) for at, mem in enumerate(asked)]


def _in_mebibytes(read: dict[str, str]) -> dict[str, str]:
    number, unit = int(read["mem"][:-1]), read["mem"][-1]
    return {"mem": f"{number * {'M': 1, 'G': 1024}[unit]}M"}


def test_nothing_is_lost_of_what_is_corrected() -> None:
    """Every correction of every component stands in the script's own component."""
    fixes = (
        Correction("memory_bytes", 4 * GIB, 5 * GIB, "", 0),
        Correction("time_limit_s", 3600, 7200, "", 0), MORE,
        Correction("time_limit_s", 3600, 7200, "", 1),
        Correction("exclude_nodes", None, "n2", "", 1),
    )  # fmt: skip
    got = again("sbatch -t 60 pair.sh", shape(4096), shape(8192, tasks=2), fixes=fixes)
    first, second = options(got)
    assert (first["mem"], second["mem"]) == ("5G", "10G")
    assert first["time"] == second["time"] == "02:00:00"
    assert ("exclude" in first, second["exclude"]) == (False, "n2")


def test_without_components_nothing_is_numbered() -> None:
    assert together([Corrected(JobShape())]) == [Corrected(JobShape())]


def test_a_job_whose_command_nobody_knows_is_made_of_what_its_components_ask_for() -> None:
    text = "#!/bin/sh\n#SBATCH hetjob\n#SBATCH --mem=30M -n2\n:\n"
    got = again("", shape(40), shape(30, tasks=1), shape(50, tasks=3), text=text)
    assert [one["mem"] for one in options(got)] == ["40M", "30M", "50M"]
    assert [one.get("ntasks") for one in options(got)] == [None, "1", "3"]
    assert got.warnings == ("which arguments it was given is not known: sent without any",)


def test_a_component_without_a_word_of_memory_keeps_what_it_had() -> None:
    text = "#!/bin/sh\n#SBATCH -t 60\n#SBATCH hetjob\n#SBATCH -n2\n:\n"
    fix = Correction("memory_bytes", 4 * GIB, 5 * GIB, "out of memory", 0)
    got = again("sbatch pair.sh", shape(4096), shape(4096, tasks=2), text=text, fixes=(fix,))
    assert [one["mem"] for one in options(got)] == ["5G", "4G"]


def test_a_bad_node_is_left_out_in_the_components_behind_as_well() -> None:
    sick = [case_of(part(1, "NODE_FAIL", node_list="n7"), ())]
    shapes = [JobShape(), JobShape(), JobShape(), JobShape(exclude_nodes="n9")]
    shapes.append(JobShape(exclude_nodes="n9"))  # taken over
    done = together([correct(one, sick if at == 1 else []) for at, one in enumerate(shapes)])
    assert [one.shape.exclude_nodes for one in done] == [None, "n7", "n7", "n9", "n9"]
    assert done[2].corrections[0].reason.startswith("taken over from component 1: bad node")
    text = "#!/bin/sh\n" + "#SBATCH hetjob\n" * 3 + "#SBATCH -x n9\n#SBATCH hetjob\n:\n"
    asked = [shape(10, exclude_nodes=one.exclude_nodes) for one in shapes]
    fixes = tuple(fix for one in done for fix in one.corrections)
    got = again("sbatch pair.sh", *asked, text=text, fixes=fixes)
    assert [one.get("exclude") for one in options(got)] == [None, "n7", "n7", "n9", "n9"]
