"""Facts are the whole story: a fresh engine that applies them is in the same state; equal commands give equal facts."""

from contextlib import suppress
from random import Random
from typing import Any

import pytest

from fairlead.engine.core import replay
from fairlead.errors import FairleadError
from fairlead.shard.core import Shard
from tests.oracle.model import Failure
from tests.oracle.twin import Twin
from tests.property.commands import Commands
from tests.property.driver import AGENT_FIELDS, TENANT, Command, command, fields
from tests.property.policies import Profile, random_policy
from tests.property.tapes import PROFILES

COMPARE_EVERY = 100
REPLAYS = 5  # of each tape, the last at its end


def run(shard: Shard, call: Command) -> str:
    """The command's answer as text, or the reason of its refusal."""
    tenant = () if call.method == "advance_to" else (TENANT,)
    try:
        answer = getattr(shard, call.method)(*tenant, *call.arguments, **call.settings)
    except FairleadError as error:
        return error.reason
    return str(fields(answer, AGENT_FIELDS)) if call.method in ("create_agent", "update_agent") else repr(answer)


def tape(profile: Profile, rng: Random, length: int) -> list[Command]:
    """Commands that make sense in the state that the twin comes to."""
    twin = Twin()
    commands = Commands(twin, profile, rng)
    calls = [command("install_policy", random_policy(rng, profile))]
    while len(calls) < length:
        call: Any = calls[-1]
        with suppress(Failure):
            getattr(twin, call.method)(*call.arguments, **call.settings)
        calls.append(commands.next(rng))
    return calls


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_replayed_facts_and_repeated_commands_give_the_same_state(
    profile: Profile, tape_length: int, tape_seed: int
) -> None:
    """Replay decides nothing, so nothing decided may be missing from a fact. The seed of names differs by shard."""
    length = max(20, tape_length // 5 // len(PROFILES))
    calls = tape(profile, Random(f"{tape_seed}/replay/{profile.name}"), length)
    shard, again = Shard(virtual_time=True, keep_facts=True), Shard(virtual_time=True)
    for number, call in enumerate(calls, 1):
        assert run(shard, call) == run(again, call), f"command {number}: {call}"
        if number % COMPARE_EVERY == 0 or number == length:
            assert shard.state_hash(TENANT) == again.state_hash(TENANT), f"after command {number}"
        if number % (length // REPLAYS) == 0 or number == length:
            assert replay(shard.facts(TENANT)) == (shard.state_hash(TENANT), []), f"after command {number}"
    assert again.facts(TENANT) == b""


def test_no_facts_are_an_empty_tenant() -> None:
    empty, violated = replay(b"")
    assert violated == []
    shard = Shard(virtual_time=True, keep_facts=True)
    shard.assign(TENANT, "j")
    assert replay(shard.facts(TENANT))[0] == shard.state_hash(TENANT) != empty


def test_a_refused_command_leaves_no_fact() -> None:
    shard = Shard(virtual_time=True, keep_facts=True)
    shard.assign(TENANT, "j")
    before = shard.facts(TENANT)
    for misuse in (
        lambda: shard.complete(TENANT, "j", 1),
        lambda: shard.assign(TENANT, "j", urgency=1),
        lambda: shard.set_presence(TENANT, "nobody", 1),
        lambda: shard.create_agent(TENANT, "ann", capacity=0),
    ):
        with pytest.raises(FairleadError):
            misuse()
    assert shard.facts(TENANT) == before


def test_facts_that_end_inside_one_are_refused() -> None:
    shard = Shard(virtual_time=True, keep_facts=True)
    shard.create_agent(TENANT, "ann", skills={"de": 5}, presence=1)
    facts = shard.facts(TENANT)
    for cut in (1, 8, len(facts) // 2 + 1):
        with pytest.raises(ValueError, match="end inside one"):
            replay(facts[:-cut])
