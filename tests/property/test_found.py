"""Histories on which shard and twin once differed, or that random tapes hit too rarely; compared after each step."""

import pytest

from fairlead.policy.tables import (
    STRATEGIES,
    AffinityTierTable,
    ChannelTable,
    PlanTable,
    PolicyTables,
    QueueTable,
    RuleTable,
    ScheduleTable,
    StepTable,
    TierTable,
)
from tests.oracle.model import SECOND, Closed, Limit, Mode, PlanEnd, Presence
from tests.property.driver import Command, Pair, command
from tests.property.words import CHAT_AND_CALL, agent, at, calls_policy, job, policy, presence

WEIGHTED = QueueTable("q", strategy=STRATEGIES["weighted"])
SEQUENTIAL = QueueTable("q", strategy=STRATEGIES["sequential"])
PREFER = QueueTable("q", affinity_mode=Mode.PREFER)
PLAN = PlanTable("p", (StepTable(10 * SECOND, drop_skills=("sql",)),))


FOUND: dict[str, list[Command]] = {
    "a requeued job shows no time of assignment, also after its end": [
        *(policy(), agent("a"), at(5), job("j"), command("transfer", "j", 1), command("cancel", "j")),
    ],
    "a job cancelled before its start never had a queueing time": [
        *(policy(), job("j", start_time_us=40 * SECOND), command("cancel", "j")),
    ],
    "a remembered job keeps the name of a channel that a policy took away": [
        *(
            policy(channels=(ChannelTable("x"),)),
            job("j"),
            command("cancel", "j"),
            policy(channels=(ChannelTable("y"),)),
        ),
    ],
    "T6 a member by skill who becomes a member by name keeps its credit": [
        policy(WEIGHTED._replace(everyone=False, any_skills=(("fr", 4, 10),))),
        *(agent("c", skills={"fr": 9}, order=25), agent("b", skills={"fr": 8}, order=18), agent("a", order=13)),
        *(job("j"), policy(WEIGHTED._replace(everyone=False, agents=("a", "c"))), job("k")),
    ],
    "Q8 the backlog is matched before a passed clock reserves who came": [
        *(calls_policy(), job("urgent", urgency=5), job("call", channel="call"), job("chat"), at(20)),
        agent("a", capacity=3),
    ],
    "Q8 of two passed clocks the earlier class goes first": [
        *(calls_policy(), agent("a", capacity=3, skills={"x": 5}), job("chat"), job("plain", channel="call")),
        *(job("dear", channel="call", skills={"x": (1, 10)}, urgency=2), job("middle", start_time_us=16 * SECOND)),
        *(at(15), at(16)),
    ],
    "Q8 of agents with room the least recently given one is reserved, however much room the others have": [
        *(calls_policy(max_calls=1), agent("a", capacity=10), agent("b", capacity=20)),
        *(job("c0", channel="call"), job("c1", channel="call"), job("c2", channel="call"), at(15)),
        *(job("chat0"), job("chat1"), job("chat2")),
    ],
    "Q2 an agent who comes ONLINE takes the smallest key before a job that requires them": [
        *(policy(), agent("a", presence=Presence.OFFLINE.value), job("first")),
        *(job("held", wanted_agent="a", wanted_mode=Mode.REQUIRE.value), presence("a", Presence.ONLINE)),
    ],
    "Q2 an agent who gains room takes the smallest key before a job held for them": [
        *(policy(), agent("a"), job("held_now"), job("low"), job("high", urgency=2)),
        *(job("own", wanted_agent="a", wanted_hold_us=15 * SECOND), command("update_agent", "a", capacity=3)),
    ],
    "A1 the mode at the time of giving decides whether a customer is remembered": [
        *(policy(), job("j", customer="c"), policy(PREFER), agent("a"), agent("b"), job("k", customer="c")),
        *(policy(PREFER._replace(affinity_tiers=(AffinityTierTable(60 * SECOND, hold_us=9 * SECOND),))), job("l")),
        job("m", customer="c"),
    ],
    "A3 a required agent who is AWAY is waited for, whatever the tier says": [
        policy(QueueTable("q", affinity_mode=Mode.REQUIRE, affinity_tiers=(AffinityTierTable(60 * SECOND, True),))),
        *(agent("a"), job("j", customer="c"), presence("a", Presence.AWAY), command("complete", "j", 1)),
        job("k", customer="c"),
    ],
    "A3 a job that began to wait while its queue was closed tells why it waits when its required agent is deleted": [
        policy(
            QueueTable("q", hours="day", on_closed=Closed.QUEUE.value),
            schedules=(ScheduleTable("day", False, (10 * SECOND,)),),
        ),
        *(agent("a", presence=Presence.AWAY.value), job("j", wanted_agent="a", wanted_mode=Mode.REQUIRE.value)),
        *(at(10), command("delete_agent", "a")),
    ],
    "E1 a job tells that nobody could have it when the agent who was preferred is deleted": [
        calls_policy(),
        agent("a", capacity=1, skills={"de": 5}),
        command(
            "assign",
            "j",
            skills={"de": (1, 10)},
            channel="call",
            wanted_agent="a",
            wanted_mode=Mode.PREFER.value,
            wanted_hold_us=50 * SECOND,
        ),
        command("delete_agent", "a"),
    ],
    "Q6 the wait in a queue counts over requeues": [
        *(policy(QueueTable("q", max_wait_us=10 * SECOND)), job("j"), at(5), agent("a"), at(7)),
        *(command("transfer", "j", 1), at(10), at(17)),
    ],
    "J3 a job requeued after its time to live expires at once": [
        *(policy(), agent("a"), agent("b"), job("j", time_to_live_us=5 * SECOND), at(10), command("transfer", "j", 1)),
    ],
    "T4 a transfer does not pull the clock of a rotation ahead of everybody": [
        *(policy(QueueTable("plain"), WEIGHTED), agent("a", weight=20), job("j", queue="plain")),
        *(agent("light", capacity=2, weight=1), command("transfer", "j", 1, queue="q"), command("transfer", "j", 2)),
        *(job("k"), agent("heavy", weight=926), command("transfer", "k", 1, agent="light")),
        *(job("l", queue="plain"), command("complete", "l", 1), job("m")),
    ],
    "an excluded agent who was deleted does not exclude a new one of the same id": [
        *(policy(), agent("a"), job("j"), command("transfer", "j", 1), command("delete_agent", "a"), agent("a")),
    ],
    "a refused overflow leaves the job in its queue": [
        policy(
            QueueTable("q", max_length=1, on_max_length=Limit.OVERFLOW, overflow_queue="r"),
            QueueTable("r", max_length=1, on_max_length=Limit.CANCEL),
        ),
        *(job("j0"), job("j1"), job("j2")),
    ],
    "Q7 with reset_age the reason is judged by the new key": [
        *(calls_policy(), agent("a", capacity=4), job("c0", channel="call"), job("chat"), job("c1", channel="call")),
        *(at(30), command("transfer", "chat", 1, reset_age=True)),
    ],
    "T6 the pointer of a sequential queue ends with the queue": [
        *(policy(SEQUENTIAL, QueueTable("r")), agent("a"), agent("b"), job("j"), command("complete", "j", 1)),
        *(policy(QueueTable("r"))._replace(arguments=(PolicyTables(queues=(QueueTable("r"),), default_queue="r"),)),),
        *(policy(SEQUENTIAL), job("k")),
    ],
    "A3 after an overflow at submission the own agent does not count, also not when an offer there is declined": [
        policy(
            QueueTable(
                "q", affinity_mode=Mode.REQUIRE, affinity_group="g", max_length=1, on_max_length=Limit.OVERFLOW
            )._replace(overflow_queue="r"),
            QueueTable("r", affinity_group="g", offer_timeout_us=9 * SECOND, decline_cooldown_us=5 * SECOND),
        ),
        *(agent("a"), job("first", customer="c"), command("complete", "first", 1), presence("a", Presence.AWAY)),
        *(job("w", wanted_agent="a", wanted_mode=Mode.REQUIRE.value), agent("b"), job("j", customer="c")),
        command("decline", "j", 1),
    ],
    "Q8 an agent who is barred from a job is not reserved for it": [
        policy(
            QueueTable("q", offer_timeout_us=15 * SECOND, decline_cooldown_us=35 * SECOND),
            channels=CHAT_AND_CALL,
            reserve_after_us=15 * SECOND,
        ),
        *(agent("a", capacity=5), job("call", channel="call"), command("decline", "call", 1), at(20), job("chat")),
    ],
    "L2 a job that names a channel and no tier matches no rule about a tier": [
        policy(tiers=(TierTable("vip"),), rules=(RuleTable("r", customer_tiers=("vip",)),)),
        *(job("j", channel="chat"), job("k", channel="chat", customer_tier="vip")),
    ],
    "clocks of one job that are past when a policy sets them fire in the order of their times": [
        *(policy(QueueTable("q", plan="p"), plans=(PLAN,)), job("j"), at(30)),
        policy(
            QueueTable("q", plan="p", max_wait_us=5 * SECOND),
            plans=(PLAN._replace(end=PlanEnd.CANCEL.value, end_after_us=20 * SECOND),),
        ),
    ],
    "a remembered job keeps the name of a plan that a policy took away": [
        *(policy(QueueTable("q", plan="p"), plans=(PLAN,)), job("j"), at(15), command("cancel", "j"), policy()),
    ],
    "R1 a lost job whose time to live is over reaches the step that is due before it expires": [
        policy(QueueTable("q", plan="p", requeue_lost=True, lost_grace_us=10 * SECOND), plans=(PLAN,)),
        *(agent("a"), job("j", time_to_live_us=5 * SECOND), presence("a", Presence.OFFLINE), at(10)),
    ],
    "R1 a plan that changed under an offer holds when the job waits again, also at a step of the same number": [
        policy(QueueTable("q", plan="p", offer_timeout_us=90 * SECOND, decline_cooldown_us=0), plans=(PLAN,)),
        *(job("j", skills={"de": (1, 10)}), at(20), agent("a", skills={"de": 5})),
        policy(
            QueueTable("q", plan="p", offer_timeout_us=90 * SECOND, decline_cooldown_us=0),
            plans=(PLAN._replace(steps=(StepTable(10 * SECOND, drop_skills=("de",)),)),),
        ),
        *(command("update_agent", "a", skills={}), command("decline", "j", 1)),
    ],
    "R1 a plan that changed while a lost agent had the job holds for whom it is given to then": [
        *(policy(QueueTable("q", plan="p", requeue_lost=True), plans=(PLAN,)), job("j", skills={"de": (1, 10)})),
        *(at(20), agent("a", skills={"de": 5})),
        policy(
            QueueTable("q", plan="p", requeue_lost=True),
            plans=(PLAN._replace(steps=(StepTable(10 * SECOND, drop_skills=("de",)),)),),
        ),
        *(presence("a", Presence.OFFLINE), agent("b")),
    ],
    "R2 who required an agent is free at once by a policy whose plan has ended already, and served in their turn": [
        policy(QueueTable("q", plan="p"), QueueTable("r", everyone=False), plans=(PLAN,)),
        *(agent("a"), agent("b", presence=Presence.AWAY.value)),
        *(job("first", wanted_agent="b", wanted_mode=Mode.REQUIRE.value), job("second", queue="r"), at(30)),
        policy(QueueTable("q", plan="p"), QueueTable("r"), plans=(PLAN._replace(end_after_us=20 * SECOND),)),
    ],
    "L1 of a job that comes back and is relaxed then, the reason is judged by the channel's new cost": [
        policy(
            QueueTable("q", plan="p", offer_timeout_us=90 * SECOND, decline_cooldown_us=35 * SECOND),
            plans=(PLAN,),
        ),
        *(agent("a"), agent("other", capacity=2, skills={"x": 1}), job("load", wanted_agent="other")),
        *(job("j", wanted_agent="a", skills={}), at(15)),
        policy(
            QueueTable("q", plan="p", offer_timeout_us=90 * SECOND, decline_cooldown_us=35 * SECOND),
            plans=(PLAN,),
            channels=(ChannelTable("chat", 2),),
        ),
        *(command("decline", "j", 1),),
    ],
    "P4 an agent who is not ONLINE has no warm-up whose end would be a step": [
        policy(QueueTable("q", warm_up_interval_us=10 * SECOND, warm_up_for_us=60 * SECOND)),
        *(agent("gone", capacity=2), agent("b", capacity=2, skills={"x": 1}), agent("c", capacity=2)),
        *(job("j0"), job("j1", wanted_agent="c"), job("j2", wanted_agent="b"), presence("gone", Presence.OFFLINE)),
        *(job("plain", urgency=1), job("skilled", skills={"x": (1, 10)}), at(10)),
    ],
    "R2 a plan that overflows into the job's own queue changes nothing": [
        policy(
            QueueTable("q", plan="p"),
            plans=(PLAN._replace(end=PlanEnd.OVERFLOW.value, end_after_us=20 * SECOND, overflow_queue="q"),),
        ),
        *(agent("a"), job("j", tags=("night",)), at(20), at(40)),
    ],
    "A2 a hold stands until its own timer, not until a schedule turns at the same microsecond": [
        policy(QueueTable("q"), QueueTable("r", hours="day"), schedules=(ScheduleTable("day", True, (10 * SECOND,)),)),
        *(agent("a"), agent("b"), job("busy", wanted_agent="a"), job("starts", start_time_us=10 * SECOND)),
        *(job("held", wanted_agent="a", wanted_hold_us=10 * SECOND), at(10)),
    ],
    "Q2 who gains room takes the smallest key anew after each job, also one that warm-up kept from them before": [
        policy(
            QueueTable("q", warm_up_interval_us=30 * SECOND, warm_up_for_us=60 * SECOND),
            QueueTable("plain"),
        ),
        *(agent("settled", capacity=2), at(100), job("j0"), job("j1"), job("first"), job("second")),
        *(job("third", queue="plain"), job("fourth", queue="plain"), agent("new", capacity=3)),
    ],
    "P5 a rate limit stands until the agent's own timer, whatever else happens at the same microsecond": [
        *(policy(QueueTable("q", rate_limit=1, rate_window_us=10 * SECOND)), agent("a", capacity=5), job("given")),
        *(job("starts", start_time_us=10 * SECOND), job("waits"), at(10)),
    ],
    "P5 a job of another queue, given at the microsecond of a rate limit's end, does not put that end off": [
        *(policy(QueueTable("q", rate_limit=2, rate_window_us=10 * SECOND), QueueTable("free")),),
        *(agent("a", capacity=5), job("given0"), job("given1"), job("waits")),
        *(job("starts", queue="free", start_time_us=10 * SECOND), at(10), at(20)),
    ],
    "J4 a request id is forgotten at its time plus the retention, not before": [
        *(policy(retention_us=30 * SECOND), agent("a"), job("j"), job("k"), command("cancel", "j", request_id="r")),
        *(at(30 - 1e-6), command("cancel", "k", request_id="r"), at(30), command("cancel", "k", request_id="r")),
    ],
}


@pytest.mark.parametrize("name", FOUND)
def test_shard_and_twin_agree_on(name: str) -> None:
    pair = Pair()
    for call in FOUND[name]:
        pair.run(call)
        pair.compare()
        pair.check()
