"""The kinds of tapes and how one is played."""

from random import Random

from tests.property.commands import Commands
from tests.property.driver import Pair, command
from tests.property.policies import KEYS, Profile, random_policy
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
ROUTING_PROFILES = (
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

# Commands about what only some tapes have.
OFFERING = {"accept": 22, "decline": 6, "advance": 16}
LOSING = {"heartbeat": 8, "presence": 14, "advance": 16}
RULING = {"scenario": 4, "policy": 3, "advance": 16}
FEATURE_PROFILES = (
    Profile("offers", EVERY, offers=0.8, mix=OFFERING),
    Profile("weighted_offers", ("weighted",), agents=6, capacity=(1, 2, 4), demand_sets=2, offers=1, mix=OFFERING),
    Profile("own_offers", EVERY, agents=5, affinity=0.9, limits=0.3, offers=0.8, mix={**OFFERING, "transfer": 8}),
    Profile("costly_offers", EVERY, capacity=(3, 5, 6), costs=(1, 3), demand_sets=2, offers=0.7, mix=OFFERING),
    Profile("wrap_up", EVERY, wrap_up=0.8, mix={"finish_wrap_up": 10, "advance": 16}),
    Profile("leases", EVERY, leases=0.7, wrap_up=0.3, offers=0.4, mix={**OFFERING, **LOSING}),
    Profile("warm_up", EVERY, agents=8, capacity=(2, 5, 8), warm_up=0.8, mix={"presence": 16, "advance": 20}),
    Profile("rates", EVERY, agents=6, capacity=(2, 5, 8), rates=0.8, mix={"advance": 20}),
    Profile("sort_keys", KEYS, agents=8, affinity=0.05),
    Profile("plans", EVERY, plans=0.8, demand_sets=6, mix=RULING),
    Profile("plans_and_own", EVERY, agents=5, plans=0.7, demand_sets=4, affinity=0.7, limits=0.3, mix=RULING),
    Profile("rules", (*EVERY, *KEYS), rules=0.8, plans=0.4, demand_sets=4, mix=RULING),
    Profile("hours", EVERY, hours=0.8, affinity=0.4, limits=0.3, mix=RULING),
    Profile(
        "experiments",
        (*EVERY, *KEYS),
        agents=6,
        affinity=0.5,
        limits=0.3,
        mix={**OFFERING, **RULING, "transfer": 10},
        offers=0.4,
        plans=0.5,
        rules=0.4,
        hours=0.3,
        experiments=0.85,
    ),
    Profile("customers", EVERY, customers=1, rules=0.5, affinity=0.5, mix={**RULING, "customer": 10}),
    Profile(
        "everything",
        (*EVERY, *KEYS),
        agents=8,
        costs=(1, 2, 1),
        affinity=0.4,
        limits=0.3,
        mix={**OFFERING, **LOSING, **RULING, "finish_wrap_up": 5, "customer": 4},
        offers=0.5,
        wrap_up=0.4,
        leases=0.5,
        warm_up=0.3,
        rates=0.3,
        plans=0.5,
        rules=0.6,
        hours=0.3,
        customers=1,
        experiments=0.3,
    ),
)
PROFILES = (*ROUTING_PROFILES, *FEATURE_PROFILES)


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
