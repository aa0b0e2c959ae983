"""The twin: one tenant's router with the commands of the shard, every rule done the long way.

Each command is a step: it checks, changes, and lets `finish` restore the promise that no waiting job has a candidate.
A refused command raises `Failure` and changes nothing. The modules build on one another: world (state, questions),
placing (one job), backlog (matching), clocks (timers), requests (memory of calls), agents, policy, and here jobs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fairlead.policy.tables import RuleTable
from tests.oracle.arms import arm_of, setting_of
from tests.oracle.demands import Demands, SkillsAsked, merged, normal_demands
from tests.oracle.lookup import cost_of, has_room, queue_of, tier_of
from tests.oracle.model import ENDED, Agent, Answer, Failure, Job, Mode, Outcome, Presence, Reason, State
from tests.oracle.policy import PolicyCommands
from tests.oracle.requests import found, require
from tests.oracle.rules import Request, filled, first_match

MILLISECOND = 1000


class Twin(PolicyCommands):
    """One tenant. Times are microseconds of a clock that stands until `advance_to`."""

    def assign(
        self,
        job_id: str,
        *,
        queue: str = "",
        channel: str = "",
        skills: SkillsAsked = None,
        tags: Sequence[str] = (),
        preferred_skills: SkillsAsked = None,
        preferred_tags: Sequence[str] = (),
        customer: str = "",
        customer_tier: str = "",
        urgency: int = 0,
        head_start_us: int = 0,
        excluded_agents: Sequence[str] = (),
        wanted_agent: str = "",
        wanted_mode: int = 0,
        wanted_hold_us: int = 0,
        time_to_live_us: int = 0,
        start_time_us: int = 0,
        labels: Mapping[str, str] | None = None,
        language: str = "",
        customer_value: int = 0,
        affinity: int = 0,
        immediate_only: bool = False,
        gateway: str = "",
    ) -> Answer:
        require(job_id != "", "job.id")
        require(0 <= urgency <= 9, "job.urgency")
        require(head_start_us >= 0, "job.head_start")
        require(wanted_mode != Mode.OFF and wanted_hold_us >= 0, "job.wanted_agent")
        require(time_to_live_us >= 0, "job.time_to_live")
        require(not (immediate_only and start_time_us > self.now), "job.start_time")
        demands, preferred = normal_demands(skills), normal_demands(preferred_skills)
        content = (
            *(queue, channel, tuple(demands.items()), tuple(tags), tuple(preferred.items()), tuple(preferred_tags)),
            *(customer, customer_tier, urgency, head_start_us, tuple(excluded_agents)),
            *(wanted_agent, wanted_mode, wanted_hold_us, time_to_live_us, start_time_us),
            *(tuple(sorted((labels or {}).items())), language, customer_value, affinity, gateway),
        )
        self.advance_to(self.now)
        self.forget()
        known = self.jobs.get(job_id)
        if known is not None:
            if known.content != content:
                raise Failure("JOB_ALREADY_EXISTS", job_id)
            assert known.answer is not None
            return replace(known.answer, repeated=True)

        channel_id = channel or self.policy.channels[0].id
        if queue:
            found(queue_of(self.policy, queue), "QUEUE_NOT_FOUND")
        cost = found(cost_of(self.policy, channel_id), "CHANNEL_NOT_FOUND")
        if customer_tier:
            found(tier_of(self.policy, customer_tier), "TIER_NOT_FOUND")
        excluded = {self.existing_agent(agent_id).number for agent_id in excluded_agents}
        if wanted_agent:
            self.existing_agent(wanted_agent)

        request = Request(queue, channel_id, dict(labels or {}), language, customer_tier, customer_value, wanted_agent)
        tiers = {tier.id for tier in self.policy.tiers}
        request = filled(request, self.customers.get(customer), tiers, self.agents.keys())
        rule = first_match(self.policy.rules, request, self.open_ids, self.active)
        tier = tier_of(self.policy, request.tier)
        queue_id = queue or rule.queue or self.default_queue()
        table = found(queue_of(self.policy, queue_id), "QUEUE_NOT_FOUND")
        arm = arm_of(self.policy.experiment, job_id, self.now)
        setting = setting_of(arm, queue_id)

        job = Job(
            number=self.job_count + 1,
            id=job_id,
            content=content,
            queue=queue_id,
            channel=channel_id,
            original=with_rule(Demands(demands, tuple(tags), preferred, tuple(preferred_tags)), rule),
            customer=customer,
            affinity=Mode(affinity or rule.affinity or setting.affinity),
            urgency=min(9, urgency + rule.urgency + (tier.urgency if tier else 0)),
            head_start=head_start_us + rule.head_start_us + (tier.head_start_us if tier else 0),
            excluded=excluded,
            create_time=self.now,
            queue_time=self.now,
            start_time=start_time_us,
            time_to_live=time_to_live_us,
            cost=cost,
            rule=rule.id,
            plan=rule.plan or setting.plan or table.plan,
            arm=arm.id,
            strategy=rule.strategy or (tier.strategy if tier else 0) or setting.strategy,
        )
        if wanted_agent:
            job.own = self.own_for(job, self.agents[wanted_agent], Mode(wanted_mode), wanted_hold_us)
        else:
            profile_agent = None if affinity == Mode.OFF else self.agents.get(request.wanted_agent)
            job.own = self.own_for(job, profile_agent, Mode(affinity), 0)
        job.answer = self.submit(job, immediate_only)
        return job.answer

    def submit(self, job: Job, immediate_only: bool) -> Answer:
        """Decides a new job, and keeps it unless it is refused."""
        if immediate_only and (reason := self.refusal_of(job)):
            job.reason = reason
            return self.answer(job, Outcome.REFUSED)
        if job.expiry is not None:
            self.set_timer(job.expiry, "time_to_live", job)
        if job.start_time > self.now:
            job.state, job.reason = State.SCHEDULED, Reason.SCHEDULED
            self.set_timer(job.start_time, "start", job)
            self.keep(job)
            return self.answer(job, Outcome.QUEUED)
        refused = self.decide(job)
        if refused is not None and not refused.kept:
            self.drop_timers(job, ("time_to_live",))
            job.reason = refused.reason
            return self.answer(job, Outcome.REFUSED)
        self.keep(job)
        if refused is not None:
            self.end(job, State.CANCELLED, refused.reason)
            return self.answer(job, Outcome.REFUSED)
        self.finish()
        outcomes = {State.ASSIGNED: Outcome.ASSIGNED, State.OFFERED: Outcome.OFFERED}
        return self.answer(job, outcomes.get(job.state, Outcome.QUEUED))

    def refusal_of(self, job: Job) -> Reason:
        """Why a job that must not wait would have to; NONE when somebody takes it now."""
        refused = self.enter(job)
        if refused is not None:
            return refused.reason
        self.relax(job)
        job.held = self.should_be_held(job)
        agent, _ = self.choice(job)
        return Reason.NONE if agent is not None else self.waiting_reason(job)

    def keep(self, job: Job) -> None:
        self.jobs[job.id] = job
        self.job_count += 1

    def accept(self, job_id: str, version: int, request_id: str = "") -> Answer:
        require(version >= 1, "version")

        def deed() -> Answer:
            job = self.job_in(State.OFFERED, job_id, version)
            self.accept_offer(job)
            self.finish()
            return self.answer(job)

        return self.once(request_id, "accept", (job_id, version), deed)

    def decline(self, job_id: str, version: int, request_id: str = "") -> Answer:
        require(version >= 1, "version")

        def deed() -> Answer:
            job = self.job_in(State.OFFERED, job_id, version)
            agent = self.end_offer(job, self.queue(job).decline_cooldown_us)
            agent.missed_offers = 0
            self.finish(agent, job)
            return self.answer(job)

        return self.once(request_id, "decline", (job_id, version), deed)

    def complete(
        self,
        job_id: str,
        version: int,
        request_id: str = "",
        first_response_us: int = 0,
        satisfaction: int = -1,
        skip_wrap_up: bool = False,
    ) -> Answer:
        require(version >= 1, "version")
        content = (job_id, version, first_response_us, satisfaction, skip_wrap_up)

        def deed() -> Answer:
            job = self.job_in(State.ASSIGNED, job_id, version)
            agent = self.agent_by_number(job.agent)
            assert agent is not None
            agent.completed_count += 1
            agent.handle_time.add((self.now - job.assign_time) // MILLISECOND)
            if first_response_us:
                agent.first_response.add(first_response_us // MILLISECOND)
            if satisfaction >= 0:
                agent.satisfaction.add(satisfaction)
            wrap_up_us = self.queue(job).wrap_up_us if agent.wrap_up < 0 else agent.wrap_up
            if wrap_up_us and not skip_wrap_up:
                self.wrap_up(job, wrap_up_us)
            else:
                self.end(job, State.COMPLETED, Reason.NONE)
            answer = self.answer(job)
            self.finish(agent)
            return answer

        return self.once(request_id, "complete", content, deed)

    def finish_wrap_up(self, job_id: str, version: int, request_id: str = "") -> Answer:
        require(version >= 1, "version")

        def deed() -> Answer:
            job = self.job_in(State.WRAPPING, job_id, version)
            agent = self.agent_by_number(job.agent)
            self.end(job, State.COMPLETED, Reason.NONE)
            answer = self.answer(job)
            self.finish(agent)
            return answer

        return self.once(request_id, "finish_wrap_up", (job_id, version), deed)

    def cancel(self, job_id: str, request_id: str = "") -> Answer:
        def deed() -> Answer:
            job = self.existing_job(job_id)
            if job.state in ENDED:
                raise Failure("WRONG_STATE", job_id)
            agent = self.agent_by_number(job.agent)
            self.end(job, State.CANCELLED, Reason.CALLER)
            answer = self.answer(job)
            self.finish(agent)
            return answer

        return self.once(request_id, "cancel", (job_id,), deed)

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
    ) -> Answer:
        require(version >= 1, "version")
        require(not (agent and queue), "target")

        def deed() -> Answer:
            self.existing_job(job_id)
            target = self.existing_agent(agent) if agent else None
            if queue:
                found(queue_of(self.policy, queue), "QUEUE_NOT_FOUND")
            job = self.job_in(State.ASSIGNED, job_id, version)
            if target is not None:
                self.check_target(job, target, over_capacity)
            if target is None and not queue:
                job.excluded.add(job.agent)
            source = self.release(job)
            if reset_age:
                job.queue_time = self.now
            self.move(job, queue or job.queue)
            if target is not None:
                self.give(job, target, picked=False, forced=True)
            else:
                self.requeue(job)
            self.finish(source, job)
            return self.answer(job)

        content = (job_id, version, agent, queue, over_capacity, reset_age)
        return self.once(request_id, "transfer", content, deed)

    def check_target(self, job: Job, target: Agent, over_capacity: bool) -> None:
        """Refuses an agent the job may not go to (C2)."""
        if target.presence is not Presence.ONLINE:
            raise Failure("AGENT_NOT_ONLINE", target.id)
        if target.number == job.agent:
            raise Failure("SAME_AGENT", target.id)
        room = has_room(target, self.policy, job.channel, job.cost) and target.number not in self.reservations
        if not room and not over_capacity:
            raise Failure("AGENT_FULL", target.id)

    # Reading.

    def job(self, job_id: str) -> Job:
        return self.existing_job(job_id)

    def agent(self, agent_id: str) -> Agent:
        return self.existing_agent(agent_id)

    def counts(self) -> dict[State, int]:
        """Jobs per state: live ones now, ended ones ever (J2)."""
        counts = dict(self.ended_count)
        for job in self.jobs.values():
            if job.state not in ENDED:
                counts[job.state] = counts.get(job.state, 0) + 1
        return counts

    def default_queue(self) -> str:
        """The queue of a job that neither names one nor has one from its rule."""
        if self.policy.default_queue:
            return self.policy.default_queue
        require(len(self.policy.queues) == 1, "job.queue")
        return self.policy.queues[0].id


def with_rule(demands: Demands, rule: RuleTable) -> Demands:
    """What the rule adds must hold too."""
    return Demands(
        merged(demands.skills, rule.skills),
        (*demands.tags, *rule.tags),
        merged(demands.preferred_skills, rule.preferred_skills),
        (*demands.preferred_tags, *rule.preferred_tags),
    )
