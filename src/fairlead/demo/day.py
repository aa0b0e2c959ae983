"""A day as data: the conversations and what they ask for. Times are seconds of the day, not of the clock."""

from collections.abc import Sequence
from dataclasses import dataclass

ORDERS = "orders"
AFTER_SALES = "after_sales"
TECHNICAL = "technical"
QUEUES = (ORDERS, AFTER_SALES, TECHNICAL)

CHAT = "chat"
VOICE = "voice"
# Units of an agent's capacity that one job takes (C1).
CHANNEL_COST = {CHAT: 1, VOICE: 4}

VIP = "vip"
# Before and after the policy changes in the middle of the day.
VIP_HEAD_STARTS_S = (90.0, 600.0)

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """One customer's visit. `demands` are lowest levels by skill; an infinite patience never leaves."""

    id: str
    arrival_s: float
    queue: str
    channel: str
    demands: dict[str, int]
    customer: str
    tier: str
    handle_s: float
    patience_s: float


@dataclass(frozen=True, slots=True)
class Day:
    """What is played: conversations by arrival. A trace may span many days; times then go on counting."""

    source: str
    conversations: Sequence[Conversation]

    @property
    def first_s(self) -> float:
        """When the first conversation comes."""
        return self.conversations[0].arrival_s

    @property
    def last_s(self) -> float:
        """When the last one comes."""
        return self.conversations[-1].arrival_s
