"""PolicyService: the document in force and before, its replacement as a whole (L1), trials (L4), scenarios (L2)."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, cast

from google.protobuf.message import Message

from fairlead.problems import Problems
from fairlead.protobuf import duration_us, set_duration, set_timestamp
from fairlead.rulebook.book import RuleBook
from fairlead.rulebook.trial import Trial
from fairlead.service.calls import ColdCall
from fairlead.service.requests import check_range, check_size, read_tenant, refuse
from fairlead.v1 import job_pb2, routing_service_pb2, skill_pb2
from fairlead.v1 import policy_service_pb2 as pb

MAX_VERSION = 2**63 - 1
# 9999-12-31: the last moment that a Timestamp may be.
MAX_TIME_S = 253_402_300_799
# As in ExplainJob: a response of more agents would exceed what clients accept.
MAX_TRIED_AGENTS = 10_000


def calls(book: RuleBook) -> Mapping[str, ColdCall]:
    """Paths and functions of the service."""
    methods = (
        (pb.GetPolicyRequest, get_policy),
        (pb.UpdatePolicyRequest, update_policy),
        (pb.ListPolicyVersionsRequest, list_policy_versions),
        (pb.RollbackPolicyRequest, rollback_policy),
        (pb.TestPolicyRequest, test_policy),
        (pb.SetScenarioRequest, set_scenario),
    )
    return {
        f"/fairlead.v1.PolicyService/{kind.DESCRIPTOR.name.removesuffix('Request')}": ColdCall(
            kind, partial(cast(Any, function), book)
        )
        for kind, function in cast("tuple[tuple[type[Message], Any], ...]", methods)
    }


def get_policy(book: RuleBook, request: pb.GetPolicyRequest) -> pb.GetPolicyResponse:
    """The document in force or a kept one, and what is on and open now."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    check_range(request.version, "version", (0, MAX_VERSION), problems)
    refuse(problems)
    return pb.GetPolicyResponse(
        policy=book.policy(tenant, request.version),
        active_scenarios=book.scenarios(tenant),
        open_schedules=book.open_schedules(tenant),
    )


def update_policy(book: RuleBook, request: pb.UpdatePolicyRequest) -> pb.UpdatePolicyResponse:
    """Replaces the document, or with `validate_only` answers what would be stored."""
    problems = Problems()
    tenant = _read_change(request, problems)
    refuse(problems)
    if request.validate_only:
        stored = book.check(tenant, request.policy, request.author)
    else:
        stored = book.update(tenant, request.policy, request.author, request.request_id)
    return pb.UpdatePolicyResponse(policy=stored.policy, warnings=stored.warnings)


def list_policy_versions(book: RuleBook, request: pb.ListPolicyVersionsRequest) -> pb.ListPolicyVersionsResponse:
    """The kept versions, newest first."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    refuse(problems)
    response = pb.ListPolicyVersionsResponse()
    for edition in book.versions(tenant):
        entry = response.versions.add(
            version=edition.version,
            author=edition.author,
            queue_count=edition.queue_count,
            rule_count=edition.rule_count,
        )
        set_timestamp(entry.update_time, edition.time_us)
    return response


def rollback_policy(book: RuleBook, request: pb.RollbackPolicyRequest) -> pb.RollbackPolicyResponse:
    """Puts an earlier document in force again."""
    problems = Problems()
    tenant = _read_change(request, problems)
    check_range(request.version, "version", (1, MAX_VERSION), problems)
    refuse(problems)
    return pb.RollbackPolicyResponse(policy=book.rollback(tenant, request.version, request.author, request.request_id))


def test_policy(book: RuleBook, request: pb.TestPolicyRequest) -> pb.TestPolicyResponse:
    """What a policy would do with a job. Cost: linear in the tenant's agents and the jobs they hold."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    check_range(request.time.seconds, "time", (0, MAX_TIME_S), problems)
    refuse(problems)
    trial = book.test(
        tenant,
        _job(request.job),
        source=request.policy if request.HasField("policy") else None,
        time_us=request.time.seconds * 1_000_000 + request.time.nanos // 1_000,
        scenarios=request.scenarios,
    )
    return _trial_message(trial)


def set_scenario(book: RuleBook, request: pb.SetScenarioRequest) -> pb.SetScenarioResponse:
    """Turns a scenario on or off."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    check_size(request.scenario, "scenario", problems)
    check_size(request.request_id, "request_id", problems, low=0)
    refuse(problems)
    active = book.set_scenario(tenant, request.scenario, request.active, request.request_id)
    return pb.SetScenarioResponse(active_scenarios=active)


def _read_change(request: pb.UpdatePolicyRequest | pb.RollbackPolicyRequest, problems: Problems) -> str:
    tenant = read_tenant(request.tenant, problems)
    check_size(request.request_id, "request_id", problems, low=0)
    check_size(request.author, "author", problems, low=0)
    return tenant


def _job(spec: job_pb2.JobSpec) -> dict[str, Any]:
    """A described job as the arguments of Shard.assign. A demand for one skill twice is not described, the last is."""
    return {
        "job_id": spec.id,
        "queue": spec.queue,
        "channel": spec.channel,
        "skills": _demands(spec.skills),
        "tags": list(spec.tags),
        "preferred_skills": _demands(spec.preferred_skills),
        "preferred_tags": list(spec.preferred_tags),
        "customer": spec.customer,
        "customer_tier": spec.customer_tier,
        "urgency": spec.urgency,
        "head_start_us": duration_us(spec.head_start),
        "excluded_agents": list(spec.excluded_agents),
        "wanted_agent": spec.wanted_agent.agent_id,
        "wanted_mode": int(spec.wanted_agent.mode),
        "wanted_hold_us": duration_us(spec.wanted_agent.hold),
        "time_to_live_us": duration_us(spec.time_to_live),
        "labels": dict(spec.labels),
        "language": spec.language,
        "customer_value": spec.customer_value,
        "affinity": int(spec.affinity),
    }


def _demands(demands: Iterable[skill_pb2.SkillDemand]) -> dict[str, tuple[int, int]]:
    return {each.name: (each.min_level or 1, each.max_level or 10) for each in demands}


def _trial_message(trial: Trial) -> pb.TestPolicyResponse:
    response = pb.TestPolicyResponse(
        rule=trial.rule,
        queue=trial.queue,
        strategy=trial.strategy,
        plan=trial.plan,
        urgency=trial.urgency,
        outcome=cast(job_pb2.Outcome, int(trial.outcome)),
        reason=cast(job_pb2.Reason, int(trial.reason)),
        agent_id=trial.agent_id,
        key_names=trial.key_names,
        candidates=[
            routing_service_pb2.Candidate(agent_id=agent_id, keys=keys)
            for agent_id, keys in trial.candidates[:MAX_TRIED_AGENTS]
        ],
        excluded=[
            routing_service_pb2.ExcludedAgent(agent_id=agent_id, cause=cause, detail=detail)
            for agent_id, cause, detail in trial.excluded[:MAX_TRIED_AGENTS]
        ],
    )
    set_duration(response.head_start, trial.head_start_us)
    return response
