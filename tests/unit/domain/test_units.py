from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.units import (
    format_duration,
    format_short_duration,
    format_size,
    parse_count,
    parse_cpu_time,
    parse_duration,
    parse_size,
    parse_time,
)


def ascii_20(text: str) -> str:
    """An id of a test, short enough to read."""
    return text[:20]


@pytest.mark.parametrize(
    ("text", "size"),
    [("16G", 16 << 30), ("1.5T", 3 << 39), ("1500M", 1500 << 20), ("0", 0), ("12K", 12288),
     ("7", 7), ("", None), ("N/A", None), ("2GiB", 2 << 30), (" 3k ", 3072)],
)  # fmt: skip
def test_parse_size(text: str, size: int | None) -> None:
    assert parse_size(text) == size


def test_size_in_a_default_unit() -> None:
    assert parse_size("64000", default_unit="M") == 64000 << 20
    assert parse_size("1G", default_unit="M") == 1 << 30


@pytest.mark.parametrize("text", ["x", "1X", "1.2.3G", "-1G", "9" * 400 + "G"], ids=ascii_20)
def test_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@given(st.integers(0, 1 << 60))
def test_a_formatted_size_is_short_and_close(size: int) -> None:
    text = format_size(size)
    assert len(text) <= 5
    assert abs((parse_size(text) or 0) - size) <= 0.06 * size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 300), ("5:00", 300), ("1:00:00", 3600), ("1-0", 86400), ("1-02:03", 93780),
     ("2-00:00:01", 172801), ("UNLIMITED", UNLIMITED), ("INVALID", None), ("NOT_SET", None),
     ("Partition_Limit", None), ("00:03.250", 3)],
)  # fmt: skip
def test_parse_duration(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["x", "1:2:3:4", "-5", "1-x", "inf", "nan", "1e999", "9" * 5000], ids=ascii_20
)
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@given(st.integers(0, 400 * 86400))
def test_a_formatted_duration_reads_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
    assert len(format_short_duration(seconds)) <= 5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00.005", 0.005), ("01:02:03", 3723.0), ("1-00:00:00", 86400.0), ("12", 12.0),
     ("", None), ("00:01:00.5", 60.5)],
)  # fmt: skip
def test_parse_cpu_time(text: str, seconds: float | None) -> None:
    assert parse_cpu_time(text) == (None if seconds is None else pytest.approx(seconds))


def test_parse_count() -> None:
    assert [parse_count(text) for text in ("12", "2K", "", "N/A")] == [12, 2048, None, None]


def test_parse_time() -> None:
    assert parse_time("1795305194") == 1795305194
    assert parse_time("0") is parse_time("Unknown") is parse_time("") is None
    assert parse_time("2026-11-21T23:30:00+00:00") == 1795303800
