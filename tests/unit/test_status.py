"""``jobshape status``: the document, its schema, and what is said of parts not read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import fastjsonschema
import pytest
from jobshape.app.backends.base import Capabilities, Capability
from jobshape.app.board.query import compile_query
from jobshape.app.domain.errors import Unreachable
from jobshape.app.domain.job import NO_JOB, Job
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.states import Phase
from jobshape.app.snapshot import Snapshot
from jobshape.app.status import SCHEMA, Status, schema_text

NOW = 1_795_300_000
VALID = fastjsonschema.compile(json.loads(schema_text()))

RUNNING = NO_JOB._replace(
    job_id=12, state="RUNNING", name="train | [bold]\x1b[2J", user="alice", partition="gpu",
    start_time=NOW - 60, submit_time=NOW - 100, eligible_time=NOW - 100, time_limit_s=3600,
    cpus=4, memory_bytes=8 << 30, gpus=2, node_list="g1", stage="training",
)  # fmt: skip
PENDING = NO_JOB._replace(
    job_id=13, state="PENDING", reason="Priority", name="名前", user="alice", partition="main,gpu",
    array_job_id=13, array_tasks="1-500%20", submit_time=NOW - 50,
)  # fmt: skip
ENDED = NO_JOB._replace(job_id=9, state="FAILED", name="old", partition="main", exit_code="1:0")
SITE = Capabilities(
    "commands", "squeue", "box", "slurm 24.11.5", "alice", ("physics",),
    {"accounting": Capability(True, "slurmdbd")},
)  # fmt: skip
MAIN = Partition("main", "UP", True, 1, 8, 3600, None, 1, "", "", "", "")
NODE = Node("n1", "IDLE", "", ("main",), 8, 2, 0.5, 1 << 34, 1 << 33, None, None, None, "", "")


def snapshot(queue: list[Job] | None, **parts: Any) -> Snapshot:
    return Snapshot(
        NOW, **({"capabilities": SITE, "partitions": [MAIN], "nodes": [NODE]} | parts), queue=queue
    )


def status(taken: Snapshot, query: str = "") -> Status:
    return Status(taken, scope="mine", query=compile_query(query))


def document(taken: Snapshot, query: str = "") -> dict[str, Any]:
    made = json.loads(status(taken, query).json())
    VALID(made)
    return dict(made)


def test_a_job_has_every_field_of_the_record_and_the_derived_ones() -> None:
    job, _ = document(snapshot([RUNNING, PENDING]))["jobs"]
    assert set(Job._fields) < set(job)
    assert (job["id"], job["phase"], job["elapsed_s"], job["left_s"], job["wait_s"]) == (
        "12", "running", 60, 3540, 40,
    )  # fmt: skip
    assert job["name"] == RUNNING.name  # JSON keeps it; nothing of it is raw in the text
    assert "\x1b" not in status(snapshot([RUNNING])).json()
    assert job["priority"] is None  # nobody said, which is not zero


def test_the_schema_names_every_field_that_is_written() -> None:
    schema = json.loads(schema_text())

    def compare(value: Any, rule: Mapping[str, Any], where: str) -> None:
        if "$ref" in rule:
            rule = schema["definitions"][rule["$ref"].rpartition("/")[2]]
        if isinstance(value, dict) and "properties" in rule:
            assert list(value) == list(rule["properties"]) == rule["required"], where
            for name, inner in value.items():
                compare(inner, rule["properties"][name], f"{where}.{name}")
        elif isinstance(value, list) and value:
            compare(value[0], rule["items"], f"{where}[0]")

    taken = snapshot([RUNNING], errors={"nodes": Unreachable("no answer", hint="wait")})
    compare(document(taken), schema, "document")
    assert schema["properties"]["schema"]["const"] == SCHEMA


def test_the_schema_knows_every_phase() -> None:
    phases = json.loads(schema_text())["definitions"]["job"]["properties"]["phase"]["enum"]
    assert phases == [phase.value for phase in Phase]


def test_the_schema_would_refuse_a_missing_or_misnamed_field() -> None:
    made = document(snapshot([RUNNING]))
    del made["jobs"][0]["memory_bytes"]
    with pytest.raises(fastjsonschema.JsonSchemaException, match="memory_bytes"):
        VALID(made)


def test_counts_and_partitions() -> None:
    made = document(snapshot([RUNNING, PENDING], finished=[ENDED, RUNNING]))
    assert made["counts"]["jobs"] == 3  # a job of the queue is not counted again as finished
    assert made["counts"]["tasks"] == 502
    assert made["counts"]["by_phase"] == {"running": 1, "waiting": 500, "failed": 1}
    assert made["counts"]["by_state"] == {"RUNNING": 1, "PENDING": 500, "FAILED": 1}
    assert made["counts"]["by_stage"] == {"training": 1, "unassigned": 501}
    main, gpu = made["partitions"]
    assert (main["name"], main["tasks_pending"], main["tasks_running"]) == ("main", 500, 0)
    assert main["cpus"] == {"total": 8, "used": 2, "free": 6, "unusable": 0}
    assert main["gpus"]["total"] is None
    assert (gpu["name"], gpu["state"], gpu["tasks_running"]) == ("gpu", None, 1)


def test_a_filter_narrows_the_jobs_but_not_the_partitions() -> None:
    made = document(snapshot([RUNNING, PENDING]), "state:R")
    assert [job["job_id"] for job in made["jobs"]] == [12]
    assert made["partitions"][0]["tasks_pending"] == 500


def test_what_was_not_read_is_null_and_the_reason_is_there() -> None:
    hung = Unreachable("no answer within 3 s", where="squeue", hint="try: scontrol ping")
    made = document(
        snapshot(None, capabilities=None, partitions=None, nodes=None,
                 errors={"site": hung, "queue": hung, "partitions": hung})
    )  # fmt: skip
    assert [made[key] for key in ("site", "partitions", "counts", "jobs")] == [None] * 4
    assert made["link"]["state"] == "failing"
    assert made["link"]["errors"][0] == {
        "part": "site", "kind": "Unreachable", "what": "no answer within 3 s", "where": "squeue",
        "hint": "try: scontrol ping",
    }  # fmt: skip


def test_a_part_beside_the_queue_makes_it_partial() -> None:
    taken = snapshot([RUNNING], nodes=None, errors={"nodes": Unreachable("no answer")})
    made = document(taken)
    assert made["link"]["state"] == "partial"
    assert made["partitions"][0]["nodes_usable"] is None
    assert any("nodes: no answer" in line for line in status(taken).table())


def test_the_table_is_harmless_and_straight() -> None:
    lines = list(status(snapshot([RUNNING, PENDING])).table(("id", "name", "state", "partition")))
    assert lines[0] == "box: slurm 24.11.5, squeue; jobs of alice: 2 shown"
    assert all(line.isprintable() for line in lines)
    head, first, second = lines[-3:]
    assert first.index("gpu") == head.index("Partition")
    assert second.index("main,gpu") == head.index("Partition") - 2  # two wide characters before


def test_the_table_can_be_sorted() -> None:
    taken = snapshot([PENDING, RUNNING, ENDED])
    lines = list(status(taken).table(("id",), "-cpus"))
    assert lines[-3:] == ["12", "13_[1-500%20]", "9"]


def test_bytes_that_were_no_text_do_not_break_json() -> None:
    job = RUNNING._replace(name="caf\udce9")
    assert document(snapshot([job]))["jobs"][0]["name"] == "caf\N{REPLACEMENT CHARACTER}"
