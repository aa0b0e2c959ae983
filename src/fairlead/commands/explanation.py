"""An explanation (E3) as text: who could take the job and in which order, and what keeps each of the others from it."""

from fairlead.commands.client import short
from fairlead.commands.table import table
from fairlead.v1 import job_pb2
from fairlead.v1 import routing_service_pb2 as pb2


def explanation_text(answer: pb2.ExplainJobResponse) -> str:
    """The whole explanation, a few lines and two tables."""
    job = answer.job
    state = short(job_pb2.JobState, job.state, "JOB_STATE_")
    lines = [f"{job.id} is {state} in queue {job.queue} ({answer.strategy})"]
    if answer.summary:
        lines.append(answer.summary)
    if answer.rule:
        lines.append(f"rule {answer.rule} matched when it was submitted")
    if answer.step:
        lines.append(f"its plan has reached step {answer.step}")
    if answer.candidates:
        keys = [name.replace("_", " ").upper() for name in answer.key_names]
        rows = ((candidate.agent_id, *map(str, candidate.keys)) for candidate in answer.candidates)
        lines += ["", "could take it now, best first:", table(("AGENT", *keys), rows)]
    if answer.excluded:
        others = ((agent.agent_id, agent.cause.replace("_", " "), agent.detail) for agent in answer.excluded)
        lines += ["", "could not:", table(("AGENT", "CAUSE", "DETAIL"), others, left=3)]
    if answer.blocking_demands:
        lines += ["", "any one of these demands dropped would place it now: " + ", ".join(answer.blocking_demands)]
    return "\n".join(lines)
