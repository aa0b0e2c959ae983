"""The generated day, the team and the roster: the same for the same seed, and shaped like a support centre."""

import math
from collections import Counter
from statistics import mean, stdev

import pytest

from fairlead.demo.day import CHANNEL_COST, QUEUES, VIP, VOICE, Day
from fairlead.demo.generator import CLOSES_S, KINDS, OPENS_S, generate_day, mean_work_units, peak_rate_per_job, rate
from fairlead.demo.roster import AWAY, DRAINING, LEAST_STAFF, OFFLINE, ONLINE, plan_roster
from fairlead.demo.team import build_policy, build_spec, build_team, work_by_queue
from fairlead.policy.document import load
from fairlead.protobuf import duration_us


@pytest.fixture(scope="module")
def day() -> Day:
    return generate_day(12_000, 7)


def test_the_same_seed_is_the_same_day_and_another_seed_another() -> None:
    assert generate_day(300, 5) == generate_day(300, 5)
    assert generate_day(300, 5) != generate_day(300, 6)


@pytest.mark.parametrize("jobs", [1, 2, 399])
def test_a_day_has_exactly_the_conversations_asked_for(jobs: int) -> None:
    conversations = generate_day(jobs, 1).conversations
    assert len({conversation.id for conversation in conversations}) == jobs


def test_arrivals_ascend_within_the_hours(day: Day) -> None:
    arrivals = [conversation.arrival_s for conversation in day.conversations]
    assert arrivals == sorted(arrivals)
    assert OPENS_S <= day.first_s < day.last_s < CLOSES_S


def test_arrivals_follow_the_curve_of_the_hours(day: Day) -> None:
    counted = Counter(int(conversation.arrival_s // 3_600) for conversation in day.conversations)
    whole = sum(rate(second) for second in range(0, 86_400, 60))
    for hour in range(7, 23):
        expected = 12_000 * sum(rate(second) for second in range(hour * 3_600, hour * 3_600 + 3_600, 60)) / whole
        assert abs(counted[hour] - expected) < 5 * math.sqrt(expected)
    assert counted[10] > 2 * counted[7]
    assert counted[15] > counted[13]


def test_arrivals_are_as_irregular_as_a_poisson_process(day: Day) -> None:
    minutes = Counter(int(conversation.arrival_s // 60) for conversation in day.conversations)
    busy = [minutes[minute] for minute in range(600, 660)]
    assert 0.5 < stdev(busy) ** 2 / mean(busy) < 2.0


def test_handle_times_are_lognormal_with_the_mean_of_their_kind(day: Day) -> None:
    for kind in KINDS:
        lengths = [c.handle_s for c in day.conversations if c.queue == kind.queue]
        logs = [math.log(length) for length in lengths]
        assert mean(lengths) == pytest.approx(kind.handle_mean_s, rel=0.1)
        assert stdev(logs) == pytest.approx(kind.handle_sigma, rel=0.1)


def test_the_mix_has_all_queues_voice_languages_and_hard_cases(day: Day) -> None:
    count = len(day.conversations)
    queues = Counter(conversation.queue for conversation in day.conversations)
    for kind in KINDS:
        assert queues[kind.queue] / count == pytest.approx(kind.share, abs=0.05)
    assert 0.02 < sum(c.channel == VOICE for c in day.conversations) / count < 0.12
    languages = Counter(language for c in day.conversations for language in c.demands if language not in QUEUES)
    assert set(languages) == {"en", "es", "fr", "de"}
    assert 0.65 < languages["en"] / count < 0.85
    assert {queue for c in day.conversations for queue in c.demands if queue in QUEUES} == {"technical"}


def test_customers_return_and_keep_their_tier(day: Day) -> None:
    tiers: dict[str, set[str]] = {}
    visits = Counter(conversation.customer for conversation in day.conversations)
    for conversation in day.conversations:
        tiers.setdefault(conversation.customer, set()).add(conversation.tier)
    assert all(len(names) == 1 for names in tiers.values())
    assert 0.2 < 1 - len(visits) / len(day.conversations) < 0.3
    assert 0.04 < sum(conversation.tier == VIP for conversation in day.conversations) / len(day.conversations) < 0.1


def test_a_scale_shortens_the_handle_times_and_nothing_else() -> None:
    whole, half = generate_day(200, 3), generate_day(200, 3, 0.5)
    for long, short in zip(whole.conversations, half.conversations, strict=True):
        assert short.handle_s == pytest.approx(max(5.0, long.handle_s / 2), rel=1e-9) or short.handle_s == 5.0
        assert (short.arrival_s, short.patience_s, short.customer) == (long.arrival_s, long.patience_s, long.customer)


def test_the_stated_means_are_those_of_the_generated_day(day: Day) -> None:
    work = sum(c.handle_s * CHANNEL_COST[c.channel] for c in day.conversations) / len(day.conversations)
    assert work == pytest.approx(mean_work_units(), rel=0.1)
    assert peak_rate_per_job() * 3_600 == pytest.approx(0.11, abs=0.03)


def test_the_team_is_shared_out_by_work_and_no_queue_is_forgotten(day: Day) -> None:
    homes = Counter(agent.home for agent in build_team(24, day))
    work = work_by_queue(day)
    assert sum(homes.values()) == 24
    assert min(homes.values()) >= 4
    assert max(homes, key=lambda queue: homes[queue]) == max(work, key=lambda queue: work[queue])
    assert len({agent.id for agent in build_team(24, day)}) == 24


def test_on_a_day_of_calls_a_call_is_all_of_an_agents_room(day: Day) -> None:
    calls = Day("calls", [c for c in day.conversations if c.channel == VOICE])
    assert {agent.capacity for agent in build_team(24, calls)} == {CHANNEL_COST[VOICE]}
    assert {agent.capacity for agent in build_team(24, day)} == {6, 8, 10}


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 24, 100])
def test_every_conversation_has_somebody_who_may_serve_it(day: Day, count: int) -> None:
    team = build_team(count, day)
    kinds = {(c.queue, tuple(sorted(c.demands.items()))): c for c in day.conversations}
    if count >= 6:
        assert all(any(agent.may_serve(c) for agent in team) for c in kinds.values())
    assert {queue for agent in team for queue in agent.skills if queue in QUEUES} == set(QUEUES)


def test_the_policy_is_valid_and_its_times_are_compressed(day: Day) -> None:
    policy = load(build_policy(900.0))
    assert duration_us(policy.tiers[0].head_start) == 100_000
    assert [queue.id for queue in policy.queues] == list(QUEUES)
    spec = build_spec(day.conversations[0])
    assert (spec.id, spec.queue) == (day.conversations[0].id, day.conversations[0].queue)


def test_the_roster_follows_the_day_with_breaks_and_ends_with_somebody_there(day: Day) -> None:
    team = build_team(24, day)
    changes = plan_roster(day, team)
    present: dict[str, int] = {}
    peak = lowest = None
    for change in changes:
        before = present.get(change.agent.id, OFFLINE)
        assert change.presence != before
        allowed = {OFFLINE: (ONLINE,), ONLINE: (AWAY, DRAINING), AWAY: (ONLINE, DRAINING), DRAINING: (OFFLINE, ONLINE)}
        assert change.presence in allowed[before]
        present[change.agent.id] = change.presence
        online = sum(presence == ONLINE for presence in present.values())
        if 10 * 3_600 <= change.at_s < 11 * 3_600:
            peak = online
        if 22 * 3_600 <= change.at_s < 23 * 3_600:
            lowest = online
    assert peak is not None
    assert lowest is not None
    assert peak > 2 * lowest
    assert all(
        sum(present.get(agent.id) == ONLINE for agent in team if agent.home == queue) >= LEAST_STAFF for queue in QUEUES
    )
    assert any(change.presence == AWAY for change in changes)
    assert changes[0].at_s <= day.first_s


def test_everybody_works_when_there_is_enough_to_do(day: Day) -> None:
    assert len({change.agent.id for change in plan_roster(day, build_team(24, day))}) == 24


def test_one_agent_is_always_there() -> None:
    day = generate_day(50, 1)
    team = build_team(1, day)
    assert [change.presence for change in plan_roster(day, team)] == [ONLINE]
