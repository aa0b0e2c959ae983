"""The twin's commands about what decides: the policy, its scenarios, and the profiles of customers."""

from collections.abc import Mapping

from fairlead.policy.tables import PolicyTables
from tests.oracle.agents import AgentCommands
from tests.oracle.lookup import cost_of, plan_of, queue_of
from tests.oracle.model import ENDED, Customer, Failure, Job, State
from tests.oracle.requests import found, require
from tests.oracle.world import WEIGHTED


class PolicyCommands(AgentCommands):
    """Adds what managers do. A refused command raises `Failure` and changes nothing."""

    def install_policy(self, tables: PolicyTables, request_id: str = "") -> int:
        """The new version."""
        return self.once(request_id, "install_policy", (tables,), lambda: self.replace_policy(tables))

    def replace_policy(self, tables: PolicyTables) -> int:
        live = [job for job in self.jobs.values() if job.state not in ENDED]
        for job in live:
            if queue_of(tables, job.queue) is None:
                raise Failure("QUEUE_IN_USE", job.queue)
        for job in live:
            if cost_of(tables, job.channel) is None:
                raise Failure("CHANNEL_IN_USE", job.channel)
        self.policy = tables
        self.policy_version += 1
        self.active &= set(tables.scenarios)
        self.set_schedule_timers()
        for job in live:
            self.follow_policy(job)
        self.repair_rotations()
        for agent in self.agents.values():
            limits = agent.channel_limits.items()
            agent.channel_limits = {key: limit for key, limit in limits if cost_of(tables, key) is not None}
            self.refresh(agent)
            self.set_agent_timers(agent)
            self.set_lost_timers(agent)
        self.timers = [timer for timer in self.timers if timer.kind != "reserve"]
        for key in self.heads:
            self.set_reserve_timer(key)
        self.finish()
        self.advance_to(self.now)  # fires the waits that the new policy finds too long already
        self.forget()  # by the new retention, before a later policy could make it longer again
        return self.policy_version

    def follow_policy(self, job: Job) -> None:
        """Waiting jobs get the new cost, the steps due by the new plan, and clocks that run from when they began.

        Another step, or other demands, may be another reason to wait.
        """
        if job.plan and plan_of(self.policy, job.plan) is None:
            self.drop_plan(job)
        if job.state in (State.SCHEDULED, State.QUEUED):
            job.cost = cost_of(self.policy, job.channel) or job.cost
        if job.state is State.QUEUED:
            before = (job.step, job.demands, job.held)
            self.relax(job)
            self.class_number(job.class_key)
            if (job.step, job.demands, job.held) != before:
                job.reason = self.waiting_reason(job)
            self.set_policy_timers(job)

    def repair_rotations(self) -> None:
        """T6: they live as long as their queue exists and stays weighted, and so does the pointer of a queue."""
        strategies = {queue.id: queue.strategy for queue in self.policy.queues}
        self.pointers = {queue: pointer for queue, pointer in self.pointers.items() if queue in strategies}
        weighted = [key for key in self.rotations if strategies.get(key.queue) == WEIGHTED]
        self.rotations = {key: self.rotations[key] for key in weighted}

    # Scenarios and schedules.

    def set_scenario(self, scenario: str, active: bool, request_id: str = "") -> list[str]:
        """Switches it; all that are on then."""

        def deed() -> list[str]:
            if scenario not in self.policy.scenarios:
                raise Failure("SCENARIO_NOT_FOUND", scenario)
            (self.active.add if active else self.active.discard)(scenario)
            self.finish()
            return self.scenarios()

        return self.once(request_id, "set_scenario", (scenario, active), deed)

    def scenarios(self) -> list[str]:
        return [scenario for scenario in self.policy.scenarios if scenario in self.active]

    def open_schedules(self) -> list[str]:
        return [schedule.id for schedule in self.policy.schedules if schedule.id in self.open_ids]

    # Customers.

    def upsert_customer(
        self,
        customer_id: str,
        *,
        tier: str = "",
        value: int = 0,
        attributes: Mapping[str, str] | None = None,
        own_agent: str = "",
        language: str = "",
        request_id: str = "",
    ) -> bool:
        """True when there was no such customer."""
        require(0 <= value <= 10**12, "customer.value")
        profile = Customer(customer_id, tier, value, tuple(sorted((attributes or {}).items())), own_agent, language)

        def deed() -> bool:
            created = customer_id not in self.customers
            self.customers[customer_id] = profile
            return created

        return self.once(request_id, "upsert_customer", (profile,), deed)

    def customer(self, customer_id: str) -> Customer:
        return found(self.customers.get(customer_id), "CUSTOMER_NOT_FOUND")

    def delete_customer(self, customer_id: str, request_id: str = "") -> None:
        """Who served them is forgotten too (A1)."""

        def deed() -> None:
            found(self.customers.pop(customer_id, None), "CUSTOMER_NOT_FOUND")
            self.memory = {key: served for key, served in self.memory.items() if key[0] != customer_id}

        self.once(request_id, "delete_customer", (customer_id,), deed)
