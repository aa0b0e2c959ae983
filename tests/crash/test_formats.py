"""The examples in docs/FORMATS.md are what the program writes and reads."""

import re
import struct
from pathlib import Path

import pytest

from fairlead.journal.reader import checksum
from fairlead.shard.manifest import read_manifest, snapshot_names
from fairlead.storage.records import Cursor, records
from tests.crash.test_snapshots import GOLDEN

FORMATS = Path(__file__).resolve().parents[2] / "docs/FORMATS.md"
LINE = re.compile(r"^((?:[0-9a-f]{2} )+[0-9a-f]{2})(?: {2,}|$)")


def example(magic: bytes) -> bytes:
    """The bytes of the example that begins so."""
    for block in re.findall(r"```\n(.*?)```", FORMATS.read_text(), re.DOTALL):
        lines = [LINE.match(line) for line in block.splitlines()]
        if all(lines):
            data = b"".join(bytes.fromhex(line[1]) for line in lines if line)
            if data.startswith(magic):
                return data
    raise AssertionError(f"no example of {magic!r}")


def test_the_example_of_a_segment_header_is_whole() -> None:
    data = example(b"fairlead")
    assert len(data) == 64
    assert int.from_bytes(data[60:], "little") == checksum(data[:60])


def test_the_example_of_a_frame_is_whole_and_read_as_it_says() -> None:
    data = example(b"FLRM")
    size, first, count, payload_crc = struct.unpack_from("<IQII", data, 4)
    payload = data[64 : 64 + size]
    assert int.from_bytes(data[60:64], "little") == checksum(data[:60])
    assert payload_crc == checksum(payload)
    assert len(data) == (64 + size + 7) // 8 * 8
    read = list(records(payload, first))
    assert [record.kind for record in read] == ["fact 5", "fact 9", "fact 11"]
    assert len(read) == count
    assert "job-1" in read[1].content


@pytest.mark.parametrize("name", ["manifest", *snapshot_names(str(GOLDEN / "snapshot-1"))[:1]])
def test_the_examples_of_snapshot_and_manifest_are_the_golden_ones(name: str) -> None:
    golden = (GOLDEN / "snapshot-1" / name).read_bytes()
    data = example(golden[:8])
    assert data == golden[: len(data)], golden[: len(data)].hex(" ")


def test_the_example_of_a_snapshot_says_what_is_in_it() -> None:
    data = example(b"flsnapsh")
    cursor = Cursor(data, 168)
    assert cursor.text() == "default"
    assert (cursor.varint(), cursor.varint()) == (113, 0)
    assert (cursor.varint(), cursor.varint()) == (4, 0xFFFFFFFF)
    assert cursor.text() == "agent-1"
    sequence, offset, size = (struct.unpack_from("<Q", data, at)[0] for at in (32, 64, 80))
    text = FORMATS.read_text()
    assert f"behind record {sequence}, epoch" in text
    assert f"offset {offset}, state hash" in text
    assert f"{size} bytes, time" in text
    manifest = read_manifest(str(GOLDEN / "snapshot-1"))
    assert manifest is not None
    assert manifest.entries[0][:3] == (sequence, struct.unpack_from("<Q", data, 56)[0], offset)


def test_the_example_of_words_is_what_is_read() -> None:
    text = FORMATS.read_text()
    found = re.search(r"The words 0, 7, 0xFFFFFFFF, 0x12345678 are `([0-9a-f ]+)`", text)
    assert found
    data = bytes.fromhex(found[1])
    cursor, words = Cursor(data, 1), []
    for place in range(4):
        width = (0, 0, 2, 4)[data[0] >> 2 * place & 3]
        words.append(0xFFFFFFFF if data[0] >> 2 * place & 3 == 1 else int.from_bytes(cursor.take(width), "little"))
    assert words == [0, 7, 0xFFFFFFFF, 0x12345678]
