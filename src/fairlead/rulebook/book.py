"""Every change of a policy goes through here: checked, compiled with its calendar, installed, remembered.

One book for one shard, shared by all that change its policies. The shard alone decides what is in force; the book adds
what was. A calendar reaches three years ahead (`policy.calendar`); `renew_calendars` compiles those with less than one
year left anew. That is no new policy: version, author and time stay.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fairlead.errors import error
from fairlead.policy.advice import advise
from fairlead.policy.calendar import is_due
from fairlead.policy.compile import built_in, compile_policy
from fairlead.policy.document import from_stored, load
from fairlead.problems import quote
from fairlead.rulebook.history import Edition, History
from fairlead.rulebook.trial import Trial, try_job
from fairlead.shard.core import Shard
from fairlead.v1 import policy_pb2

# A policy as callers give it.
Source = policy_pb2.Policy | Mapping[str, Any] | str


class Stored(NamedTuple):
    """A policy as stored or, when it was only checked, as it would be; and what is probably not meant in it."""

    policy: policy_pb2.Policy
    warnings: Sequence[str]


class RuleBook:
    """Policies of a shard's tenants. Thread-safe; a policy that is refused has changed nothing."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        # Held while a policy is replaced, so that versions are noted in their order and a renewal cannot undo a change.
        self._lock = threading.Lock()
        self._histories: dict[str, History] = {}

    def policy(self, tenant: str, version: int = 0) -> policy_pb2.Policy:
        """The document in force, or that of a kept version. Raises NotFound."""
        with self._lock:
            in_force = self._note(tenant)
        if version:
            return self._edition(tenant, version).policy()
        return in_force.policy() if in_force else built_in()

    def versions(self, tenant: str) -> Sequence[Edition]:
        """The kept versions, newest first; the built-in policy is none."""
        with self._lock:
            self._note(tenant)
            return self._histories[tenant].newest_first() if tenant in self._histories else ()

    def update(self, tenant: str, source: Source, author: str = "", request_id: str = "") -> Stored:
        """Replaces the policy in one step (L1).

        Raises InvalidArgument with every problem, FailedPrecondition when live jobs use a queue or channel that would
        be gone.
        """
        policy = load(source)
        return Stored(self._install(tenant, policy, author, request_id).policy(), advise(policy))

    def is_in_force(self, tenant: str, source: Source) -> bool:
        """Whether the tenant's policy has this content already. Raises InvalidArgument with every problem."""
        version, document, _, _ = self._shard.policy(tenant)
        return version > 0 and document == load(source).SerializeToString(deterministic=True)

    def check(self, tenant: str, source: Source, author: str = "") -> Stored:
        """What `update` would store; raises what it would raise."""
        policy = load(source)
        tables = compile_policy(policy, author, self._shard.now_us)
        policy.version = self._shard.install_policy(tenant, tables, validate_only=True)
        policy.author = author
        return Stored(policy, advise(policy))

    def warnings(self, source: Source) -> list[str]:
        """What is valid in a policy and probably not meant. Raises InvalidArgument with every problem."""
        return advise(load(source))

    def rollback(self, tenant: str, version: int, author: str = "", request_id: str = "") -> policy_pb2.Policy:
        """Puts a kept version's document in force again, as a new version. Raises NotFound and as `update`."""
        return self._install(tenant, load(self.policy(tenant, version)), author, request_id).policy()

    def test(
        self,
        tenant: str,
        job: Mapping[str, Any],
        *,
        source: Source | None = None,
        time_us: int = 0,
        scenarios: Sequence[str] = (),
    ) -> Trial:
        """What a policy, by default the one in force, would do with a job at a time, by default now (L4).

        `job` are the arguments of `Shard.assign`. Nothing changes. Raises InvalidArgument, NotFound. Cost: linear in
        the tenant's agents and the jobs they hold.
        """
        policy = load(self.policy(tenant) if source is None else source)
        now_us = time_us or self._shard.now_us
        on = list(scenarios)
        for scenario in on:
            _known_scenario(policy, scenario, "scenarios")
        if not on:
            on = [name for name in self._shard.scenarios(tenant) if name in policy.scenarios]
        return try_job(self._shard, tenant, compile_policy(policy, now_us=now_us), job, now_us, on)

    def set_scenario(self, tenant: str, scenario: str, active: bool, request_id: str = "") -> list[str]:
        """Turns a scenario on or off for jobs that come from now on (L2); those that are on. Raises NotFound."""
        _known_scenario(self.policy(tenant), scenario, "scenario")
        return self._shard.set_scenario(tenant, scenario, active, request_id)

    def scenarios(self, tenant: str) -> list[str]:
        """Scenarios that are on."""
        return self._shard.scenarios(tenant)

    def open_schedules(self, tenant: str) -> list[str]:
        """Schedules that are open now."""
        return self._shard.open_schedules(tenant)

    def renew_calendars(self) -> list[str]:
        """Compiles the calendars anew that have less than a year left; the tenants whose they are. For once a day."""
        renewed = []
        for tenant in self._shard.tenants():
            with self._lock:
                _, document, author, _ = self._shard.policy(tenant)
                if not document or not is_due(self._shard.calendar_us(tenant), self._shard.now_us):
                    continue
                policy = from_stored(document)
                if policy.schedules:
                    self._shard.renew_calendar(tenant, compile_policy(policy, author, self._shard.now_us))
                    renewed.append(tenant)
        return renewed

    def _install(self, tenant: str, policy: policy_pb2.Policy, author: str, request_id: str) -> Edition:
        with self._lock:
            return self._replace(tenant, policy, author, request_id)

    def _replace(self, tenant: str, policy: policy_pb2.Policy, author: str, request_id: str) -> Edition:
        self._note(tenant)
        tables = compile_policy(policy, author, self._shard.now_us)
        version = self._shard.install_policy(tenant, tables, request_id)
        self._note(tenant)
        # A repeated request is answered with its own version, however many came since.
        return self._histories[tenant].get(version) or Edition.of(version, tables.document, author, 0)

    def _note(self, tenant: str) -> Edition | None:
        """Keeps what is in force, whoever installed it; None for the built-in policy."""
        version, document, author, time_us = self._shard.policy(tenant)
        if not version:
            return None
        history = self._histories.get(tenant)
        if history is None:
            history = self._histories[tenant] = History()
            for earlier in self._shard.earlier_policies(tenant):
                history.add(Edition.of(*earlier))
        known = history.get(version)
        if known is None:
            known = Edition.of(version, document, author, time_us)
            history.add(known)
        return known

    def _edition(self, tenant: str, version: int) -> Edition:
        kept = self.versions(tenant)
        for edition in kept:
            if edition.version == version:
                return edition
        shown = f"{kept[-1].version} to {kept[0].version} are kept" if kept else "none are kept"
        raise error("POLICY_VERSION_NOT_FOUND", f"no version {version} of the policy; {shown}", "version")


def _known_scenario(policy: policy_pb2.Policy, scenario: str, field: str) -> None:
    if scenario not in policy.scenarios:
        known = ", ".join(policy.scenarios) or "none"
        raise error("SCENARIO_NOT_FOUND", f"no scenario {quote(scenario)} in the policy; it has: {known}", field)
