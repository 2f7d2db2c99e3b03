"""The wire format between the app and its collector: frames of a JSON head and a delimited body.

A frame is ``<head bytes> <body bytes>\n<head><body>``. The body carries mass records: one line a
record, fields in the record's order. A field is what ``str`` makes of it, ``None`` too, which only
numbers can be; texts lose nothing but the two separators (which the sender replaces by a space).
Plain text beats pickled records four times and can be decoded in slices.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from sys import intern
from typing import IO, Any, Generic, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from jobshape.app.domain.job import Job, Usage
from jobshape.app.domain.site import Node, Partition

FIELD, RECORD, LIST = "\x1f", "\x1e", "\x1d"
_NONE = str(None)
_NUMBERS_KEPT = 1 << 11
_CLEAN = str.maketrans({FIELD: " ", RECORD: " "})
MAX_FRAME_BYTES = 1 << 30

Record = TypeVar("Record", Job, Node, Partition, Usage)


class Frame(NamedTuple):
    """One message: its kind, a small head of JSON values, and a body of record lines."""

    kind: str
    head: dict[str, Any]
    body: bytes = b""

    def encode(self) -> bytes:
        """The frame as bytes."""
        head = json.dumps([self.kind, self.head], separators=(",", ":")).encode()
        return b"%d %d\n" % (len(head), len(self.body)) + head + self.body


class FrameReader:
    """Cuts a byte stream into frames; give it whatever arrived, take what is complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames completed by this data. Raises ValueError on a stream that is no wire."""
        self._buffer += data
        while True:
            end = self._buffer.find(b"\n", 0, 64)
            if end < 0:
                if len(self._buffer) > 64:
                    raise ValueError("not a jobshape wire: no frame header")
                return
            head_size, body_size = (int(word) for word in self._buffer[:end].split(b" "))
            if min(head_size, body_size) < 0 or head_size + body_size > MAX_FRAME_BYTES:
                raise ValueError(f"frame of {head_size + body_size} bytes")
            start, stop = end + 1, end + 1 + head_size + body_size
            if len(self._buffer) < stop:
                return
            kind, head = json.loads(self._buffer[start : start + head_size])
            body = bytes(self._buffer[start + head_size : stop])
            del self._buffer[:stop]
            yield Frame(kind, head, body)


def send(stream: IO[bytes], frame: Frame) -> None:
    """Write a frame and flush it."""
    stream.write(frame.encode())
    stream.flush()


class _Numbers(dict[str, int | None]):
    """Numbers by their text, so that equal ones are one object: 150 bytes less a job."""

    def __missing__(self, text: str) -> int | None:
        if len(self) >= _NUMBERS_KEPT:
            self.clear()
        number = self[text] = None if text == _NONE else int(text)
        return number


class RecordCodec(Generic[Record]):
    """Turns the records of one NamedTuple class into lines and back, by its annotations.

    Knows int, float, bool and str, each also with ``| None``, and ``tuple[str, ...]``. Texts that
    repeat (state, user, partition) are interned: half the memory of a large queue.
    """

    def __init__(self, record: type[Record], *, interned: Sequence[str] = ()) -> None:
        self._make: Callable[[Iterable[Any]], Record] = record._make
        hints = get_type_hints(record)
        kinds = [next(t for t in (get_args(hints[f]) or (hints[f],)) if t is not type(None))
                 if get_origin(hints[f]) is not tuple else tuple
                 for f in record._fields]  # fmt: skip
        at = range(len(kinds))
        self._width = len(kinds)
        self._format = FIELD.join(["%s"] * len(kinds))
        self._ints = [i for i in at if kinds[i] is int]
        self._floats = [i for i in at if kinds[i] is float]
        self._bools = [i for i in at if kinds[i] is bool]
        self._tuples = [i for i in at if kinds[i] is tuple]
        self._numbers = _Numbers()
        self._interned = [record._fields.index(name) for name in interned]

    def encode(self, record: Record) -> str:
        """One line, without its end."""
        fields: tuple[Any, ...] = record
        if self._tuples:
            fields = tuple(LIST.join(f) if isinstance(f, tuple) else f for f in record)
        line = self._format % fields  # twice as fast as joining
        if line.count(FIELD) >= self._width or RECORD in line:  # a text holds a separator
            line = self._format % tuple(
                f.translate(_CLEAN) if isinstance(f, str) else f for f in fields
            )
        return line

    def decode(self, line: str) -> Record:
        """The record of one line. Raises ValueError where the line does not fit the record."""
        fields: list[Any] = line.split(FIELD)
        if len(fields) != self._width:
            raise ValueError(f"{len(fields)} fields, not {self._width}")
        numbers = self._numbers
        for i in self._ints:
            fields[i] = numbers[fields[i]]
        for i in self._floats:
            fields[i] = None if fields[i] == _NONE else float(fields[i])
        for i in self._bools:
            fields[i] = fields[i] == "True"
        for i in self._tuples:
            fields[i] = tuple(fields[i].split(LIST)) if fields[i] else ()
        for i in self._interned:
            fields[i] = intern(fields[i])
        return self._make(fields)


JOB_CODEC = RecordCodec(
    Job,
    interned=("state", "reason", "user", "account", "partition", "qos", "node_list", "tres",
              "dependency", "features", "reservation", "exit_code", "work_dir", "comment", "stage"),
)  # fmt: skip
NODE_CODEC = RecordCodec(Node, interned=("state", "reason", "gpu_types", "features"))
PARTITION_CODEC = RecordCodec(Partition)
USAGE_CODEC = RecordCodec(Usage)


def to_body(lines: Iterable[str]) -> bytes:
    """Lines as the body of a frame."""
    return RECORD.join(lines).encode("utf-8", "surrogateescape")


def from_body(body: bytes) -> list[str]:
    """The lines of a frame's body."""
    return body.decode("utf-8", "surrogateescape").split(RECORD) if body else []
