"""Long seeded tapes: the shard answers and is what the twin says, over every strategy and kind of trouble."""

import pytest

from tests.property.policies import Profile
from tests.property.tapes import PROFILES, play


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_shard_and_twin_agree_over_a_tape(profile: Profile, tape_length: int, tape_seed: int) -> None:
    """The length is shared by the profiles."""
    play(profile, tape_seed, tape_length // len(PROFILES))
