"""The twin plays by itself: a judge that breaks its own promises judges nobody."""

from contextlib import suppress
from random import Random

import pytest

from tests.oracle.invariants import invariants
from tests.oracle.model import Failure
from tests.oracle.twin import Twin
from tests.property.commands import Commands
from tests.property.policies import Profile, random_policy
from tests.property.tapes import FEATURE_PROFILES


@pytest.mark.parametrize("profile", FEATURE_PROFILES, ids=lambda profile: profile.name)
def test_the_twin_keeps_its_invariants_after_every_command(profile: Profile, tape_seed: int) -> None:
    rng = Random(f"{tape_seed}/alone/{profile.name}")
    twin = Twin()
    commands = Commands(twin, profile, rng)
    twin.install_policy(random_policy(rng, profile))
    for _ in range(200):
        call = commands.next(rng)
        with suppress(Failure):
            getattr(twin, call.method)(*call.arguments, **call.settings)
        assert invariants(twin) == [], f"after {call}"
