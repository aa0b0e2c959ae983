"""An explanation off the wire as the snapshot that Router gives."""

from fairlead.protobuf import duration_us
from fairlead.shard.core import Outcome, Reason
from fairlead.v1 import routing_service_pb2
from fairlead.views import Decision, DecisionMoment, Explanation, Job, to_datetime


def explanation_view(answer: routing_service_pb2.ExplainJobResponse, job: Job) -> Explanation:
    decision, moment = answer.decision, answer.moment
    waited = duration_us(decision.waited) / 1_000_000 if decision.HasField("waited") else None
    is_past = answer.when == routing_service_pb2.EXPLAIN_WHEN_AT_DECISION
    assert is_past == answer.HasField("moment")
    return Explanation(
        job=job,
        strategy=answer.strategy,
        key_names=tuple(answer.key_names),
        candidates=tuple((each.agent_id, tuple(each.keys)) for each in answer.candidates),
        excluded=tuple((each.agent_id, each.cause, each.detail) for each in answer.excluded),
        blocking_demands=tuple(answer.blocking_demands),
        decision=Decision(
            decision.agent_id, decision.policy_version, decision.cause, decision.load_before, decision.capacity, waited
        )
        if answer.HasField("decision")
        else None,
        rule=answer.rule,
        step=answer.step,
        summary=answer.summary,
        moment=DecisionMoment(
            moment.sequence,
            to_datetime(moment.time.ToMicroseconds()),
            Outcome(moment.outcome),
            Reason(moment.reason),
            moment.agent_id,
        )
        if is_past
        else None,
        at_decision_unavailable=answer.at_decision_unavailable,
    )
