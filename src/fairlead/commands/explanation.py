"""An explanation (E3) as text: who could take the job and in which order, and what keeps each of the others from it."""

from collections.abc import Iterable, Sequence
from typing import Any

from fairlead.commands.client import seconds, short
from fairlead.commands.table import local_time, table
from fairlead.v1 import job_pb2
from fairlead.v1 import routing_service_pb2 as pb2

# A saturation of 1 as a sort key.
FULL = 1 << 32
CHOSEN = "-> "


def explanation_text(answer: pb2.ExplainJobResponse) -> str:
    """The whole explanation, a few lines and two tables."""
    job = answer.job
    state = short(job_pb2.JobState, job.state, "JOB_STATE_")
    lines = [f"{job.id} is {state} in queue {job.queue} ({answer.strategy})"]
    if answer.summary:
        lines.append(answer.summary)
    lines += _about_moment(answer)
    if answer.rule:
        lines.append(f"rule {answer.rule} matched when it was submitted")
    past = answer.when == pb2.EXPLAIN_WHEN_AT_DECISION
    if answer.step:
        lines.append(f"its plan {'had' if past else 'has'} reached step {answer.step}")
    if answer.candidates:
        lines += ["", f"could {'have taken it then' if past else 'take it now'}, best first:"]
        lines.append(candidates(answer.key_names, answer.candidates, answer.moment.agent_id))
    if answer.excluded:
        lines += ["", f"could not{' have' if past else ''}:", excluded(answer.excluded)]
    if answer.blocking_demands:
        effect = "would have placed it" if past else "would place it now"
        lines += ["", f"any one of these demands dropped {effect}: " + ", ".join(answer.blocking_demands)]
    return "\n".join(lines)


def _about_moment(answer: pb2.ExplainJobResponse) -> list[str]:
    """Which moment is told, where that is not plain."""
    if answer.at_decision_unavailable:
        return [f"told as it is now, not as it was decided: {answer.at_decision_unavailable}"]
    if not answer.HasField("moment"):
        return []
    moment = answer.moment
    outcome = short(job_pb2.Outcome, moment.outcome, "OUTCOME_")
    what = f"{outcome} to {moment.agent_id}" if moment.agent_id else outcome
    reason = short(job_pb2.Reason, moment.reason, "REASON_")
    why = f" ({reason})" if reason else ""
    return [f"told as it was decided at {local_time(seconds(moment.time))}, record {moment.sequence}: {what}{why}"]


def candidates(key_names: Sequence[str], agents: Iterable[Any], chosen: str = "") -> str:
    """Agents and their sort keys by name, best first; the one who was chosen, if any, is marked."""
    marks = (CHOSEN, " " * len(CHOSEN)) if chosen else ("", "")
    rows = (
        (
            marks[agent.agent_id != chosen] + agent.agent_id,
            *(_key(name, key) for name, key in zip(key_names, agent.keys, strict=True)),
        )
        for agent in agents
    )
    return table(("AGENT", *(name.replace("_", " ").upper() for name in key_names)), rows)


def excluded(agents: Iterable[Any]) -> str:
    """Everybody else, with what keeps each of them from the job."""
    rows = ((agent.agent_id, agent.cause.replace("_", " "), agent.detail) for agent in agents)
    return table(("AGENT", "CAUSE", "DETAIL"), rows, left=3)


def _key(name: str, value: int) -> str:
    return f"{value / FULL:.1%}" if name == "saturation" else str(value)
