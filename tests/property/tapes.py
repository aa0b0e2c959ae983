"""The kinds of tapes and how one is played."""

from random import Random

from tests.property.commands import Commands, Profile, random_policy
from tests.property.driver import Pair, command
from tests.property.shrink import Shrinker

FULL_EVERY = 100
CHECK_EVERY = 1000

STRATEGY_PROFILES = tuple(
    Profile(name, (name,))
    for name in (
        "sequential",
        "weighted",
        "least_load",
        "longest_idle",
        "best_skill",
        "specialist",
        "best_rating",
        "random",
    )
)
EVERY = tuple(profile.name for profile in STRATEGY_PROFILES)
PROFILES = (
    *STRATEGY_PROFILES,
    Profile("mixed_costs", EVERY, capacity=(5, 6, 10), costs=(1, 3, 5), demand_sets=2, affinity=0.05, limits=0.05),
    Profile(
        "overload",
        ("least_load", "weighted", "longest_idle"),
        agents=6,
        backlog=100,
        costs=(1, 2),
        limits=0.02,
        mix={"assign": 45, "complete": 20, "cancel": 6},
    ),
    Profile(
        "churn",
        EVERY,
        agents=24,
        costs=(1, 2, 1),
        mix={"presence": 20, "update_agent": 20, "create_agent": 10, "delete_agent": 6, "policy": 6},
    ),
    Profile(
        "few_rotations",
        ("weighted",),
        capacity=(2, 3, 5, 20),
        costs=(1,),
        demand_sets=2,
        limits=0.02,
        mix={"transfer": 15, "complete": 40},
    ),
    Profile(
        "weighted_costs",
        ("weighted",),
        agents=6,
        capacity=(3, 4, 6),
        costs=(1, 3),
        demand_sets=2,
        affinity=0.05,
        limits=0.02,
        mix={"advance": 20},
    ),
    Profile("affinity", ("least_load", "weighted", "sequential"), agents=8, affinity=0.9, limits=0.2),
)


def play(profile: Profile, seed: int, length: int) -> None:
    """Plays one seeded tape; a difference is raised with what replays it and with the shortest tape that has it."""
    rng = Random(f"{seed}/{profile.name}")
    pair = Pair()
    commands = Commands(pair.twin, profile, rng)
    calls = [command("install_policy", random_policy(rng, profile))]
    for number in range(length):
        try:
            pair.run(calls[-1])
            if number % FULL_EVERY == 0 or number == length - 1:
                pair.compare()
            if number % CHECK_EVERY == 0 or number == length - 1:
                pair.check()
        except AssertionError as difference:
            shrinker = Shrinker(calls)
            tape = "\n".join(f"  {call}" for call in shrinker.shrink())
            raise AssertionError(
                f"tape {profile.name}, --tape-seed={seed}, command {number}: {calls[-1]}\n{difference}\n"
                f"shortest tape found:\n{tape}\n{shrinker.difference}"
            ) from difference
        calls.append(commands.next(rng))
