"""The tables of a policy: what is empty has the default that the contract names, all else is as told."""

from fairlead.policy.compile import built_in, compile_policy
from fairlead.policy.document import from_stored, load
from fairlead.policy.tables import (
    STRATEGIES,
    AffinityTierTable,
    ChannelTable,
    PolicyTables,
    QueueTable,
    TierTable,
)

DAY_US = 86_400_000_000


def test_the_built_in_policy_is_the_default_tables() -> None:
    compiled = compile_policy(load(built_in()))
    queue = QueueTable("default", affinity_group="default", affinity_tiers=(AffinityTierTable(DAY_US),))
    assert compiled._replace(document=b"") == PolicyTables(queues=(queue,))


def test_what_is_empty_has_the_default_of_the_contract() -> None:
    compiled = compile_policy(load({"queues": [{"id": "q", "affinity": {}}]}))
    assert compiled.channels == (ChannelTable("chat", 1, 0),)
    assert (compiled.retention_us, compiled.reserve_after_us, compiled.seed) == (3_600_000_000, 30_000_000, 0)
    queue = compiled.queues[0]
    assert queue.everyone
    assert queue.strategy == STRATEGIES["least_load"]
    assert (queue.saturation_threshold, queue.max_length, queue.max_wait_us) == (100, 0, 0)
    assert (queue.on_max_length, queue.on_max_wait) == (1, 3)
    assert (queue.affinity_mode, queue.affinity_group) == (2, "q")
    assert queue.affinity_tiers == (AffinityTierTable(DAY_US),)


def test_a_duration_of_zero_is_not_an_empty_one() -> None:
    compiled = compile_policy(load({"queues": [{"id": "q"}], "retention": "0s", "reserve_after": "0s"}))
    assert (compiled.retention_us, compiled.reserve_after_us) == (0, 0)


def test_what_is_told_is_in_the_tables() -> None:
    policy = load(
        {
            "channels": [{"id": "voice", "cost": 5, "max_jobs": 2}],
            "tiers": [{"id": "vip", "head_start": "90s", "urgency": 2}],
            "default_queue": "b",
            "seed": 7,
            "queues": [
                {
                    "id": "a",
                    "members": {
                        "agents": ["x", "y", "x"],
                        "any_skills": [{"name": "de"}, {"name": "en", "min_level": 3, "max_level": 7}],
                        "any_tags": ["t"],
                    },
                    "strategy": "best_rating",
                    "saturation_threshold": 80,
                    "max_length": 5,
                    "on_max_length": "cancel",
                    "max_wait": "1m",
                    "on_max_wait": "overflow",
                    "overflow_queue": "b",
                    "affinity": {
                        "mode": "require",
                        "group": "g",
                        "tiers": [{"age": "1h", "also_away": True, "hold": "9s"}],
                    },
                },
                {"id": "b"},
            ],
        }
    )
    compiled = compile_policy(policy, "ann")
    assert compiled.channels == (ChannelTable("voice", 5, 2),)
    assert compiled.tiers == (TierTable("vip", 90_000_000, 2),)
    assert (compiled.default_queue, compiled.seed, compiled.author) == ("b", 7, "ann")
    assert from_stored(compiled.document) == policy
    assert compiled.queues[0] == QueueTable(
        id="a",
        everyone=False,
        agents=("x", "y"),
        any_skills=(("de", 1, 10), ("en", 3, 7)),
        any_tags=("t",),
        strategy=7,
        saturation_threshold=80,
        max_length=5,
        on_max_length=3,
        max_wait_us=60_000_000,
        on_max_wait=2,
        overflow_queue="b",
        affinity_mode=3,
        affinity_group="g",
        affinity_tiers=(AffinityTierTable(3_600_000_000, True, 9_000_000),),
    )
    assert compiled.queues[1].affinity_mode == 1
