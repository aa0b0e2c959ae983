"""The two faces under one set of names: `Router` itself, and the stock gRPC stubs dressed as it.

`GrpcFace` says each thing of `Router` with the RPC for it and answers with the same snapshots, so a test cannot tell
them apart. Failures are `fairlead.errors` on both: here read back from the status details.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from fairlead.errors import REASONS, FairleadError, from_status
from fairlead.policy.document import from_mapping, parse_text, to_mapping
from fairlead.problems import Problems
from fairlead.protobuf import duration_us, set_duration
from fairlead.shard.core import JobState, Outcome, Presence, Reason
from fairlead.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    agent_pb2,
    agent_service_pb2,
    agent_service_pb2_grpc,
    customer_service_pb2,
    customer_service_pb2_grpc,
    job_pb2,
    policy_pb2,
    policy_service_pb2,
    policy_service_pb2_grpc,
    routing_service_pb2,
    routing_service_pb2_grpc,
    skill_pb2,
)
from fairlead.views import (
    Agent,
    Customer,
    Explanation,
    Job,
    PolicyTrial,
    PolicyVersion,
    to_datetime,
)
from tests.contract.explained import explanation_view

DETAILS_KEY = "grpc-status-details-bin"


def failure_of(failed: grpc.RpcError) -> FairleadError:
    """The error a call ended with; its status, details and message must agree."""
    trailers: dict[str, Any] = dict(failed.trailing_metadata() or ())
    details = trailers.get(DETAILS_KEY)
    assert details is not None, f"no status details with {failed.code()}: {failed.details()}"
    failure = from_status(details)
    assert failure.reason in REASONS
    assert failure.code == failed.code().value[0]
    assert failure.message == failed.details()
    return failure


class GrpcFace:
    """The daemon at the other end of a channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.routing = routing_service_pb2_grpc.RoutingServiceStub(channel)
        self.agent_service = agent_service_pb2_grpc.AgentServiceStub(channel)
        self.policies = policy_service_pb2_grpc.PolicyServiceStub(channel)
        self.admin = admin_service_pb2_grpc.AdminServiceStub(channel)
        self.customers = customer_service_pb2_grpc.CustomerServiceStub(channel)

    def call(self, method: Any, request: Any) -> Any:
        """One call; its failure as a FairleadError."""
        try:
            return method(request, timeout=20)
        except grpc.RpcError as failed:
            raise failure_of(failed) from None

    def assign(self, job_id: str, *, immediate_only: bool = False, tenant: str, **fields: Any) -> Any:
        request = routing_service_pb2.AssignRequest(
            tenant=tenant, job=job_spec(job_id, **fields), immediate_only=immediate_only
        )
        return self.call(self.routing.Assign, request)

    def batch_assign(
        self, jobs: Sequence[Mapping[str, Any]], *, immediate_only: bool = False, tenant: str
    ) -> list[Any]:
        request = routing_service_pb2.BatchAssignRequest(
            tenant=tenant, jobs=[job_spec(**job) for job in jobs], immediate_only=immediate_only
        )
        results = self.call(self.routing.BatchAssign, request).results
        for result in results:
            assert result.HasField("assignment") == (result.code == 0)
        return [
            result.assignment
            if result.code == 0
            else REASONS[result.error_reason](result.error_reason, result.error_message)
            for result in results
        ]

    def accept(self, job_id: str, version: int, *, request_id: str = "", tenant: str) -> Any:
        request = routing_service_pb2.AcceptOfferRequest(
            tenant=tenant, job_id=job_id, version=version, request_id=request_id
        )
        return self.call(self.routing.AcceptOffer, request)

    def decline(self, job_id: str, version: int, *, request_id: str = "", tenant: str) -> Any:
        request = routing_service_pb2.DeclineOfferRequest(
            tenant=tenant, job_id=job_id, version=version, request_id=request_id
        )
        return self.call(self.routing.DeclineOffer, request)

    def complete(
        self,
        job_id: str,
        version: int,
        *,
        first_response: float = 0,
        satisfaction: int | None = None,
        request_id: str = "",
        tenant: str,
    ) -> Any:
        request = routing_service_pb2.CompleteJobRequest(
            tenant=tenant, job_id=job_id, version=version, request_id=request_id, satisfaction=satisfaction
        )
        if first_response:
            request.first_response.CopyFrom(duration(first_response))
        return self.call(self.routing.CompleteJob, request)

    def finish_wrap_up(self, job_id: str, version: int, *, request_id: str = "", tenant: str) -> Any:
        request = routing_service_pb2.FinishWrapUpRequest(
            tenant=tenant, job_id=job_id, version=version, request_id=request_id
        )
        return self.call(self.routing.FinishWrapUp, request)

    def cancel(self, job_id: str, *, request_id: str = "", tenant: str) -> Any:
        request = routing_service_pb2.CancelJobRequest(tenant=tenant, job_id=job_id, request_id=request_id)
        return self.call(self.routing.CancelJob, request)

    def transfer(
        self,
        job_id: str,
        version: int,
        *,
        agent: str = "",
        queue: str = "",
        over_capacity: bool = False,
        reset_age: bool = False,
        request_id: str = "",
        tenant: str,
    ) -> Any:
        request = routing_service_pb2.TransferJobRequest(
            tenant=tenant,
            job_id=job_id,
            version=version,
            request_id=request_id,
            over_capacity=over_capacity,
            reset_age=reset_age,
        )
        if agent:
            request.agent_id = agent
        if queue:
            request.queue = queue
        return self.call(self.routing.TransferJob, request)

    def job(self, job_id: str, *, tenant: str) -> Job:
        request = routing_service_pb2.GetJobRequest(tenant=tenant, job_id=job_id)
        return job_view(self.call(self.routing.GetJob, request).job)

    def jobs(
        self, *, states: Iterable[JobState] = (), queue: str = "", agent: str = "", tenant: str, page_size: int = 2
    ) -> Iterator[Job]:
        """In small pages, so that every list crosses some."""
        token = ""
        while True:
            page = self.call(
                self.routing.ListJobs,
                routing_service_pb2.ListJobsRequest(
                    tenant=tenant,
                    page_size=page_size,
                    page_token=token,
                    states=[int(state) for state in states],
                    queue=queue,
                    agent_id=agent,
                ),
            )
            assert len(page.jobs) <= page_size
            yield from map(job_view, page.jobs)
            token = page.next_page_token
            if not token:
                return

    def explain(self, job_id: str, *, when: int = 0, max_records: int = 0, tenant: str) -> Explanation:
        request = routing_service_pb2.ExplainJobRequest(
            tenant=tenant, job_id=job_id, when=when, max_records=max_records
        )
        answer = self.call(self.routing.ExplainJob, request)
        return explanation_view(answer, job_view(answer.job))

    def create_agent(self, agent_id: str, *, request_id: str = "", tenant: str, **fields: Any) -> Agent:
        request = agent_service_pb2.CreateAgentRequest(
            tenant=tenant, agent=agent_message(agent_id, **fields), request_id=request_id
        )
        return agent_view(self.call(self.agent_service.CreateAgent, request).agent)

    def update_agent(self, agent_id: str, *, request_id: str = "", tenant: str, **fields: Any) -> Agent:
        if fields.pop("clear_wrap_up", False):
            fields["wrap_up"] = None
        request = agent_service_pb2.UpdateAgentRequest(
            tenant=tenant, agent=agent_message(agent_id, **fields), request_id=request_id
        )
        request.update_mask.paths.extend(fields)
        return agent_view(self.call(self.agent_service.UpdateAgent, request).agent)

    def delete_agent(self, agent_id: str, *, request_id: str = "", tenant: str) -> None:
        request = agent_service_pb2.DeleteAgentRequest(tenant=tenant, agent_id=agent_id, request_id=request_id)
        self.call(self.agent_service.DeleteAgent, request)

    def set_presence(
        self, agent_id: str, presence: int, *, reason: str = "", lease: float = 0, request_id: str = "", tenant: str
    ) -> bool:
        request = agent_service_pb2.SetPresenceRequest(
            tenant=tenant,
            agent_id=agent_id,
            presence=int(presence),
            reason=reason,
            request_id=request_id,
        )
        if lease:
            request.lease.CopyFrom(duration(lease))
        answer = self.call(self.agent_service.SetPresence, request)
        assert (answer.agent_id, answer.presence) == (agent_id, presence)
        return bool(answer.repeated)

    def heartbeat(self, agent_ids: Sequence[str], *, tenant: str) -> list[str]:
        request = agent_service_pb2.HeartbeatRequest(tenant=tenant, agent_ids=agent_ids)
        return list(self.call(self.agent_service.Heartbeat, request).rejected_agent_ids)

    def agent(self, agent_id: str, *, tenant: str) -> Agent:
        request = agent_service_pb2.GetAgentRequest(tenant=tenant, agent_id=agent_id)
        return agent_view(self.call(self.agent_service.GetAgent, request).agent)

    def agents(self, *, tenant: str, page_size: int = 2) -> list[Agent]:
        """In small pages, so that every list crosses some."""
        found: list[Agent] = []
        token = ""
        while True:
            request = agent_service_pb2.ListAgentsRequest(tenant=tenant, page_size=page_size, page_token=token)
            page = self.call(self.agent_service.ListAgents, request)
            assert len(page.agents) <= page_size
            found += map(agent_view, page.agents)
            token = page.next_page_token
            if not token:
                return found

    def upsert_customer(self, customer_id: str, *, request_id: str = "", tenant: str, **fields: Any) -> bool:
        customer = customer_service_pb2.Customer(id=customer_id, **fields)
        request = customer_service_pb2.UpsertCustomerRequest(tenant=tenant, customer=customer, request_id=request_id)
        answer = self.call(self.customers.UpsertCustomer, request)
        assert answer.customer == customer
        return bool(answer.created)

    def customer(self, customer_id: str, *, tenant: str) -> Customer:
        request = customer_service_pb2.GetCustomerRequest(tenant=tenant, customer_id=customer_id)
        found = self.call(self.customers.GetCustomer, request).customer
        return Customer(found.id, found.tier, found.value, dict(found.attributes), found.own_agent, found.language)

    def delete_customer(self, customer_id: str, *, request_id: str = "", tenant: str) -> None:
        request = customer_service_pb2.DeleteCustomerRequest(
            tenant=tenant, customer_id=customer_id, request_id=request_id
        )
        self.call(self.customers.DeleteCustomer, request)

    def update_policy(
        self, policy: Any, *, validate_only: bool = False, author: str = "", request_id: str = "", tenant: str
    ) -> dict[str, Any]:
        if isinstance(policy, str):
            policy = parse_text(policy)
        if isinstance(policy, Mapping):
            # The form of a mapping is checked where it is read, which for this face is the client.
            policy = from_mapping(policy, Problems())
        request = policy_service_pb2.UpdatePolicyRequest(
            tenant=tenant, policy=policy, validate_only=validate_only, author=author, request_id=request_id
        )
        return to_mapping(self.call(self.policies.UpdatePolicy, request).policy)

    def policy(self, *, version: int = 0, tenant: str) -> dict[str, Any]:
        request = policy_service_pb2.GetPolicyRequest(tenant=tenant, version=version)
        policy: policy_pb2.Policy = self.call(self.policies.GetPolicy, request).policy
        return to_mapping(policy)

    def policy_warnings(self, policy: Any, *, tenant: str = "") -> list[str]:
        policy = from_mapping(policy, Problems())
        request = policy_service_pb2.UpdatePolicyRequest(tenant=tenant, policy=policy, validate_only=True)
        return list(self.call(self.policies.UpdatePolicy, request).warnings)

    def policy_versions(self, *, tenant: str) -> list[PolicyVersion]:
        request = policy_service_pb2.ListPolicyVersionsRequest(tenant=tenant)
        return [
            PolicyVersion(
                version=each.version,
                author=each.author,
                update_time=to_datetime(each.update_time.ToMicroseconds()),
                queue_count=each.queue_count,
                rule_count=each.rule_count,
            )
            for each in self.call(self.policies.ListPolicyVersions, request).versions
        ]

    def rollback_policy(self, version: int, *, author: str = "", request_id: str = "", tenant: str) -> dict[str, Any]:
        request = policy_service_pb2.RollbackPolicyRequest(
            tenant=tenant, version=version, author=author, request_id=request_id
        )
        return to_mapping(self.call(self.policies.RollbackPolicy, request).policy)

    def test_policy(
        self, job: Mapping[str, Any], *, policy: Any = None, scenarios: Sequence[str] = (), tenant: str
    ) -> PolicyTrial:
        request = policy_service_pb2.TestPolicyRequest(tenant=tenant, job=job_spec(**job), scenarios=scenarios)
        if policy is not None:
            request.policy.CopyFrom(from_mapping(policy, Problems()))
        answer = self.call(self.policies.TestPolicy, request)
        return PolicyTrial(
            rule=answer.rule,
            queue=answer.queue,
            strategy=answer.strategy,
            plan=answer.plan,
            urgency=answer.urgency,
            head_start=duration_us(answer.head_start) / 1_000_000,
            outcome=Outcome(answer.outcome),
            reason=Reason(answer.reason),
            agent_id=answer.agent_id,
            key_names=tuple(answer.key_names),
            candidates=tuple((each.agent_id, tuple(each.keys)) for each in answer.candidates),
            excluded=tuple((each.agent_id, each.cause, each.detail) for each in answer.excluded),
        )

    def set_scenario(self, scenario: str, active: bool, *, request_id: str = "", tenant: str) -> list[str]:
        request = policy_service_pb2.SetScenarioRequest(
            tenant=tenant, scenario=scenario, active=active, request_id=request_id
        )
        return list(self.call(self.policies.SetScenario, request).active_scenarios)

    def status_message(self, *, tenant: str, verify: bool = False) -> admin_service_pb2.TenantStatus:
        """The one tenant of GetStatus."""
        request = admin_service_pb2.GetStatusRequest(tenant=tenant, verify=verify)
        (status,) = self.call(self.admin.GetStatus, request).tenants
        assert isinstance(status, admin_service_pb2.TenantStatus)
        return status

    def check(self, *, tenant: str) -> list[str]:
        return list(self.status_message(tenant=tenant, verify=True).violations)

    def state_hash(self, *, tenant: str) -> int:
        return self.status_message(tenant=tenant).state_hash

    def tick(self) -> None:
        """The daemon ticks by itself."""


def duration(seconds: float) -> Duration:
    message = Duration()
    set_duration(message, round(seconds * 1_000_000))
    return message


def demands(skills: Mapping[str, int | tuple[int, int]] | Iterable[str] | None) -> list[skill_pb2.SkillDemand]:
    if not isinstance(skills, Mapping):
        return [skill_pb2.SkillDemand(name=name) for name in skills or ()]
    return [
        skill_pb2.SkillDemand(name=name, min_level=level[0], max_level=level[1])
        if isinstance(level, tuple)
        else skill_pb2.SkillDemand(name=name, min_level=level)
        for name, level in skills.items()
    ]


def job_spec(
    job_id: str,
    *,
    skills: Any = None,
    preferred_skills: Any = None,
    head_start: float = 0,
    time_to_live: float = 0,
    start_time: datetime | None = None,
    wanted_agent: str = "",
    wanted_mode: int = 0,
    wanted_hold: float = 0,
    affinity: int = 0,
    **fields: Any,
) -> job_pb2.JobSpec:
    spec = job_pb2.JobSpec(
        id=job_id,
        skills=demands(skills),
        preferred_skills=demands(preferred_skills),
        affinity=int(affinity),
        **fields,
    )
    if head_start:
        spec.head_start.CopyFrom(duration(head_start))
    if time_to_live:
        spec.time_to_live.CopyFrom(duration(time_to_live))
    if start_time is not None:
        spec.start_time.FromDatetime(start_time)
    if wanted_agent or wanted_mode or wanted_hold:
        spec.wanted_agent.agent_id = wanted_agent
        spec.wanted_agent.mode = int(wanted_mode)
    if wanted_hold:
        spec.wanted_agent.hold.CopyFrom(duration(wanted_hold))
    return spec


def agent_message(
    agent_id: str, *, skills: Any = None, channel_limits: Any = None, wrap_up: float | None = None, **fields: Any
) -> agent_pb2.Agent:
    levels = skills if isinstance(skills, Mapping) else dict.fromkeys(skills or (), 0)
    return agent_pb2.Agent(
        id=agent_id,
        skills=[skill_pb2.Skill(name=name, level=level) for name, level in levels.items()],
        channel_limits=[
            agent_pb2.ChannelLimit(channel=channel, max_jobs=count) for channel, count in (channel_limits or {}).items()
        ],
        wrap_up=None if wrap_up is None else duration(wrap_up),
        **{name: int(value) if isinstance(value, int) else value for name, value in fields.items()},
    )


def time_of(message: Any, name: str) -> datetime | None:
    if not message.HasField(name):
        return None
    stamp: Timestamp = getattr(message, name)
    return to_datetime(stamp.seconds * 1_000_000 + stamp.nanos // 1_000)


def seconds_of(message: Any, name: str) -> float | None:
    return duration_us(getattr(message, name)) / 1_000_000 if message.HasField(name) else None


def job_view(job: job_pb2.Job) -> Job:
    return Job(
        id=job.id,
        state=JobState(job.state),
        reason=Reason(job.reason),
        queue=job.queue,
        channel=job.channel,
        agent_id=job.agent_id,
        version=job.version,
        urgency=job.urgency,
        head_start=duration_us(job.head_start) / 1_000_000,
        customer=job.customer,
        cost=job.cost,
        create_time=time_of(job, "create_time"),
        queue_time=time_of(job, "queue_time"),
        assign_time=time_of(job, "assign_time"),
        end_time=time_of(job, "end_time"),
        policy_version=job.policy_version,
        arm=job.arm,
        position=job.estimate.position,
        wait_p50=duration_us(job.estimate.p50) / 1_000_000 if job.estimate.HasField("p50") else None,
        wait_p90=duration_us(job.estimate.p90) / 1_000_000 if job.estimate.HasField("p90") else None,
        deadline=time_of(job, "deadline"),
    )


def agent_view(agent: agent_pb2.Agent) -> Agent:
    return Agent(
        id=agent.id,
        presence=Presence(agent.presence),
        presence_reason=agent.presence_reason,
        skills={skill.name: skill.level for skill in agent.skills},
        tags=tuple(agent.tags),
        capacity=agent.capacity,
        channel_limits={limit.channel: limit.max_jobs for limit in agent.channel_limits},
        weight=agent.weight,
        rating=agent.rating,
        order=agent.order,
        load=agent.load,
        job_count=agent.job_count,
        given_count=agent.given_count,
        completed_count=agent.completed_count,
        last_given_time=time_of(agent, "last_given_time"),
        last_freed_time=time_of(agent, "last_freed_time"),
        wrap_up=seconds_of(agent, "wrap_up"),
        lease_end_time=time_of(agent, "lease_end_time"),
        missed_offers=agent.missed_offers,
        handle_time=seconds_of(agent, "handle_time"),
        first_response=seconds_of(agent, "first_response"),
        satisfaction=agent.satisfaction if agent.HasField("satisfaction") else None,
    )
