"""What the command line does with journals, and a journal of every released format."""

import json
from pathlib import Path

import pytest

from fairlead.cli import main
from fairlead.journal.reader import Reader
from fairlead.shard.core import Shard
from tests.crash.histories import look, opened, steps

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A closed journal of several segments."""
    shard = opened(tmp_path / "data")
    steps(shard, 200)
    shard.close()
    return tmp_path / "data"


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and output of a command."""
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr().out


def test_verify_accepts_what_a_start_accepts(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "journal", "verify", written, "--replay", "--json")
    found = json.loads(text)
    shard = opened(written)
    assert (code, found["problem"]) == (0, "")
    assert found["state_hash"] == sum(look(shard).hashes.values()) % 2**64
    shard.close()


def test_verify_says_where_the_damage_is(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = Reader(str(written)).segments[0]
    data = bytearray((written / name).read_bytes())
    data[200] ^= 4
    (written / name).write_bytes(data)
    code, text = told(capsys, "journal", "verify", written)
    assert code == 1
    assert f"{name}: at byte 64" in text


def test_dump_and_stats_count_the_same_records(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, dumped = told(capsys, "journal", "dump", written, "--json")
    _, counted = told(capsys, "journal", "stats", written, "--json")
    sequences = [json.loads(line)["sequence"] for line in dumped.splitlines()]
    assert sequences == list(range(1, len(sequences) + 1))
    assert sum(kind["records"] for kind in json.loads(counted).values()) == len(sequences)
    code, text = told(capsys, "journal", "dump", written, "--first", "5")
    assert code == 0
    assert "somebody" in text


def test_a_backup_of_a_running_router_is_a_whole_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = opened(tmp_path / "data")
    steps(shard, 100)
    code, _ = told(capsys, "backup", tmp_path / "data", tmp_path / "copy")
    copy = opened(tmp_path / "copy")
    assert code == 0
    assert look(copy) == look(shard)
    copy.close()
    shard.close()
    assert main(["backup", str(tmp_path / "data"), str(tmp_path / "copy")]) == 1


def test_salvage_saves_what_is_before_the_damage(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = list(Reader(str(written)))
    broken = frames[len(frames) // 2]
    data = bytearray((written / broken.segment).read_bytes())
    data[broken.offset + 80] ^= 1
    (written / broken.segment).write_bytes(data)
    code, text = told(capsys, "journal", "salvage", written, tmp_path / "saved", "--json")
    assert (code, json.loads(text)["last"]) == (0, broken.first - 1)
    shard = opened(tmp_path / "saved")
    assert [shard.check(tenant) for tenant in shard.tenants()] == [[], []]
    shard.close()


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("format-*")), ids=lambda path: path.name)
def test_a_journal_of_a_released_format_is_still_read(golden: Path, tmp_path: Path) -> None:
    """Written by `steps(opened(path), 120)`; hashes stand beside it. A version that cannot read it must say so."""
    for segment in golden.glob("*.journal"):
        (tmp_path / segment.name).write_bytes(segment.read_bytes())
    shard = Shard(virtual_time=True)
    found = shard.open(str(tmp_path), "os")
    expected = json.loads((golden / "expected.json").read_text())
    assert {tenant: f"{shard.state_hash(tenant):016x}" for tenant in shard.tenants()} == expected["hashes"]
    assert found.records == expected["records"]
    shard.close()
