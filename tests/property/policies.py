"""What kinds of tapes there are to draw from, and random policies of such a kind.

Everything is drawn from the `Random` handed in. Times lie on a coarse grid, so that things fall due together; bars,
warm-ups and rates, which come into the midst of other steps when they end, are a little off it.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from fairlead.policy.tables import (
    SORT_KEYS,
    SORT_KEYS_BASE,
    STRATEGIES,
    AffinityTierTable,
    ArmQueueTable,
    ArmTable,
    ChannelTable,
    ExperimentTable,
    PlanTable,
    PolicyTables,
    QueueTable,
    RuleTable,
    ScheduleTable,
    StepTable,
    TierTable,
)
from tests.oracle.model import SECOND, Closed, Limit, Mode, PlanEnd

SKILLS = ("en", "de", "fr", "sql")
TAGS = ("senior", "night")
CUSTOMERS = ("c0", "c1", "c2", "c3", "c4")
LABELS = {"topic": ("order", "after", "sale"), "source": ("web", "app")}
LANGUAGES = ("en", "en-GB", "EN-us", "de", "zh-Hant-TW")
SCENARIOS = ("sale", "storm")
SCHEDULES = ("day", "week")
PLANS = ("wide", "short")
ARMS = tuple(f"arm{number}" for number in range(10))
TIERS = (TierTable("vip", head_start_us=90 * SECOND), TierTable("gold", head_start_us=20 * SECOND, urgency=2))
KEYS = ("saturation,order", "handle_time", "satisfaction,load", "skill_level,skill_count,rating", "weight,idle_time")


@dataclass(frozen=True)
class Profile:
    """What kind of tape. The numbers of `mix` are the relative frequencies of the commands.

    From `offers` on: how likely a queue, agent or job has the feature; 0 leaves it out of the tape altogether.
    """

    name: str
    strategies: tuple[str, ...]
    agents: int = 10
    backlog: int = 40
    capacity: tuple[int, ...] = (1, 2, 3, 5)
    costs: tuple[int, ...] = (1, 1)
    demand_sets: int = 3
    affinity: float = 0.2
    limits: float = 0.15
    mix: dict[str, int] = field(default_factory=dict)
    offers: float = 0
    wrap_up: float = 0
    leases: float = 0
    warm_up: float = 0
    rates: float = 0
    plans: float = 0
    rules: float = 0
    hours: float = 0
    customers: float = 0
    experiments: float = 0


def grid(rng: Random, most: int) -> int:
    """A duration of up to `most` seconds in steps of five."""
    return 5 * SECOND * rng.randint(0, most // 5)


def some_time(rng: Random, most: int) -> int:
    """As `grid`, never nothing."""
    return 5 * SECOND + grid(rng, most - 5)


def off_grid(rng: Random, most: int) -> int:
    """As `some_time`, a little off."""
    return some_time(rng, most) + rng.randint(1, 10_000)


def strategy_number(name: str) -> int:
    """Of a preset, or of sort keys with commas between them."""
    if name in STRATEGIES:
        return STRATEGIES[name]
    return SORT_KEYS_BASE + sum(SORT_KEYS[key] << 4 * place for place, key in enumerate(name.split(",")))


def some_strategy(rng: Random, profile: Profile) -> int:
    return strategy_number(rng.choice(profile.strategies))


def random_policy(rng: Random, profile: Profile, now: int = 0) -> PolicyTables:
    """Three queues that overflow downwards, so never in a circle; now and then a queue or channel less."""
    ids = [f"q{number}" for number in range(3) if number == 0 or rng.random() < 0.85]
    plans = random_plans(rng, profile, ids)
    schedules = random_schedules(rng, profile, now)
    tables = PolicyTables(
        channels=random_channels(rng, profile),
        tiers=TIERS,
        queues=tuple(random_queue(rng, profile, name, ids[place + 1 :]) for place, name in enumerate(ids)),
        default_queue="q0",
        retention_us=rng.choice((30, 60, 120)) * SECOND,
        reserve_after_us=rng.choice((5, 15, 30)) * SECOND,
        seed=rng.randint(0, 2**64 - 1),
        plans=plans,
        schedules=schedules,
    )
    with_plan = [plan.id for plan in plans if plan.end != PlanEnd.OVERFLOW]
    queues = [
        queue._replace(
            plan=rng.choice(with_plan) if with_plan and rng.random() < profile.plans else "",
            hours=rng.choice(schedules).id if schedules and rng.random() < profile.hours else "",
        )
        for queue in tables.queues
    ]
    tables = tables._replace(queues=tuple(queues))
    tables = with_rules(rng, profile, tables) if profile.rules else tables
    return tables._replace(experiment=random_experiment(rng, profile, tables))


def random_channels(rng: Random, profile: Profile) -> tuple[ChannelTable, ...]:
    channels = [ChannelTable(f"ch{number}", cost) for number, cost in enumerate(profile.costs)]
    if rng.random() < 0.1:
        costs = [max(1, channel.cost + rng.choice((-1, 1))) for channel in channels]
        channels = [channel._replace(cost=cost) for channel, cost in zip(channels, costs, strict=True)]
    if rng.random() < 0.2:
        limited = rng.randrange(len(channels))
        channels[limited] = channels[limited]._replace(max_jobs=rng.randint(1, 3))
    if len(channels) > 1 and rng.random() < 0.05:
        channels.pop()
    return tuple(channels)


def random_queue(rng: Random, profile: Profile, name: str, later: list[str]) -> QueueTable:
    """One queue; `later` are the queues it may overflow to."""
    queue = QueueTable(name, strategy=some_strategy(rng, profile))
    if rng.random() < 0.5:
        queue = queue._replace(
            everyone=False,
            agents=tuple(f"a{number}" for number in range(2 * profile.agents) if rng.random() < 0.6),
            any_skills=((rng.choice(SKILLS), rng.randint(1, 5), 10),) if rng.random() < 0.5 else (),
            any_tags=(rng.choice(TAGS),) if rng.random() < 0.3 else (),
        )
    if rng.random() < 0.3:
        queue = queue._replace(saturation_threshold=rng.choice((1, 34, 50, 80, 99)))
    actions = (Limit.REFUSE, Limit.CANCEL, *((Limit.OVERFLOW,) * 3 if later else ()))
    if rng.random() < 2 * profile.limits:
        queue = queue._replace(max_length=rng.randint(1, 10), on_max_length=rng.choice(actions).value)
    if rng.random() < 2 * profile.limits:
        queue = queue._replace(max_wait_us=5 * SECOND + grid(rng, 60), on_max_wait=rng.choice(actions).value)
    if later:
        queue = queue._replace(overflow_queue=rng.choice(later))
    if rng.random() < 3 * profile.affinity:
        ages = sorted({grid(rng, 120) + 5 * SECOND for _ in range(rng.randint(0, 3))})
        queue = queue._replace(
            affinity_mode=rng.choice((Mode.PREFER, Mode.PREFER, Mode.REQUIRE)).value,
            affinity_group=rng.choice(("", "", "shared")),
            affinity_tiers=tuple(AffinityTierTable(age, rng.random() < 0.5, grid(rng, 30)) for age in ages),
        )
    closed = (Closed.REFUSE, Closed.QUEUE, Closed.QUEUE, Closed.STRATEGY, *((Closed.OVERFLOW,) if later else ()))
    return queue._replace(**queue_extras(rng, profile), on_closed=rng.choice(closed).value)


def queue_extras(rng: Random, profile: Profile) -> dict[str, Any]:
    """What a queue may have beyond choosing and limits, by the likelihoods of the profile."""
    extras: dict[str, Any] = {}
    if rng.random() < profile.offers:
        extras["offer_timeout_us"] = some_time(rng, 30)
        extras["decline_cooldown_us"] = rng.choice((0, off_grid(rng, 60), off_grid(rng, 20)))
        extras["misses_to_away"] = rng.choice((0, 1, 2, 3))
    if rng.random() < profile.wrap_up:
        extras["wrap_up_us"] = some_time(rng, 30)
    if rng.random() < profile.leases:
        extras["requeue_lost"] = True
        extras["lost_grace_us"] = rng.choice((0, some_time(rng, 30)))
    if rng.random() < profile.warm_up:
        extras["warm_up_interval_us"] = off_grid(rng, 20)
        extras["warm_up_for_us"] = off_grid(rng, 120)
    if rng.random() < profile.rates:
        extras["rate_limit"] = rng.choice((1, 2, 3, 64))
        extras["rate_window_us"] = off_grid(rng, 60)
    if rng.random() < profile.hours:
        extras["closed_strategy"] = some_strategy(rng, profile)
    return extras


# Plans, schedules, rules.


def random_plans(rng: Random, profile: Profile, queues: list[str]) -> tuple[PlanTable, ...]:
    """Now and then one is missing. Plans that overflow end in the last queue, and only rules name them."""
    return tuple(random_plan(rng, profile, name, queues[-1]) for name in PLANS if profile.plans and rng.random() < 0.9)


def random_plan(rng: Random, profile: Profile, name: str, overflow_queue: str) -> PlanTable:
    afters = sorted(rng.sample(range(0 if rng.random() < 0.1 else 5, 60, 5), rng.randint(1, 4)))
    ends = (PlanEnd.HOLD, PlanEnd.ANYONE, PlanEnd.CANCEL, *((PlanEnd.OVERFLOW,) if profile.rules else ()))
    end = rng.choice(ends)
    end_after = afters[-1] * SECOND + grid(rng, 20)
    return PlanTable(
        name,
        tuple(random_step(rng, profile, after * SECOND) for after in afters),
        end=end.value,
        end_after_us=end_after if end is not PlanEnd.HOLD or rng.random() < 0.5 else 0,
        overflow_queue=overflow_queue if end is PlanEnd.OVERFLOW else "",
    )


def random_step(rng: Random, profile: Profile, after_us: int) -> StepTable:
    return StepTable(
        after_us,
        drop_skills=(rng.choice(SKILLS),) if rng.random() < 0.4 else (),
        drop_tags=(rng.choice(TAGS),) if rng.random() < 0.4 else (),
        lower_levels=rng.choice((0, 0, 1, 2, 5)),
        drop_max_levels=rng.random() < 0.3,
        any_agent=rng.random() < 0.15,
        drop_preferences=rng.random() < 0.2,
        strategy=some_strategy(rng, profile) if rng.random() < 0.2 else 0,
    )


def random_schedules(rng: Random, profile: Profile, now: int) -> tuple[ScheduleTable, ...]:
    if not profile.hours:
        return ()
    start = now - now % SECOND
    return tuple(
        ScheduleTable(
            name,
            rng.random() < 0.5,
            tuple(sorted({max(0, start - 20 * SECOND) + grid(rng, 400) for _ in range(rng.randint(0, 12))})),
        )
        for name in SCHEDULES
    )


def with_rules(rng: Random, profile: Profile, tables: PolicyTables) -> PolicyTables:
    """The policy with rules about what it has, and strategies for some tiers."""
    tiers = [tier._replace(strategy=some_strategy(rng, profile) if rng.random() < 0.3 else 0) for tier in TIERS]
    scenarios = tuple(name for name in SCENARIOS if rng.random() < 0.9)
    tables = tables._replace(tiers=tuple(tiers), scenarios=scenarios)
    rules = [random_rule(rng, profile, tables, f"rule{number}") for number in range(rng.randint(0, 6))]
    return tables._replace(rules=tuple(rules))


def random_rule(rng: Random, profile: Profile, tables: PolicyTables, name: str) -> RuleTable:
    rule = RuleTable(name)
    drawn: dict[str, Any] = {
        "labels": tuple((key, rng.choice(((), values[:1], values[1:]))) for key, values in LABELS.items()),
        "channels": (rng.choice(tables.channels).id,),
        "languages": tuple(rng.sample(("en", "en-gb", "de", "zh-Hant"), 2)),
        "customer_tiers": (rng.choice(TIERS).id,),
        "min_value": rng.choice((1, 100)),
        "max_value": rng.choice((100, 500)),
        "queues": (rng.choice(tables.queues).id,),
    }
    if tables.schedules:
        drawn |= {rng.choice(("schedule", "not_schedule")): rng.choice(tables.schedules).id}
    if tables.scenarios:
        drawn |= {rng.choice(("scenario", "not_scenario")): rng.choice(tables.scenarios)}
    rule = rule._replace(**{key: value for key, value in drawn.items() if rng.random() < 0.2})
    low = rng.randint(1, 6)
    settings: dict[str, Any] = {
        "queue": rng.choice(tables.queues).id,
        "skills": ((rng.choice(SKILLS), low, rng.randint(low, 10)),),
        "tags": (rng.choice(TAGS),),
        "preferred_skills": ((rng.choice(SKILLS), low, 10),),
        "preferred_tags": (rng.choice(TAGS),),
        "head_start_us": grid(rng, 60),
        "urgency": rng.randint(0, 9),
        "strategy": some_strategy(rng, profile),
        "affinity": rng.choice((Mode.OFF, Mode.PREFER, Mode.REQUIRE)).value,
    }
    if tables.plans:
        settings["plan"] = rng.choice(tables.plans).id
    return rule._replace(**{key: value for key, value in settings.items() if rng.random() < 0.25})


# Experiments.


def random_experiment(rng: Random, profile: Profile, tables: PolicyTables) -> ExperimentTable:
    """Arms of a few names, so that one comes back at another place; by slices of a length, or by job id."""
    if not profile.experiments or rng.random() >= profile.experiments:
        return ExperimentTable()
    arms = rng.sample(ARMS, rng.choice((2, 2, 3, 5, 8)))
    slice_us = rng.choice((60, 60, 65, 150)) * SECOND if rng.random() < 0.6 else 0
    return ExperimentTable(
        tuple(random_arm(rng, profile, tables, arm) for arm in arms), slice_us, seed=rng.randint(0, 2**64 - 1)
    )


def random_arm(rng: Random, profile: Profile, tables: PolicyTables, name: str) -> ArmTable:
    """Changes some of the queues, and something of each."""
    settings = []
    for queue in tables.queues:
        drawn: dict[str, Any] = {
            "strategy": some_strategy(rng, profile),
            "affinity": rng.choice((Mode.OFF, Mode.PREFER, Mode.REQUIRE)).value,
        }
        if tables.plans:
            drawn["plan"] = rng.choice(tables.plans).id
        if rng.random() < 0.6:
            settings.append(ArmQueueTable(queue.id, **{key: each for key, each in drawn.items() if rng.random() < 0.5}))
    return ArmTable(name, tuple(settings))
