"""J1: every cause in the table of states in docs/SEMANTICS.md does what the table says, in the shard and in the twin.

The last call of a history is the cause; who causes it, is told by what it is: the clock, a call about the job, another.
"""

import re
from pathlib import Path

import pytest

from fairlead.errors import NotFound
from fairlead.policy.tables import PlanTable, QueueTable, ScheduleTable, StepTable
from fairlead.shard.core import JobState, Reason
from tests.oracle.model import SECOND, Closed, Limit, PlanEnd, Presence
from tests.property.driver import TENANT, Command, Pair, command
from tests.property.words import agent, at, job, policy, presence

SEMANTICS = Path(__file__).resolve().parents[2] / "docs/SEMANTICS.md"
Row = tuple[str, str, str]

OFFERS = QueueTable("q", offer_timeout_us=20 * SECOND)
WRAPS = QueueTable("q", wrap_up_us=20 * SECOND)
LOSES = QueueTable("q", requeue_lost=True, lost_grace_us=5 * SECOND)
FULL = QueueTable("q", max_length=1)
FULL_THERE = QueueTable("r", max_length=1)
WAITS_10 = QueueTable("q", max_wait_us=10 * SECOND)
OVERFLOWS_10 = WAITS_10._replace(on_max_wait=Limit.OVERFLOW.value, overflow_queue="r")
# Open before 5 s, closed from then on.
SHUTS = QueueTable("q", hours="day", on_closed=Closed.REFUSE.value)
DAY = {"schedules": (ScheduleTable("day", True, (5 * SECOND,)),)}
BEGINS = {"start_time_us": 10 * SECOND}
LIVES_10 = {"time_to_live_us": 10 * SECOND}


def planned(end: PlanEnd, *others: QueueTable, **settings: object) -> Command:
    """Jobs of queue "q" drop a skill after 5 s and are at the end of their plan after 10."""
    plan = PlanTable("p", (StepTable(5 * SECOND, drop_skills=("sql",)),), end=end.value, end_after_us=10 * SECOND)
    plan = plan._replace(overflow_queue="r" if end is PlanEnd.OVERFLOW else "")
    return policy(QueueTable("q", plan="p"), *others, plans=(plan,), **settings)


def lease(name: str) -> Command:
    return command("set_presence", name, Presence.ONLINE.value, lease_us=10 * SECOND)


ASSIGNED = [policy(), agent("a"), job("j")]
OFFERED = [policy(OFFERS), agent("a"), job("j")]
WRAPPING = [policy(WRAPS), agent("a"), job("j"), command("complete", "j", 1)]
CANCEL = command("cancel", "j")

EXAMPLES: dict[Row, list[Command]] = {
    ("(new)", "ASSIGNED", "Assign, a candidate exists"): ASSIGNED,
    ("(new)", "OFFERED", "Assign, a candidate exists and the queue asks first"): OFFERED,
    ("(new)", "QUEUED", "Assign, nobody can take it"): [policy(), job("j")],
    ("(new)", "SCHEDULED", "Assign, `start_time` in the future"): [policy(), job("j", **BEGINS)],
    ("(new)", "CANCELLED", "Assign, the queue is full and says CANCEL"): [
        *(policy(FULL._replace(on_max_length=Limit.CANCEL.value)), job("other"), job("j")),
    ],
    ("(new)", "not kept", "Assign, the queue is full and says REFUSE"): [policy(FULL), job("other"), job("j")],
    ("(new)", "not kept", "Assign, the queue is closed and says REFUSE"): [policy(SHUTS, **DAY), at(5), job("j")],
    ("(new)", "not kept", "Assign, `immediate_only` and nobody can take it"): [
        *(policy(), job("j", immediate_only=True)),
    ],
    ("SCHEDULED", "ASSIGNED", "its start"): [policy(), agent("a"), job("j", **BEGINS), at(10)],
    ("SCHEDULED", "OFFERED", "its start"): [policy(OFFERS), agent("a"), job("j", **BEGINS), at(10)],
    ("SCHEDULED", "QUEUED", "its start"): [policy(), job("j", **BEGINS), at(10)],
    ("SCHEDULED", "CANCELLED", "its start, the queue is full and does not overflow"): [
        *(policy(FULL), job("other"), job("j", **BEGINS), at(10)),
    ],
    ("SCHEDULED", "CANCELLED", "its start, the queue is closed and says REFUSE"): [
        *(policy(SHUTS, **DAY), job("j", **BEGINS), at(10)),
    ],
    ("SCHEDULED", "EXPIRED", "its time to live"): [
        *(policy(), job("j", start_time_us=20 * SECOND, **LIVES_10), at(10)),
    ],
    ("QUEUED", "EXPIRED", "its time to live"): [policy(), job("j", **LIVES_10), at(10)],
    ("OFFERED", "EXPIRED", "its time to live"): [policy(OFFERS), agent("a"), job("j", **LIVES_10), at(10)],
    ("SCHEDULED", "CANCELLED", "CancelJob"): [policy(), job("j", **BEGINS), CANCEL],
    ("QUEUED", "CANCELLED", "CancelJob"): [policy(), job("j"), CANCEL],
    ("OFFERED", "CANCELLED", "CancelJob"): [*OFFERED, CANCEL],
    ("ASSIGNED", "CANCELLED", "CancelJob"): [*ASSIGNED, CANCEL],
    ("WRAPPING", "CANCELLED", "CancelJob"): [*WRAPPING, CANCEL],
    ("QUEUED", "ASSIGNED", "an agent can take it"): [policy(), job("j"), agent("a")],
    ("QUEUED", "OFFERED", "an agent can take it"): [policy(OFFERS), job("j"), agent("a")],
    ("QUEUED", "QUEUED", "its hold ended"): [
        *(policy(), agent("a"), job("other"), job("j", wanted_agent="a", wanted_hold_us=10 * SECOND), at(10)),
    ],
    ("QUEUED", "QUEUED", "a step of its plan"): [
        *(planned(PlanEnd.HOLD), agent("a"), job("other"), job("j", skills={"sql": (1, 10)}), at(5)),
    ],
    ("QUEUED", "QUEUED", "its maximum wait, it overflows"): [policy(OVERFLOWS_10, QueueTable("r")), job("j"), at(10)],
    ("QUEUED", "QUEUED", "its plan's end, it overflows"): [
        *(planned(PlanEnd.OVERFLOW, QueueTable("r")), job("j"), at(10)),
    ],
    ("QUEUED", "QUEUED", "its own agent is gone"): [
        *(policy(), agent("a"), job("other"), job("j", wanted_agent="a", wanted_hold_us=10 * SECOND)),
        presence("a", Presence.AWAY),
    ],
    ("QUEUED", "CANCELLED", "its maximum wait, without overflow"): [policy(WAITS_10), job("j"), at(10)],
    ("QUEUED", "CANCELLED", "its plan's end, which says CANCEL"): [planned(PlanEnd.CANCEL), job("j"), at(10)],
    ("QUEUED", "CANCELLED", "its maximum wait, it overflows to a queue that is full"): [
        *(policy(OVERFLOWS_10, FULL_THERE), job("other", queue="r"), job("j"), at(10)),
    ],
    ("QUEUED", "CANCELLED", "its plan's end, it overflows to a queue that is full"): [
        *(planned(PlanEnd.OVERFLOW, FULL_THERE), job("other", queue="r"), job("j"), at(10)),
    ],
    ("QUEUED", "CANCELLED", "its maximum wait, it overflows to a queue that is closed and says REFUSE"): [
        *(policy(OVERFLOWS_10, SHUTS._replace(id="r"), **DAY), job("j"), at(10)),
    ],
    ("QUEUED", "CANCELLED", "its plan's end, it overflows to a queue that is closed and says REFUSE"): [
        *(planned(PlanEnd.OVERFLOW, SHUTS._replace(id="r"), **DAY), job("j"), at(10)),
    ],
    ("OFFERED", "ASSIGNED", "AcceptOffer with its version"): [*OFFERED, command("accept", "j", 1)],
    ("OFFERED", "QUEUED", "DeclineOffer with its version"): [*OFFERED, command("decline", "j", 1)],
    ("OFFERED", "QUEUED", "its timeout"): [*OFFERED, at(20)],
    ("OFFERED", "QUEUED", "its agent's lease ended"): [*OFFERED, lease("a"), at(10)],
    ("ASSIGNED", "COMPLETED", "CompleteJob with its version, no after-work"): [*ASSIGNED, command("complete", "j", 1)],
    ("ASSIGNED", "WRAPPING", "CompleteJob with its version, with after-work"): WRAPPING,
    ("ASSIGNED", "ASSIGNED", "TransferJob to an agent"): [
        *ASSIGNED,
        agent("b"),
        command("transfer", "j", 1, agent="b"),
    ],
    ("ASSIGNED", "QUEUED", "TransferJob to a queue"): [
        *(policy(QueueTable("q"), QueueTable("r", everyone=False)), agent("a"), job("j")),
        command("transfer", "j", 1, queue="r"),
    ],
    ("ASSIGNED", "QUEUED", "TransferJob back"): [*ASSIGNED, command("transfer", "j", 1)],
    ("ASSIGNED", "QUEUED", "its agent is lost and the grace over"): [
        *(policy(LOSES), agent("a"), job("j"), presence("a", Presence.OFFLINE), at(5)),
    ],
    ("QUEUED", "EXPIRED", "requeued by TransferJob after its time to live, in the same step"): [
        *(policy(), agent("a"), job("j", **LIVES_10), at(10), command("transfer", "j", 1)),
    ],
    ("QUEUED", "EXPIRED", "requeued from a lost agent after its time to live, in the same step"): [
        *(policy(LOSES), agent("a"), job("j", **LIVES_10), at(10), presence("a", Presence.OFFLINE), at(15)),
    ],
    ("WRAPPING", "COMPLETED", "the after-work is over"): [*WRAPPING, at(20)],
    ("WRAPPING", "COMPLETED", "its agent is lost and the grace over"): [
        policy(LOSES._replace(wrap_up_us=20 * SECOND)),
        *(agent("a"), job("j"), command("complete", "j", 1), presence("a", Presence.OFFLINE), at(5)),
    ],
    ("WRAPPING", "COMPLETED", "FinishWrapUp with its version"): [*WRAPPING, command("finish_wrap_up", "j", 1)],
    ("COMPLETED", "forgotten", "`retention` after its end"): [
        *(policy(retention_us=10 * SECOND), agent("a"), job("j"), command("complete", "j", 1), at(10)),
    ],
    ("CANCELLED", "forgotten", "`retention` after its end"): [
        *(policy(retention_us=10 * SECOND), job("j"), CANCEL, at(10)),
    ],
    ("EXPIRED", "forgotten", "`retention` after its end"): [
        *(policy(retention_us=10 * SECOND), job("j", **LIVES_10), at(10), at(20)),
    ],
}

# Cells that name no single reason.
ANY_REASON = {"E1", "as a new job", "as it was", "computed anew"}


def documented() -> dict[Row, tuple[str, str]]:
    """Who and which reason, by state, following state and cause; a remark in parentheses is none."""
    text = SEMANTICS.read_text().split("| from | to |")[1].split("\n\n")[0]
    rows = {}
    for line in text.splitlines()[2:]:
        befores, afters, causes, by, reason = (cell.strip() for cell in line.strip("|").split(" | "))
        first, *others = re.sub(r" \(.*?\)", "", causes).split("; ")
        said = first.rpartition(", it ")[2]
        for cause in (first, *(other.replace("likewise", f"it {said}") for other in others)):
            rows |= {(a, b, cause): (by, reason.strip("| ")) for a in befores.split(", ") for b in afters.split(", ")}
    return rows


def state_of(pair: Pair) -> tuple[str, str]:
    """The job's state and what else a transition to the same state changes."""
    try:
        view = pair.shard.job(TENANT, "j")
    except NotFound:
        return "(new)", ""
    return JobState(view.state).name, f"{view.queue} {view.step} {Reason(view.reason).name} {view.version}"


def cause_of(call: Command) -> str:
    if call.method == "advance_to":
        return "clock"
    return "caller" if call.arguments[0] == "j" else "matching"


def test_the_table_and_the_examples_have_the_same_rows() -> None:
    assert sorted(documented()) == sorted(EXAMPLES)


@pytest.mark.parametrize("row", EXAMPLES, ids=" ".join)
def test_each_cause_does_what_the_table_says(row: Row) -> None:
    before, after, cause = row
    by, reason = documented()[row]
    pair = Pair()
    *history, last = EXAMPLES[row]
    for call in history:
        pair.run(call)
    found, details = state_of(pair)
    # A job that is requeued waits for an instant within the step.
    assert found == ("ASSIGNED" if cause.startswith("requeued") else before)
    pair.run(last)
    pair.compare()
    pair.check()
    now, changed = state_of(pair)
    assert now == {"not kept": "(new)", "forgotten": "(new)"}.get(after, after)
    assert changed != details or after != before
    assert cause_of(last) == by
    if now != "(new)" and reason not in ANY_REASON:
        assert pair.shard.job(TENANT, "j").reason == Reason[reason or "NONE"]
