"""The policies of the embedded face: what of `Router` is about the rules document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fairlead.arguments import instant, microseconds, name, names, natural
from fairlead.errors import error
from fairlead.policy.document import to_mapping
from fairlead.rulebook.book import RuleBook
from fairlead.v1.policy_pb2 import Policy
from fairlead.views import PolicyTrial, PolicyVersion, to_datetime

DEFAULT_TENANT = "default"


class PolicyFace:
    """Methods of `Router` over a rule book."""

    _book: RuleBook

    def update_policy(
        self,
        policy: Policy | Mapping[str, Any] | str,
        *,
        validate_only: bool = False,
        author: str = "",
        request_id: str = "",
        tenant: str = DEFAULT_TENANT,
    ) -> dict[str, Any]:
        """Replaces the policy in one step (L1) and returns it as stored; with `validate_only` as it would be.

        `policy` is a mapping with the field names of fairlead.v1.Policy, TOML or JSON text, or the message. Raises
        InvalidArgument with every problem in `violations`, FailedPrecondition when live jobs use a queue or channel
        that would be gone. What is valid and probably not meant is told by `policy_warnings`.
        """
        name(author, "author", 0)
        name(request_id, "request_id", 0)
        if validate_only:
            return _shown(self._book.check(tenant, policy, author).policy)
        return _shown(self._book.update(tenant, policy, author, request_id).policy)

    def policy_warnings(self, policy: Policy | Mapping[str, Any] | str) -> list[str]:
        """What is valid in a policy and probably not meant, as "path: text". Raises InvalidArgument."""
        return self._book.warnings(policy)

    def policy(self, *, version: int = 0, tenant: str = DEFAULT_TENANT) -> dict[str, Any]:
        """The policy in force with its version, or that of a kept one.

        Version 0 is the built-in policy, which has no `version` key. Raises NotFound for a version that is not kept.
        """
        return _shown(self._book.policy(tenant, natural(version, "version")))

    def policy_versions(self, *, tenant: str = DEFAULT_TENANT) -> list[PolicyVersion]:
        """The last 100 versions, newest first: who stored each, and when."""
        return [
            PolicyVersion(each.version, each.author, to_datetime(each.time_us), each.queue_count, each.rule_count)
            for each in self._book.versions(tenant)
        ]

    def rollback_policy(
        self, version: int, *, author: str = "", request_id: str = "", tenant: str = DEFAULT_TENANT
    ) -> dict[str, Any]:
        """Puts a kept version's document in force again, as a new version, which is returned.

        Raises NotFound for a version that is not kept, and what `update_policy` raises.
        """
        name(author, "author", 0)
        name(request_id, "request_id", 0)
        if not isinstance(version, int) or version < 1:
            raise error("INVALID_FIELD", f"version is {version!r}; a whole number from 1 on is allowed", "version")
        return _shown(self._book.rollback(tenant, version, author, request_id))

    def test_policy(
        self,
        job: Mapping[str, Any],
        *,
        policy: Policy | Mapping[str, Any] | str | None = None,
        time: datetime | float | None = None,
        scenarios: Sequence[str] = (),
        tenant: str = DEFAULT_TENANT,
    ) -> PolicyTrial:
        """What a policy would do with a described job, with the agents as they are; nothing changes (L4).

        `job` is a `JobRequest`, `policy` by default the one in force, `time` now, `scenarios` those that are on. The
        job is decided at once: a `start_time` is ignored. Raises InvalidArgument, NotFound. Cost: linear in the agents
        and the jobs they hold.
        """
        trial = self._book.test(
            tenant,
            _arguments(job),
            source=policy,
            time_us=0 if time is None else instant(time, "time"),
            scenarios=names(scenarios, "scenarios"),
        )
        return PolicyTrial(
            rule=trial.rule,
            queue=trial.queue,
            strategy=trial.strategy,
            plan=trial.plan,
            urgency=trial.urgency,
            head_start=trial.head_start_us / 1_000_000,
            outcome=trial.outcome,
            reason=trial.reason,
            agent_id=trial.agent_id,
            key_names=tuple(trial.key_names),
            candidates=tuple((agent_id, tuple(keys)) for agent_id, keys in trial.candidates),
            excluded=tuple(trial.excluded),
        )

    def set_scenario(
        self, scenario: str, active: bool, *, request_id: str = "", tenant: str = DEFAULT_TENANT
    ) -> list[str]:
        """Turns a scenario of the policy on or off; rules follow for jobs that come from now on (L2).

        Returns the scenarios that are on. Raises NotFound for one that the policy does not name.
        """
        return self._book.set_scenario(tenant, name(scenario, "scenario"), active, name(request_id, "request_id", 0))

    def scenarios(self, *, tenant: str = DEFAULT_TENANT) -> list[str]:
        """Scenarios that are on."""
        return self._book.scenarios(tenant)

    def open_schedules(self, *, tenant: str = DEFAULT_TENANT) -> list[str]:
        """Schedules of the policy that are open now."""
        return self._book.open_schedules(tenant)

    def renew_calendars(self) -> list[str]:
        """Compiles calendars of schedules anew that reach less than a year ahead; the tenants whose they are.

        A calendar is compiled for three years with its policy. A program that runs for years calls this once a day; in
        virtual time, before it goes on by a year. The policy and its version stay as they are.
        """
        return self._book.renew_calendars()


def _shown(policy: Policy) -> dict[str, Any]:
    shown = to_mapping(policy)
    if "update_time" in shown:
        time = to_datetime(policy.update_time.ToMicroseconds())
        shown["update_time"] = time.isoformat() if time else ""
    return shown


def _arguments(job: Mapping[str, Any]) -> dict[str, Any]:
    """A described job as the arguments of `Shard.assign`."""
    arguments: dict[str, Any] = dict(job)
    arguments.pop("start_time", None)
    for field in ("head_start", "wanted_hold", "time_to_live"):
        if field in arguments:
            arguments[f"{field}_us"] = microseconds(arguments.pop(field), f"job.{field}")
    return arguments
