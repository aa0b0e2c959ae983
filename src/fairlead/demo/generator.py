"""A day of a support centre, from a seed: the same seed and size give the same day on every machine.

Arrivals are a Poisson process whose rate follows the hours, drawn by thinning (Lewis and Shedler 1979) and conditioned
on the number of conversations. Handle times are lognormal (Brown et al. 2005 found so in a bank's calls), patience is
Weibull, one visit in four is of a customer who was there before, some customers are VIPs. Each aspect draws from its
own stream, so that a change of one leaves the others as they were.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from fairlead.demo.day import AFTER_SALES, CHANNEL_COST, CHAT, ORDERS, TECHNICAL, VIP, VOICE, Conversation, Day
from fairlead.demo.team import BASE_LANGUAGE, LANGUAGE_LEVEL, SECOND_LINE_LEVEL

OPENS_S = 7 * 3_600.0
CLOSES_S = 23 * 3_600.0

# The curve of the hours: (peak at, width, height) over a floor. Morning and afternoon peaks, a smaller evening one.
_PEAKS = ((10.5, 1.3, 1.0), (15.5, 1.8, 0.85), (20.0, 1.4, 0.45))
_FLOOR = 0.12

# Of all conversations. The rest speak the base language, which every agent does.
_LANGUAGES = (("es", 0.12), ("fr", 0.08), ("de", 0.05))
_VIP_SHARE = 0.07
_RETURNING_SHARE = 0.25
# A VIP or returning customer is one of the last so many, so that affinity has something to remember.
_RECENT_CUSTOMERS = 400


@dataclass(frozen=True, slots=True)
class Kind:
    """How the conversations of one queue are: their share, channel, length and patience."""

    queue: str
    share: float
    # Share of the evening: how much more (or less) of it comes after 18:00.
    evening: float
    voice_share: float
    handle_mean_s: float
    # Standard deviation of the logarithm of the handle time.
    handle_sigma: float
    patience_mean_s: float
    # Share that only the second line can answer.
    hard_share: float


KINDS = (
    Kind(ORDERS, 0.46, 0.9, 0.04, 160.0, 0.75, 150.0, 0.0),
    Kind(AFTER_SALES, 0.34, 1.0, 0.08, 250.0, 0.85, 240.0, 0.0),
    Kind(TECHNICAL, 0.20, 1.3, 0.06, 380.0, 0.95, 300.0, 0.2),
)
_PATIENCE_SHAPE = 1.3
_EVENING_S = 18 * 3_600.0
MIN_HANDLE_S = 5.0


def rate(second: float) -> float:
    """Arrival rate at a second of the day, relative to the morning peak; 0 outside the hours."""
    if not OPENS_S <= second < CLOSES_S:
        return 0.0
    hour = second / 3_600.0
    return _FLOOR + sum(height * math.exp(-(((hour - at) / spread) ** 2) / 2) for at, spread, height in _PEAKS)


def generate_day(jobs: int, seed: int, handle_scale: float = 1.0) -> Day:
    """A day of exactly `jobs` conversations; every handle time is multiplied by `handle_scale`."""
    arrivals = _arrivals(jobs, random.Random(f"arrivals {seed}"))
    kinds = random.Random(f"kinds {seed}")
    lengths = random.Random(f"lengths {seed}")
    customers = _Customers(random.Random(f"customers {seed}"))
    conversations = []
    for number, second in enumerate(arrivals, 1):
        kind = _kind(second, kinds)
        channel = VOICE if kinds.random() < kind.voice_share else CHAT
        handle_s = _lognormal(kind.handle_mean_s, kind.handle_sigma, lengths) * handle_scale
        customer, tier = customers.visit()
        conversations.append(
            Conversation(
                id=f"c-{number:06d}",
                arrival_s=second,
                queue=kind.queue,
                channel=channel,
                demands=_demands(kind, kinds),
                customer=customer,
                tier=tier,
                handle_s=max(MIN_HANDLE_S, handle_s),
                patience_s=_weibull(kind.patience_mean_s, lengths),
            )
        )
    return Day(f"generated, seed {seed}", conversations)


def mean_work_units() -> float:
    """Capacity-seconds that an average conversation takes at handle scale 1."""
    return sum(kind.share * kind.handle_mean_s * (1 + kind.voice_share * (CHANNEL_COST[VOICE] - 1)) for kind in KINDS)


def peak_rate_per_job() -> float:
    """Arrivals per second at the busiest moment, for a day of one conversation."""
    step = 300.0
    seconds = [OPENS_S + step * number for number in range(int((CLOSES_S - OPENS_S) / step))]
    rates = [rate(second) for second in seconds]
    return max(rates) / (sum(rates) * step)


def _arrivals(jobs: int, draw: random.Random) -> list[float]:
    ceiling = max(rate(OPENS_S + 60.0 * minute) for minute in range(int((CLOSES_S - OPENS_S) / 60)))

    def thinned() -> Iterator[float]:
        while True:
            second = draw.uniform(OPENS_S, CLOSES_S)
            # 1.01: the true maximum may lie between two of the minutes that were looked at.
            if draw.random() * ceiling * 1.01 < rate(second):
                yield second

    source = thinned()
    return sorted(next(source) for _ in range(jobs))


def _kind(second: float, draw: random.Random) -> Kind:
    weights = [kind.share * (kind.evening if second >= _EVENING_S else 1.0) for kind in KINDS]
    return draw.choices(KINDS, weights)[0]


def _demands(kind: Kind, draw: random.Random) -> dict[str, int]:
    point, language = draw.random(), BASE_LANGUAGE
    for name, share in _LANGUAGES:
        point -= share
        if point < 0:
            language = name
            break
    demands = {language: LANGUAGE_LEVEL}
    if draw.random() < kind.hard_share:
        demands[kind.queue] = SECOND_LINE_LEVEL
    return demands


def _lognormal(mean: float, sigma: float, draw: random.Random) -> float:
    return draw.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma)


def _weibull(mean: float, draw: random.Random) -> float:
    return draw.weibullvariate(mean / math.gamma(1 + 1 / _PATIENCE_SHAPE), _PATIENCE_SHAPE)


class _Customers:
    """Who comes: new customers, and some of the recent ones again with the tier they had."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._recent: list[tuple[str, str]] = []
        self._count = 0

    def visit(self) -> tuple[str, str]:
        """(customer, tier) of the next visit."""
        if self._recent and self._draw.random() < _RETURNING_SHARE:
            return self._draw.choice(self._recent)
        self._count += 1
        customer = (f"customer-{self._count:06d}", VIP if self._draw.random() < _VIP_SHARE else "")
        if len(self._recent) < _RECENT_CUSTOMERS:
            self._recent.append(customer)
        else:
            self._recent[self._draw.randrange(_RECENT_CUSTOMERS)] = customer
        return customer
