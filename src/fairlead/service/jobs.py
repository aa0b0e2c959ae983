"""RoutingService without the hot calls: ListJobs, ExplainJob and FinishWrapUp."""

from collections.abc import Mapping
from functools import partial
from typing import cast

from fairlead.problems import Problems
from fairlead.protobuf import enum_names, set_duration, set_timestamp
from fairlead.service.calls import ColdCall
from fairlead.service.requests import (
    check_range,
    check_size,
    read_page_size,
    read_page_token,
    read_tenant,
    refuse,
    write_page_token,
)
from fairlead.shard.core import MOST_RECORDS, Explanation, JobView, Shard
from fairlead.v1 import job_pb2
from fairlead.v1 import routing_service_pb2 as pb
from fairlead.views import summarize

# A response of more agents would exceed the 4 MiB that clients accept; the summary says how many are left out.
MAX_EXPLAINED_AGENTS = 10_000
MAX_VERSION = 2**63 - 1
MAX_EXPLAIN_RECORDS = 1_000_000_000


def calls(shard: Shard) -> Mapping[str, ColdCall]:
    """Paths and functions of this part of the service."""
    return {
        "/fairlead.v1.RoutingService/ListJobs": ColdCall(pb.ListJobsRequest, partial(list_jobs, shard)),
        "/fairlead.v1.RoutingService/ExplainJob": ColdCall(pb.ExplainJobRequest, partial(explain_job, shard)),
        "/fairlead.v1.RoutingService/FinishWrapUp": ColdCall(pb.FinishWrapUpRequest, partial(finish_wrap_up, shard)),
    }


def list_jobs(shard: Shard, request: pb.ListJobsRequest) -> pb.ListJobsResponse:
    """A page of live and remembered jobs by submission."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    size = read_page_size(request.page_size, problems)
    names = enum_names(job_pb2.JobState.DESCRIPTOR)
    states = tuple(int(state) for state in request.states)
    for index, state in enumerate(states):
        if state not in names.values():
            problems.add(f"states[{index}]", state, ", ".join(f"{number} ({name})" for name, number in names.items()))
    check_size(request.queue, "queue", problems, low=0)
    check_size(request.agent_id, "agent_id", problems, low=0)
    query = ("jobs", tenant, states, request.queue, request.agent_id)
    after, _ = read_page_token(query, request.page_token, problems)
    refuse(problems)
    views, following = shard.jobs(
        tenant, after=after, limit=size, states=states, queue=request.queue, agent_id=request.agent_id
    )
    token = write_page_token(query, following) if following else ""
    return pb.ListJobsResponse(jobs=map(job_message, views), next_page_token=token)


def explain_job(shard: Shard, request: pb.ExplainJobRequest) -> pb.ExplainJobResponse:
    """Why a job is where it is (E3). Cost: linear in the tenant's agents, at a decision in the journal before it."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    check_size(request.job_id, "job_id", problems)
    names = enum_names(pb.ExplainWhen.DESCRIPTOR)
    if request.when and request.when not in names.values():
        problems.add("when", request.when, ", ".join(f"{number} ({name})" for name, number in names.items()))
    check_range(request.max_records, "max_records", (0, MAX_EXPLAIN_RECORDS), problems)
    refuse(problems)
    return explanation_message(
        shard.explain(tenant, request.job_id, int(request.when), request.max_records or MOST_RECORDS)
    )


def explanation_message(view: Explanation) -> pb.ExplainJobResponse:
    """The contract's form of an explanation."""
    candidates, excluded = view.candidates[:MAX_EXPLAINED_AGENTS], view.excluded[:MAX_EXPLAINED_AGENTS]
    omitted = len(view.candidates) + len(view.excluded) - len(candidates) - len(excluded)
    response = pb.ExplainJobResponse(
        job=job_message(view.job),
        strategy=view.strategy,
        key_names=view.key_names,
        candidates=[pb.Candidate(agent_id=agent_id, keys=keys) for agent_id, keys in candidates],
        excluded=[pb.ExcludedAgent(agent_id=agent_id, cause=cause, detail=text) for agent_id, cause, text in excluded],
        blocking_demands=view.blocking_demands,
        rule=view.job.rule,
        step=view.step,
        when=pb.EXPLAIN_WHEN_NOW if view.moment is None else pb.EXPLAIN_WHEN_AT_DECISION,
        at_decision_unavailable=view.unavailable,
        summary=summarize(view) + (f" {omitted} agents are not listed." if omitted else ""),
    )
    if view.moment is not None:
        response.moment.sequence = view.moment.sequence
        set_timestamp(response.moment.time, view.moment.time_us)
        response.moment.outcome = cast(job_pb2.Outcome, int(view.moment.outcome))
        response.moment.reason = cast(job_pb2.Reason, int(view.moment.reason))
        response.moment.agent_id = view.moment.agent_id
    if view.decision is not None:
        agent_id, policy_version, cause, load, capacity, waited_us = view.decision
        decision = response.decision
        decision.agent_id, decision.policy_version, decision.cause = agent_id, policy_version, cause
        decision.load_before, decision.capacity = load, capacity
        if waited_us >= 0:
            set_duration(decision.waited, waited_us)
    return response


def finish_wrap_up(shard: Shard, request: pb.FinishWrapUpRequest) -> pb.FinishWrapUpResponse:
    """Ends after-work before its time is over."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    check_size(request.job_id, "job_id", problems)
    check_size(request.request_id, "request_id", problems, low=0)
    check_range(request.version, "version", (1, MAX_VERSION), problems)
    refuse(problems)
    answer = shard.finish_wrap_up(tenant, request.job_id, request.version, request.request_id)
    return pb.FinishWrapUpResponse(
        job_id=answer.job_id, state=cast(job_pb2.JobState, int(answer.state)), repeated=answer.repeated
    )


def job_message(view: JobView) -> job_pb2.Job:
    """The contract's form of a job."""
    message = job_pb2.Job(
        id=view.id,
        state=cast(job_pb2.JobState, int(view.state)),
        queue=view.queue,
        channel=view.channel,
        agent_id=view.agent_id,
        version=view.version,
        reason=cast(job_pb2.Reason, int(view.reason)),
        urgency=view.urgency,
        customer=view.customer,
        policy_version=view.policy_version,
        cost=view.cost,
        arm=view.arm,
    )
    set_duration(message.head_start, view.head_start_us)
    set_timestamp(message.create_time, view.create_time_us)
    set_timestamp(message.queue_time, view.queue_time_us)
    set_timestamp(message.assign_time, view.assign_time_us)
    set_timestamp(message.end_time, view.end_time_us)
    set_timestamp(message.deadline, view.deadline_us)
    if view.position:
        message.estimate.position = view.position
        if view.wait_p50_us:
            set_duration(message.estimate.p50, view.wait_p50_us)
            set_duration(message.estimate.p90, view.wait_p90_us)
    return message
