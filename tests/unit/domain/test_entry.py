"""What a person types into a field of a job's shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.entry import (
    MOST_BYTES,
    MOST_COUNT,
    MOST_GPUS,
    MOST_S,
    BadEntry,
    read_entry,
    show_entry,
)
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.shape import SHAPE_FIELDS, Kind
from jobshape.app.domain.units import GIB, MIB, TIB

KINDS = sorted({field.kind for field in SHAPE_FIELDS})
GPU_TEXTS = st.builds(
    lambda kind, count: f"{kind}:{count}" if kind and count else str(count),
    st.sampled_from(["", "a100", "tesla_v100-sxm.2", "x2"]),
    st.integers(0, MOST_GPUS),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
    "count": st.integers(1, MOST_COUNT),
    "size": st.integers(0, MOST_BYTES // MIB).map(lambda size: size * MIB),
    "duration": st.integers(1, MOST_S) | st.just(UNLIMITED),
    "gpus": GPU_TEXTS,
}


@pytest.mark.parametrize(
    ("kind", "text", "now", "value"),
    [
        ("size", "12G", None, 12 * GIB),
        ("size", " 12 gib ", None, 12 * GIB),
        ("size", "1500", None, 1500 * MIB),
        ("size", "1.5T", None, TIB + TIB // 2),
        ("size", ".5g", None, GIB // 2),
        ("size", "1k", None, MIB),
        ("size", "0", None, 0),
        ("size", "00000000000000000000000000000000012G", None, 12 * GIB),
        ("size", "1024T", None, MOST_BYTES),
        ("size", "+20%", 10 * GIB, 12 * GIB),
        ("size", "-1G", 4 * GIB, 3 * GIB),
        ("size", "x2", 4 * GIB, 8 * GIB),
        ("size", "×1.5", 4 * GIB, 6 * GIB),
        ("size", "* 3", 4 * GIB, 12 * GIB),
        ("size", "+0", 4 * GIB, 4 * GIB),
        ("size", "+0%", 4 * GIB, 4 * GIB),
        ("size", "+33%", 3 * MIB, 4 * MIB),
        ("count", "8", None, 8),
        ("count", "008", None, 8),
        ("count", "+2", 4, 6),
        ("count", "-3", 4, 1),
        ("count", "x2", 4, 8),
        ("count", "+20%", 4, 5),
        ("count", "10000000", None, MOST_COUNT),
        ("duration", "90", None, 5400),
        ("duration", "2:30:00", None, 9000),
        ("duration", "5:30", None, 330),
        ("duration", "1-00", None, 86400),
        ("duration", "1-02:03:04", None, 93784),
        ("duration", "3h", None, 10800),
        ("duration", "1d 12h", None, 129600),
        ("duration", "1h30m", None, 5400),
        ("duration", "90min", None, 5400),
        ("duration", "45 s", None, 45),
        ("duration", "none", None, UNLIMITED),
        ("duration", "UNLIMITED", 60, UNLIMITED),
        ("duration", "+50%", 3600, 5400),
        ("duration", "+10%", 61, 120),
        ("duration", "+30", 3600, 5400),
        ("duration", "-0:30", 90, 60),
        ("duration", "x2", 3600, 7200),
        ("gpus", "2", None, "2"),
        ("gpus", "a100:2", None, "a100:2"),
        ("gpus", "gpu:a100:2", None, "a100:2"),
        ("gpus", "gres/gpu:a100=2", None, "a100:2"),
        ("gpus", "gres/gpu=2", None, "2"),
        ("gpus", "gpu:gpu:2", None, "2"),
        ("gpus", "h100", None, "h100:1"),
        ("gpus", "a100:0", None, "0"),
        ("gpus", "none", "a100:2", "0"),
        ("gpus", "x2", "a100:2", "a100:4"),
        ("gpus", "+1", "3", "4"),
        ("gpus", "-2", "a100:2", "0"),
        ("gpus", "x2:1", None, "x2:1"),
        ("text", " main,long ", None, "main,long"),
        ("text", "naïve", None, "naïve"),
        ("text", "", "main", None),
        ("size", "   ", GIB, None),
    ],
)
def test_entries(kind: Kind, text: str, now: Any, value: Any) -> None:
    assert read_entry(kind, text, now) == value


@pytest.mark.parametrize(
    ("kind", "text", "now"),
    [
        ("size", "12X", None),
        ("size", "1e9", None),
        ("size", "٣G", None),
        ("size", "1\u212a", None),  # the sign for kelvin is no K
        ("size", "-1G", None),
        ("size", "-4G", 4 * GIB),
        ("size", "-5G", 4 * GIB),
        ("size", "-100%", 4 * GIB),
        ("size", "x0", 4 * GIB),
        ("size", "x0.0000000001", 4 * GIB),
        ("size", "x-2", 4 * GIB),
        ("size", "x2G", 4 * GIB),
        ("size", "x20%", 4 * GIB),
        ("size", "+20%", 0),  # all of the node, which is no number
        ("size", "+1G", 0),
        ("size", "0.0000000001", None),
        ("size", "1025T", None),
        ("size", "9" * 60, None),
        ("size", "9" * 5000, None),
        ("size", "x" + "9" * 60, 4 * GIB),
        ("size", "+" + "9" * 50 + "%", 4 * GIB),
        ("size", "nan", None),
        ("size", "inf", None),
        ("size", "1 2G", None),
        ("size", "+", 4 * GIB),
        ("size", "++1G", 4 * GIB),
        ("count", "0", None),
        ("count", "-1", 1),
        ("count", "x0", 4),
        ("count", "-100%", 4),
        ("count", "1.5", None),
        ("count", "²", None),
        ("count", "４", None),
        ("count", "1_0", None),
        ("count", "10000001", None),
        ("count", "9" * 5000, None),
        ("count", "x9999999999", 4),
        ("duration", "0", None),
        ("duration", "0:00", None),
        ("duration", "0h", None),
        ("duration", "x0", 3600),
        ("duration", "-100%", 3600),
        ("duration", "+none", 3600),
        ("duration", "-unlimited", 3600),
        ("duration", "xnone", 3600),
        ("duration", "+20%", UNLIMITED),
        ("duration", "x2", None),
        ("duration", "3 weeks", None),
        ("duration", "٣h", None),
        ("duration", "5\u017f", None),  # an old letter s
        ("duration", "1:2:3:4", None),
        ("duration", "99999d", None),
        ("duration", "9" * 60 + "h", None),
        ("gpus", "gpu", None),
        ("gpus", "a b", None),
        ("gpus", "1.5", None),
        ("gpus", "٣", None),
        ("gpus", "x2", None),
        ("gpus", "-3", "2"),
        ("gpus", "x999999", "2"),
        ("gpus", "9999999", None),
        ("gpus", "+1", "a100:1,v100:1"),
        ("text", "a b", None),
        ("text", "a\nb", None),
        ("text", "a\x1b[31m", None),
        ("text", "a\u202eb", None),
        ("text", "a\u00a0b", None),
        ("text", "\udc80", None),
    ],
)
def test_what_cannot_be_read(kind: Kind, text: str, now: Any) -> None:
    with pytest.raises(BadEntry) as caught:
        read_entry(kind, text, now)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 80


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_what_is_shown_is_read_back(kind: Kind, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    assert read_entry(kind, show_entry(kind, value)) == value
    assert show_entry(kind, None) == "" and read_entry(kind, "") is None


_TYPED = st.one_of(
    st.text(),
    st.text("0123456789.,:-+xX*×% kKmMgGtTpPdhsiBnoeaugr/=\u212a\u017f٣", max_size=16),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "+", "-", "x", "*", "× "]),
        st.floats(0, 1e300) | st.integers(0, 10**12) | st.floats(0, 5).map("{:.4f}".format),
        st.sampled_from(["", "%", "G", "M", "h", "d", "m", ":00", "-00"]),
    ),
)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_anything_typed_is_a_value_or_refused(kind: Kind, data: st.DataObject) -> None:
    text, now = data.draw(_TYPED), data.draw(st.none() | VALUES[kind])
    try:
        value = read_entry(kind, text, now)
    except BadEntry as error:
        assert str(error).isprintable()
        return
    if not text.strip():
        assert value is None
        return
    # A value in its bounds, which the field shows and reads back.
    assert read_entry(kind, show_entry(kind, value)) == value
    match kind:
        case "count":
            assert type(value) is int and 1 <= value <= MOST_COUNT
        case "size":
            assert type(value) is int and value % MIB == 0 and 0 <= value <= MOST_BYTES
        case "duration":
            assert type(value) is int and (value == UNLIMITED or 1 <= value <= MOST_S + 59)
        case _:
            assert value.isprintable() and not any(map(str.isspace, value))


@given(st.integers(1, 1 << 20), st.integers(0, 300))
def test_a_percentage_goes_up_and_down(mebibytes: int, percent: int) -> None:
    now = mebibytes * MIB
    more = read_entry("size", f"+{percent}%", now)
    exact = now * (100 + percent) / 100
    assert exact - 1 <= more < exact + MIB
    if percent < 100:
        less = read_entry("size", f"-{percent}%", now)
        assert MIB <= less <= now
    assert read_entry("size", f"x{1 + percent}", now) == min(now * (1 + percent), MOST_BYTES)


@given(VALUES["count"], VALUES["count"])
def test_counts_are_added(now: int, by: int) -> None:
    for sign, expected in (("+", now + by), ("-", now - by), ("x", now * by)):
        if 1 <= expected <= MOST_COUNT:
            assert read_entry("count", f"{sign}{by}", now) == expected
        else:
            with pytest.raises(BadEntry):
                read_entry("count", f"{sign}{by}", now)
