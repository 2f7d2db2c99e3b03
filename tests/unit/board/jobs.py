"""Jobs for the tests of the board, by hand and by hypothesis."""

from hypothesis import strategies as st
from jobshape.app.domain.job import NO_JOB, Job

NOW = 1_000_000.0


def job(job_id: int, state: str = "PENDING", **fields: object) -> Job:
    return NO_JOB._replace(job_id=job_id, state=state, **fields)  # type: ignore[arg-type]


@st.composite
def jobs(draw: st.DrawFn, job_id: int) -> Job:
    """Any record of this id: few values of each field, so that they meet."""
    family = draw(st.sampled_from(["", "", "array", "het"]))
    parent = draw(st.integers(100, 102))
    fields: dict[str, object] = {
        "name": draw(st.sampled_from(["fetch", "Train a", "eval\n[b]"])),
        "user": draw(st.sampled_from(["alice", "bob"])),
        "account": draw(st.sampled_from(["lab", "core"])),
        "partition": draw(st.sampled_from(["cpu", "gpu", "cpu,gpu"])),
        "stage": draw(st.sampled_from(["training", "eval", "unassigned"])),
        "reason": draw(st.sampled_from(["", "None", "Priority"])),
        "submit_time": draw(st.one_of(st.none(), st.integers(990_000, 990_003))),
        "start_time": draw(st.one_of(st.none(), st.integers(995_000, 995_003))),
        "end_time": draw(st.one_of(st.none(), st.just(999_000))),
        "memory_bytes": draw(st.sampled_from([None, 0, 1 << 30, 16 << 30])),
        "priority": draw(st.sampled_from([None, 0, 7])),
    }
    if family == "array":
        tasks = draw(st.sampled_from(["", "", "5-9%2"]))
        fields |= {"array_job_id": parent, "array_tasks": tasks,
                   "array_task_id": None if tasks else job_id}  # fmt: skip
    elif family == "het":
        fields |= {"het_job_id": parent, "het_offset": job_id}
    state = draw(st.sampled_from(["PENDING", "RUNNING", "COMPLETED", "FAILED", "BRAND_NEW"]))
    return job(job_id, state, **fields)
