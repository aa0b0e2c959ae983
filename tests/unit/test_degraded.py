"""What the status calls degraded."""

from pathlib import Path

from fairlead.service.admin import degraded
from fairlead.shard.core import Shard


def test_nothing_is_degraded_without_a_journal_or_with_a_good_one(tmp_path: Path) -> None:
    assert degraded(Shard().journal()) == []
    shard = Shard()
    shard.open(str(tmp_path / "data"), "none")
    assert degraded(shard.journal()) == []
    shard.close()


def test_a_slow_and_a_full_disk_are_told() -> None:
    slow, full = degraded({"is_slow": True, "no_space": True})
    assert "slow" in slow
    assert "new jobs are refused" in full
