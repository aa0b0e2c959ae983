"""`fairlead journal audit`: sound histories have no objection; each planted violation is found where it is.

Violations are facts that no engine commits, put into real histories by the real writer.
"""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from fairlead.cli import main
from fairlead.journal.face import write_journal
from fairlead.journal.reader import Reader
from fairlead.shard.core import Shard
from fairlead.shard.inspection import Violation, inspect
from fairlead.storage.records import Cursor
from tests.crash.histories import opened, steps
from tests.property.policies import Profile
from tests.property.tapes import PROFILES
from tests.property.test_replay import TENANT, run, tape

FACT = 64
PRESENCE, SUBMITTED, WAITS, GIVEN, ENDED, FORGOTTEN, RELEASED = 8, 9, 10, 11, 12, 13, 14
OFFERED, ACCEPTED, WRAPS = 20, 21, 23
SECOND = 1_000_000


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value: int) -> bytes:
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


class Forged(NamedTuple):
    """A fact that nobody committed; fields that are None are not there."""

    type: int
    job: int | None = None
    agent: int | None = None
    cls: int | None = None
    value: int = 0
    state: int = 0
    reason: int = 0
    flag: int = 0

    def record(self, time_us: int) -> bytes:
        """As shard/record.pxd says, with its time as it is."""
        fields, content = 0, b""
        for bit, value in ((1, self.job), (2, self.agent), (4, self.cls)):
            if value is not None:
                fields |= bit
                content += varint(value)
        if self.value:
            fields |= 8
            content += signed(self.value)
        for bit, value in ((16, self.state), (32, self.reason), (64, self.flag)):
            if value:
                fields |= bit
                content += bytes([value])
        return bytes([FACT + self.type]) + varint(0) + varint(time_us * 2 + 1) + bytes([fields]) + content


def recorded(path: Path) -> tuple[list[list[bytes]], int]:
    """The steps of a journal as lists of records, and its layout."""
    found: list[list[bytes]] = []
    for frame in Reader(str(path)):
        outer = Cursor(frame.payload)
        while outer.at < outer.end:
            record = outer.take(outer.varint())
            head = Cursor(record, 1)
            head.varint()
            if head.varint() & 1 or not found:
                found.append([])
            found[-1].append(record)
    segment = min(path.glob("*.journal")).read_bytes()
    return found, int.from_bytes(segment[12:16], "little")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Agents 0 (ann, room for two), 1 (bob, AWAY); jobs 0 (of ann), 1 (ended), 2 (waits: nobody speaks da)."""
    path = tmp_path / "small"
    shard = Shard(virtual_time=True)
    shard.open(str(path), "none")
    shard.create_agent(TENANT, "ann", capacity=2, presence=1)
    shard.create_agent(TENANT, "bob", capacity=1, presence=2)
    shard.advance_to(10 * SECOND)
    shard.assign(TENANT, "held")
    shard.complete(TENANT, "done", shard.assign(TENANT, "done").version)
    shard.assign(TENANT, "waits", skills={"da": 3})
    shard.close()
    return path


def planted(source: Path, target: Path, *forged: Forged, time_us: int = 11 * SECOND) -> Violation:
    """The violation found in a copy to which a step of these facts was added; it must be the same with and without --every."""
    steps_, layout = recorded(source)
    write_journal(str(target), [*steps_, [fact.record(time_us) for fact in forged]], layout)
    found = inspect(str(target))
    assert found.violation is not None
    assert inspect(str(target), 1000).violation == found.violation
    assert main(["journal", "audit", str(target)]) == 1
    return found.violation


PLANTS: dict[str, tuple[tuple[Forged, ...], str, str, str]] = {
    "two holders": ((Forged(GIVEN, 0, 1, 0),), "J2: a job with two holders", "held", "bob"),
    "two holders by an offer": ((Forged(OFFERED, 0, 0, 0, value=99 * SECOND),), "J2: a job with two holders", "held", "ann"),
    "not ONLINE": ((Forged(GIVEN, 2, 1, 1),), "A2: a job goes to an agent who is not ONLINE", "waits", "bob"),
    "no candidate": ((Forged(GIVEN, 2, 0, 1),), "T1: a job goes to an agent who is no candidate for it", "waits", "ann"),
    "an ended job comes back": ((Forged(GIVEN, 1, 0, 0),), "J1: something happens to a job that has ended", "done", "ann"),
    "a job that never was": ((Forged(GIVEN, 7, 0, 0),), "J2: a fact of a job that does not exist", "", "ann"),
    "an agent who never was": ((Forged(GIVEN, 2, 9, 1),), "a job goes to an agent who does not exist", "waits", ""),
    "a live job vanishes": ((Forged(FORGOTTEN, 0),), "J2: a job vanishes that has not ended, or not first", "held", "ann"),
    "an ended job vanishes too early": ((Forged(FORGOTTEN, 1),), "J4: a job is forgotten before its time", "done", "ann"),
    "a job goes nowhere": ((Forged(RELEASED, 0),), "J2: a job was taken from its agent and went nowhere", "held", ""),
    "a waiting job completes": ((Forged(ENDED, 2, state=6),), "J1: a job goes to a state that does not follow its own", "waits", ""),
    "a held job waits": ((Forged(WAITS, 0, cls=0),), "J2: a job waits that somebody holds", "held", "ann"),
    "a free agent and a job for them": (
        (Forged(RELEASED, 0), Forged(WAITS, 0, cls=0, reason=3)),
        "Q1: a waiting job and a candidate for it both exist", "held", "",
    ),
    "an offer nobody made": ((Forged(ACCEPTED, 0, 0),), "O1: an answer to an offer that is not open", "held", "ann"),
    "a presence there is not": ((Forged(PRESENCE, agent=0, state=7),), "P1: a presence that there is not", "", "ann"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_violation_is_found_where_it_is(small: Path, tmp_path: Path, name: str) -> None:
    forged, what, job, agent = PLANTS[name]
    sound = inspect(str(small))
    assert sound.violation is None
    found = planted(small, tmp_path / "bad", *forged)
    assert found == Violation(sound.records + len(forged), 11 * SECOND, TENANT, job, agent, what)


def test_time_that_goes_back_is_found(small: Path, tmp_path: Path) -> None:
    found = planted(small, tmp_path / "bad", Forged(PRESENCE, agent=1, state=1), time_us=9 * SECOND)
    assert found.what == "time goes back"


def forged_after(path: Path, target: Path, act: Callable[[Shard], None], *forged: Forged) -> Violation:
    """As `planted`, in a history that `act` writes."""
    shard = Shard(virtual_time=True)
    shard.open(str(path), "none")
    shard.advance_to(10 * SECOND)
    act(shard)
    shard.close()
    return planted(path, target, *forged)


def test_above_capacity_by_the_routers_doing_is_found_and_by_an_operators_is_not(tmp_path: Path) -> None:
    def full(shard: Shard) -> None:
        shard.create_agent(TENANT, "ann", presence=1)
        shard.assign(TENANT, "first")
        shard.assign(TENANT, "second")

    found = forged_after(tmp_path / "full", tmp_path / "bad", full, Forged(GIVEN, 1, 0, 0, reason=3))
    assert found.what == "C2: an agent is above capacity by the router's doing"
    assert (found.job_id, found.agent_id) == ("second", "ann")
    shard = Shard(virtual_time=True)
    shard.open(str(tmp_path / "forced"), "none")
    shard.create_agent(TENANT, "bob", presence=1)
    version = shard.assign(TENANT, "first").version
    shard.create_agent(TENANT, "ann", presence=1)
    shard.assign(TENANT, "second")
    shard.transfer(TENANT, "first", version, agent="ann", over_capacity=True)
    shard.close()
    assert inspect(str(tmp_path / "forced")).violation is None


def test_a_new_job_that_takes_an_agent_from_an_older_one_is_found(tmp_path: Path) -> None:
    """Q4: both wait for ann, who comes ONLINE; the younger is given to her."""

    def wait(shard: Shard) -> None:
        shard.create_agent(TENANT, "ann", presence=2)
        shard.assign(TENANT, "older")
        shard.assign(TENANT, "younger")

    online = Forged(PRESENCE, agent=0, state=1)
    found = forged_after(tmp_path / "two", tmp_path / "bad", wait, online, Forged(GIVEN, 1, 0, 0, reason=3))
    assert found.what == "Q4: a job takes an agent that a waiting job with a smaller key could have had"
    assert (found.job_id, found.agent_id) == ("younger", "ann")


def test_a_wrong_state_hash_is_found(small: Path, tmp_path: Path) -> None:
    steps_, layout = recorded(small)
    last = steps_[-1][-1]
    assert last[0] == 7
    write_journal(str(tmp_path / "bad"), [*steps_[:-1], [*steps_[-1][:-1], last[:-1] + bytes([last[-1] ^ 1])]], layout)
    found = inspect(str(tmp_path / "bad")).violation
    assert found is not None
    assert found.what == "the state has not the hash that the journal says it had"
    assert found.sequence == sum(map(len, steps_))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_sound_histories_of_every_kind_have_no_objection(
    profile: Profile, tmp_path: Path, tape_length: int, tape_seed: int
) -> None:
    shard = Shard(virtual_time=True)
    shard.open(str(tmp_path), "none")
    for call in tape(profile, Random(f"{tape_seed}/audit/{profile.name}"), max(60, tape_length // 30 // len(PROFILES))):
        run(shard, call)
    shard.close()
    found = inspect(str(tmp_path))
    assert found.violation is None
    assert found.audits > found.steps // 2 > 10


def test_the_command_tells_counts_and_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = opened(tmp_path / "data")
    steps(shard, 100)
    shard.close()
    assert main(["journal", "audit", str(tmp_path / "data"), "--json", "--every", "10"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["violation"] is None
    assert found["tenants"] == 2
    assert main(["journal", "audit", str(tmp_path / "data")]) == 0
    assert "all invariants hold" in capsys.readouterr().out
    assert main(["journal", "audit", str(tmp_path / "nowhere")]) == 1
    assert "JOURNAL_ABSENT" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["journal", "audit", str(tmp_path / "data"), "--every", "0"])
