"""Frames survive any chunking, records any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.collector.wire import (
    FIELD,
    JOB_CODEC,
    NODE_CODEC,
    PARTITION_CODEC,
    RECORD,
    Frame,
    FrameReader,
    from_body,
    to_body,
)
from jobshape.app.domain.job import NO_JOB, Job
from jobshape.app.domain.site import Node, Partition

heads = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9) | st.none())
frames = st.lists(
    st.builds(Frame, st.text(min_size=1, max_size=9), heads, st.binary(max_size=300)), max_size=5
)


@given(frames, st.data())
def test_frames_come_back_however_they_are_cut(sent: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(frame.encode() for frame in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = FrameReader()
    got = [
        frame
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for frame in reader.feed(stream[start:end])
    ]
    assert got == sent


def test_frames_not_yet_taken_are_not_lost() -> None:
    stream = Frame("start", {"a": 1}).encode() + Frame("call", {"id": 1}).encode()
    reader = FrameReader()
    assert next(iter(reader.feed(stream))).kind == "start"
    assert [frame.kind for frame in reader.feed(b"")] == ["call"]


@pytest.mark.parametrize("garbage", [b"hello world, this is no frame\n", b"x" * 80, b"9 -1\n"])
def test_a_stream_that_is_no_wire_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError):
        list(FrameReader().feed(garbage))


texts = st.text(st.characters(exclude_categories=()), max_size=20)
clean = texts.filter(lambda text: not {FIELD, RECORD} & set(text))


@given(st.lists(st.tuples(st.integers(), clean, clean, st.none() | st.integers()), max_size=5))
def test_jobs_come_back_with_any_text(fields: list[tuple[int, str, str, int | None]]) -> None:
    jobs = [
        NO_JOB._replace(job_id=i, name=name, comment=comment, memory_bytes=memory)
        for i, name, comment, memory in fields
    ]
    # Lone surrogates stand for bytes that are no UTF-8: those the wire keeps, others cannot occur.
    jobs = [job for job in jobs if not _odd_surrogates(job)]
    body = to_body(map(JOB_CODEC.encode, jobs))
    assert [JOB_CODEC.decode(line) for line in from_body(body)] == jobs


def _odd_surrogates(job: Job) -> bool:
    text = job.name + job.comment
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") != text
    except UnicodeEncodeError:
        return True


def test_separators_in_a_text_become_spaces_and_shift_nothing() -> None:
    job = NO_JOB._replace(job_id=7, name=f"a{FIELD}b{RECORD}c", stage="eval")
    assert JOB_CODEC.decode(JOB_CODEC.encode(job)) == job._replace(name="a b c")


def test_nodes_and_partitions_come_back() -> None:
    node = Node("n1", "IDLE*", "", ("a", "b"), 4, 0, 0.25, 1, 0, None, 2, 0, "", "busy")
    assert NODE_CODEC.decode(NODE_CODEC.encode(node)) == node
    alone = node._replace(partitions=(), cpu_load=None)
    assert NODE_CODEC.decode(NODE_CODEC.encode(alone)) == alone
    partition = Partition("a", "UP", True, 3, 12, -1, None, 1, "", "", "", "")
    assert PARTITION_CODEC.decode(PARTITION_CODEC.encode(partition)) == partition


def test_a_line_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError):
        JOB_CODEC.decode("1\x1f2")


def test_equal_numbers_are_one_object() -> None:
    lines = [JOB_CODEC.encode(NO_JOB._replace(job_id=i, submit_time=1_795_870_000)) for i in (1, 2)]
    first, second = map(JOB_CODEC.decode, lines)
    assert first.submit_time is second.submit_time and first.submit_time == 1_795_870_000


def test_numbers_that_never_come_again_are_not_kept_for_ever() -> None:
    jobs = [NO_JOB._replace(job_id=10_000 + i, priority=None) for i in range(5000)]
    assert [JOB_CODEC.decode(JOB_CODEC.encode(job)) for job in jobs] == jobs
    assert len(JOB_CODEC._numbers) <= 2048
