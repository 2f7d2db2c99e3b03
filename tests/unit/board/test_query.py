"""The filter language: what matches, what is refused and where, what is only half typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.board.board import Board
from jobshape.app.board.completion import completions
from jobshape.app.board.hostlist import holds_node
from jobshape.app.board.query import EVERYTHING, QueryError, compile_query
from jobshape.app.board.query_keys import ALIASES, KEYS
from jobshape.app.board.search_text import SearchTexts
from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.site import Partition

from .jobs import NOW, job, jobs

TRAIN = job(
    4, "RUNNING", name="Train model | é", user="alice", account="lab", partition="gpu",
    qos="high", reason="None", node_list="n[001-010],gpu7", stage="training", comment="say hi",
    memory_bytes=16 << 30, cpus=8, gpus=2, nodes=11, submit_time=int(NOW) - 7200,
    start_time=int(NOW) - 3600, time_limit_s=5400, array_job_id=4, array_task_id=7, priority=100,
)  # fmt: skip
WAITS = job(5, "PENDING", name="eval", user="bob", partition="cpu,gpu", reason="Priority",
            submit_time=int(NOW) - 60, priority=0, time_limit_s=UNLIMITED)  # fmt: skip


def found(query: str) -> list[int]:
    return [one.job_id for one in (TRAIN, WAITS) if compile_query(query).matches(one, NOW)]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [4, 5]), ("train", [4]), ("TRAIN alice", [4]), ("train bob", []), ('"model |"', [4]),
        ("-train", [5]), ("!train", [5]), ("É", [4]), ("4_7", [4]), ("running", [4]), ("hi", [4]),
        ("others go", [5]), ('"others go first"', [5]), ("-", None), ("gpu7", [4]),
        ("state:R", [4]), ("state:pd", [5]), ("state:running,pending", [4, 5]), ("state:wait", [5]),
        ("state:waiting", [5]), ("state:failed", []), ("-state:R", [5]), ("state!=R", [5]),
        ("!state!=R", [4]), ("state:BRAND_NEW", []), ("st=R", [4]),
        ("stage:train", [4]), ("user:ali,bo", [4, 5]), ("user=ali", []), ("user=ALICE", [4]),
        ("user:a*e", [4]), ("partition:gpu", [4, 5]), ("partition=cpu", [5]), ("account:lab", [4]),
        ('name:"model | "', [4]), ('name:"a b",eval', [5]), ("reason:priority", [5]),
        ("qos!=high", [5]), ("id:5", [5]), ("id:4_", [4]), ("id=4", [4]), ("array:4", [4]),
        ("array:any", [4]), ("array:none", [5]), ("node:n003", [4]), ("node:n3", []),
        ("node=n011", []), ("node:gpu", [4]), ("node=gpu7", [4]),
        ("mem>8G", [4]), ("mem>=16G", [4]), ("mem>16G", []), ("mem<99T", [4]), ("-mem>8G", []),
        ("-mem>99G", [4]), ("cpus:8", [4]), ("cpus:4,8", [4]), ("cpus!=4", [4]), ("cpus!=8", []),
        ("gpus>0", [4]), ("nodes=11", [4]), ("prio=0", [5]), ("prio>=0", [4, 5]),
        ("age>1h", [4]), ("age<2m", [5]), ("elapsed>59m", [4]), ("elapsed<1d", [4]),
        ("left<30m1s", [4]), ("left<1799s", []), ("left<=30m", [4]), ("limit>1h20", [4, 5]),
        ("limit>100d", [5]), ("limit=unlimited", [5]), ("limit=1:30:00", [4]), ("wait>59s", [4, 5]),
        ("limit<=0-01:30:00", [4]), ("train mem>8G -user:bob state:R", [4]), ("3:4", []),
    ],
)  # fmt: skip
def test_what_matches(query: str, ids: list[int] | None) -> None:
    if ids is None:
        with pytest.raises(QueryError) as caught:
            found(query)
        assert caught.value.problem.incomplete
    else:
        assert found(query) == ids


@pytest.mark.parametrize(
    ("query", "start", "end", "what", "hint"),
    [
        ("a mme>8G", 2, 8, "unknown key 'mme'", "did you mean mem?"),
        ("xyzzy:1", 0, 7, "unknown key 'xyzzy'", 'quote it to search for it: "..."'),
        ("cpus>many", 0, 9, "'many' is not a whole number", "cpus takes a number: 4"),
        ("user>bob", 0, 8, "user has no order", "write user:... or user=..."),
        ("state:runing", 0, 12, "unknown state 'runing'", "did you mean running?"),
        ("mem>8Q", 0, 6, "'8Q' is not a size", "mem takes a size: 8G, 512M"),
        ("age>1x", 0, 6, "'1x' is not a time span",
         "age takes a time span: 30m, 2h, 1d12h, 1-02:00:00"),
        ("cpus>1,2", 0, 8, "> takes one value", "as in cpus>=4"),
    ],
)  # fmt: skip
def test_errors_say_where_what_and_what_to_do(
    query: str, start: int, end: int, what: str, hint: str
) -> None:
    with pytest.raises(QueryError) as caught:
        compile_query(query)
    assert caught.value.problem == (start, end, what, hint, False)


@pytest.mark.parametrize(
    "query",
    ["mem>", "mem>8", "mem>8.", "age>2", "state:", "user=", 'name:"two wor', '"open', "-", "a !",
     "array:a", "mem>,"],
)  # fmt: skip
def test_half_typed_is_not_wrong(query: str) -> None:
    with pytest.raises(QueryError) as caught:
        compile_query(query)
    assert caught.value.problem.incomplete
    assert caught.value.problem.hint


TEXT = st.one_of(
    st.text(),
    st.lists(
        st.one_of(st.sampled_from([*ALIASES, ":", "=", "!=", ">", "<=", '"', "-", "!", ",", " ",
                                   "R", "8G", "2h", "1d", "*", "[", "9" * 30, "é", "²", "\n"]),
                  st.text(max_size=3)),
    ).map("".join),
)  # fmt: skip


@given(TEXT, st.integers(1, 9).flatmap(jobs))
def test_no_text_breaks_it(text: str, one: Job) -> None:
    try:
        query = compile_query(text)
    except QueryError as error:
        problem = error.problem
        assert 0 <= problem.start <= problem.end <= len(text)
        assert problem.what and problem.hint
    else:
        assert query.matches(one, NOW) == query.matches(one, NOW, SearchTexts().of(one))


@given(TEXT, st.integers(0, 40))
def test_completing_any_text_at_any_place(text: str, cursor: int) -> None:
    board = Board()
    board.change_jobs([TRAIN, WAITS])
    for one in completions(text, board, min(cursor, len(text))):
        assert 0 <= one.start <= one.end <= min(cursor, len(text))


@given(st.text(alphabet=st.characters(blacklist_characters='"'), min_size=1).filter(str.strip))
def test_a_quoted_text_finds_the_job_of_that_name(name: str) -> None:
    query = compile_query(f'"{name}"')
    # Lower case is not length preserving for all of Unicode, but the same on both sides.
    assert query.matches(job(1, name=name), NOW)
    assert not compile_query(f'-"{name}"').matches(job(1, name=name), NOW)


def test_clocked_and_empty() -> None:
    assert compile_query("  ") is EVERYTHING
    assert compile_query("age>1h").clocked
    assert not compile_query("mem>1G").clocked
    assert compile_query("a mem>1G").reads_text
    assert compile_query("train") == compile_query("train") != compile_query("eval")


def test_every_key_has_a_working_example() -> None:
    for key in KEYS.values():
        for example in key.examples or ("x",):
            sign = "" if example[0] in "<>=" else ":"
            if key.name != "array" or example != "x":
                compile_query(f"{key.name}{sign}{example}")


def texts(typed: str) -> list[str]:
    board = Board()
    board.change_jobs([TRAIN, WAITS, job(6, user="al c")])
    board.set_partitions([Partition("gpu", "UP", True, 1, 1, None, None, None, "", "", "", "")])
    return [typed[: one.start] + one.text for one in completions(typed, board)]


def test_completions() -> None:
    assert texts("st") == ["state:", "stage:"]
    assert texts("train -us") == ["train -user:"]
    assert texts("me") == ["mem>"]
    assert texts("mem") == ["mem>"]
    assert texts("user:") == ['user:"al c"', "user:alice", "user:bob"]
    assert texts("user:li") == ["user:alice"]
    assert texts("user:bob,al") == ['user:bob,"al c"', "user:bob,alice"]
    assert texts("partition:") == ["partition:gpu"]
    assert texts("mem>") == ["mem>8G", "mem<1G"]
    assert texts("state:run") == ["state:running"]
    assert texts("nokey:") == texts('"tex') == []
    assert texts("state:R ")[:2] == ["state:R state:", "state:R stage:"]


def test_search_texts_are_kept_until_forgotten() -> None:
    kept = SearchTexts()
    assert "train" in kept.of(TRAIN)
    changed = TRAIN._replace(name="other")
    assert "train" in kept.of(changed)
    kept.forget([4])
    assert "train model" not in kept.of(changed)


@pytest.mark.parametrize(
    ("node_list", "inside", "outside"),
    [
        ("n[1-3,07],gpu", ["n1", "n2", "n3", "n07", "gpu"], ["n4", "n7", "n01x", "n"]),
        ("n[001-100]", ["n001", "n100", "n042"], ["n1", "n101", "n42"]),
        ("r[1-2]c[3-4]", ["r1c3", "r2c4"], ["r3c3", "r1c5", "r1c"]),
        ("login", ["login"], ["logi", "login1"]),
        ("n[", [], ["n1"]),
        ("N[1-2]", ["n1"], []),
        ("", [], [""]),
    ],
)
def test_nodes_of_a_short_form(node_list: str, inside: list[str], outside: list[str]) -> None:
    assert all(holds_node(node_list, name) for name in inside)
    assert not any(holds_node(node_list, name) for name in outside)
