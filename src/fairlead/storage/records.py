"""The records of a frame as people read them. docs/FORMATS.md tells the format, ext/fairlead/shard/record.pxd too."""

from collections.abc import Iterator
from typing import NamedTuple

_NAMES = "tenant added removed request note policy hash customer forgotten scenarios refused"
KINDS = dict(enumerate(_NAMES.split(), 1))
TABLES = ("agents", "queues", "channels", "abilities", "customers", "tiers", "rules", "plans", "arms")
FACT = 64
JOB_SUBMITTED = 9
FIELDS = ((1, "job"), (2, "agent"), (4, "cls"), (8, "value"), (16, "state"), (32, "reason"), (64, "flag"))
BODY = 128


class Record(NamedTuple):
    """One record. `kind` is a name of KINDS, or "fact" and its type; `time` is microseconds, `content` for people."""

    sequence: int
    tenant: int
    time: int
    kind: str
    content: str
    size: int


class Cursor:
    """Reads numbers and texts off a payload. Raises ValueError where it ends too early."""

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    def byte(self) -> int:
        """One byte."""
        if self.at >= self.end:
            raise ValueError(f"the record ends at byte {self.at}")
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        """Seven bits a byte, lowest first."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self) -> int:
        """Zigzag."""
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def take(self, size: int) -> bytes:
        """So many bytes."""
        if size > self.end - self.at:
            raise ValueError(f"the record ends at byte {self.end}, {size} bytes from {self.at} on are needed")
        self.at += size
        return self.data[self.at - size : self.at]

    def text(self) -> str:
        """A size and UTF-8."""
        return self.take(self.varint()).decode("utf-8", "replace")


def records(payload: bytes, first: int) -> Iterator[Record]:
    """The records of a frame whose first has sequence `first`. Raises ValueError for bytes that are none."""
    outer, time, sequence = Cursor(payload), 0, first
    while outer.at < outer.end:
        size = outer.varint()
        start = outer.at
        outer.take(size)
        inner = Cursor(payload, start, start + size)
        kind, tenant, ticks = inner.byte(), inner.varint(), inner.varint()
        time = ticks >> 1 if ticks & 1 else time + (ticks >> 2 ^ -(ticks >> 1 & 1))
        name = KINDS.get(kind, f"fact {kind - FACT}" if kind >= FACT else f"kind {kind}")
        yield Record(sequence, tenant, time, name, _content(kind, inner), size)
        sequence += 1


def _content(kind: int, record: Cursor) -> str:
    name = KINDS.get(kind)
    if kind >= FACT:
        return _fact(kind - FACT, record)
    if name == "tenant":
        return record.text()
    if name in ("added", "removed"):
        table = record.varint()
        where = f"{TABLES[table] if table < len(TABLES) else table} {record.varint()}"
        return f"{where} {record.text()}" if name == "added" else where
    if name in ("request", "customer", "forgotten", "refused"):
        return record.text()
    if name == "note":
        return f"agent {record.varint()} {record.text()!r}"
    if name == "policy":
        version, _, author = record.varint(), record.signed(), record.text()
        return f"version {version} by {author or 'nobody'}, {record.varint()} bytes"
    if name == "scenarios":
        return ", ".join(record.text() for _ in range(record.varint())) or "none"
    if name == "hash":
        start, count = record.varint(), record.varint()
        what = f"slots {start} to {start + count - 1}" if count else "the whole state"
        return f"{int.from_bytes(record.take(8), 'little'):016x} of {what}"
    return ""


def _fact(kind: int, record: Cursor) -> str:
    fields = record.byte()
    words = []
    for bit, name in FIELDS:
        if fields & bit:
            value = record.byte() if bit >= 16 else record.signed() if name == "value" else record.varint()
            words.append(f"{name} {value}")
    if fields & BODY:
        size = record.varint()
        words.append(f"body of {size} bytes")
        tags = record.take((size + 15) // 16 if size % 4 == 0 else ((size + 3) // 4 + 3) // 4)
        for word in range((size + 3) // 4):
            record.take((0, 0, 2, 4)[tags[word // 4] >> 2 * (word % 4) & 3])
    if kind == JOB_SUBMITTED:
        words.append(record.text())
    return ", ".join(words)
