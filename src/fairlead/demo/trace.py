"""A day for the demo from a log of calls."""

import random
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from fairlead.demo.day import AFTER_SALES, DAY_S, ORDERS, TECHNICAL, VIP, VOICE, Conversation, Day
from fairlead.demo.team import BASE_LANGUAGE, LANGUAGE_LEVEL
from fairlead.simulate.calls import Call, TraceError, read_calls

QUEUE_OF_TYPE = {
    "NW": ORDERS,  # a potential customer asks
    "PS": AFTER_SALES,  # regular activity
    "PE": AFTER_SALES,  # regular activity, in English
    "TT": AFTER_SALES,  # a customer who left a message is called back
    "NE": TECHNICAL,  # stock exchange
    "IN": TECHNICAL,  # help with the internet site
}
ENGLISH_TYPE = "PE"
MIN_HANDLE_S = 1.0


def read_trace(path: Path, limit: int | None, seed: int) -> Day:
    """The log's conversations, the first `limit` of them by time.

    Nobody served the callers who hung up, so the log does not know how long they would have taken: each gets the
    handle time of a served call of the same type, drawn with `seed`. Raises TraceError.
    """
    calls = sorted(read_calls(path), key=lambda call: (call.day, call.arrival_s, call.id))[:limit]
    if not calls:
        raise TraceError(path, 2, "there is no call")
    served: dict[str, list[int]] = {}
    for call in calls:
        if call.handle_s:
            served.setdefault(call.type, []).append(call.handle_s)
    draw = random.Random(f"trace {seed}")
    first = calls[0].day
    conversations = [_conversation(call, first, served.get(call.type) or [0], draw) for call in calls]
    days = len({call.day for call in calls})
    return Day(f"{path.name}, {days} {'day' if days == 1 else 'days'} from {first}", conversations)


def _conversation(call: Call, first: date, served: Sequence[int], draw: random.Random) -> Conversation:
    handle_s = call.handle_s or draw.choice(served)
    return Conversation(
        id=call.id,
        arrival_s=(call.day - first).days * DAY_S + call.arrival_s,
        queue=QUEUE_OF_TYPE[call.type],
        channel=VOICE,
        demands={BASE_LANGUAGE: LANGUAGE_LEVEL} if call.type == ENGLISH_TYPE else {},
        customer=call.customer,
        tier=VIP if call.vip else "",
        handle_s=max(MIN_HANDLE_S, float(handle_s)),
        patience_s=call.patience_s,
    )
