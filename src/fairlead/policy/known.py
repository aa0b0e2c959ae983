"""The ids of a policy, for whatever refers to them."""

from typing import NamedTuple

from fairlead.v1 import policy_pb2

# The channel of a policy that names none.
DEFAULT_CHANNEL = "chat"


class Known(NamedTuple):
    """What may be referred to."""

    queues: frozenset[str]
    channels: frozenset[str]
    tiers: frozenset[str]
    schedules: frozenset[str]
    scenarios: frozenset[str]
    plans: frozenset[str]

    @classmethod
    def of(cls, policy: policy_pb2.Policy) -> "Known":
        """The ids that the policy gives."""
        return cls(
            queues=frozenset(each.id for each in policy.queues),
            channels=frozenset(each.id for each in policy.channels) or frozenset({DEFAULT_CHANNEL}),
            tiers=frozenset(each.id for each in policy.tiers),
            schedules=frozenset(each.id for each in policy.schedules),
            scenarios=frozenset(policy.scenarios),
            plans=frozenset(each.id for each in policy.plans),
        )
