"""Which rules can never match, because an earlier one matches whatever they match (L2).

A rule is hidden by an earlier one when each condition of the earlier one follows from a condition of its own. That is
sound: what is told is always true. It is not complete: several rules that hide one together are not seen.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from fairlead.v1 import policy_pb2

# One value of one condition that an earlier rule asks, by which later rules find it: ("channel", "voice").
_Handle = tuple[str, ...]


def shadows(matches: Sequence[policy_pb2.Match], channels: frozenset[str]) -> Mapping[int, int]:
    """From the index of each hidden rule to that of the first rule that hides it.

    Every rule is filed under its rarest condition and compared only with later rules that have it, so a thousand rules
    over different labels cost a thousand look-ups.
    """
    handles = [list(_conditions(match, channels)) for match in matches]
    common = Counter(handle for conditions in handles for condition in conditions for handle in condition)
    filed: dict[_Handle, list[int]] = {}
    hidden: dict[int, int] = {}
    for index, match in enumerate(matches):
        # A rule without conditions has the empty handle, which everyone asks for.
        candidates = sorted({earlier for handle in _asked(match) for earlier in filed.get(handle, ())})
        found = next((earlier for earlier in candidates if _covers(matches[earlier], match, channels)), None)
        if found is not None:
            # What it hides is hidden by the earlier one too.
            hidden[index] = found
            continue
        conditions = handles[index]
        rarest = min(conditions, key=lambda condition: sum(common[handle] for handle in condition), default=[()])
        for handle in rarest:
            filed.setdefault(handle, []).append(index)
    return hidden


def matches_all(match: policy_pb2.Match, channels: frozenset[str]) -> bool:
    """Whether a rule matches every job there can be."""
    return next(_conditions(match, channels), None) is None


def why_never(match: policy_pb2.Match) -> str:
    """Why no job can match this; empty when some can."""
    if match.schedule and match.schedule == match.not_schedule:
        return f"schedule {match.schedule} cannot be open and closed"
    if match.scenario and match.scenario == match.not_scenario:
        return f"scenario {match.scenario} cannot be on and off"
    allowed: dict[str, set[str]] = {}
    for label in match.labels:
        if label.values:
            values = allowed.setdefault(label.key, set(label.values))
            values &= set(label.values)
            if not values:
                return f"label {label.key} cannot have two values"
    return ""


def _conditions(match: policy_pb2.Match, channels: frozenset[str]) -> Iterator[list[_Handle]]:
    """The conditions of a rule; each as the handles of which a hidden rule must ask for one."""
    for label in match.labels:
        yield [("label", label.key, value) for value in label.values] or [("label", label.key)]
    if match.channels and not channels <= set(match.channels):
        yield [("channel", name) for name in match.channels]
    for kind, names in (
        ("language", [name.lower() for name in match.languages]),
        ("tier", match.customer_tiers),
        ("queue", match.queues),
    ):
        if names:
            yield [(kind, name) for name in names]
    for kind, name in _switches(match):
        yield [(kind, name)]
    if match.min_customer_value:
        yield [("least",)]
    if match.max_customer_value:
        yield [("most",)]


def _asked(match: policy_pb2.Match) -> Iterator[_Handle]:
    """Every handle under which a rule that hides this one may be filed."""
    yield ()
    for label in match.labels:
        yield ("label", label.key)
        yield from (("label", label.key, value) for value in label.values[:1])
    yield from (("channel", name) for name in match.channels[:1])
    for language in match.languages[:1]:
        parts = language.lower().split("-")
        yield from (("language", "-".join(parts[:size])) for size in range(1, len(parts) + 1))
    yield from (("tier", name) for name in match.customer_tiers[:1])
    yield from (("queue", name) for name in match.queues[:1])
    yield from _switches(match)
    if match.min_customer_value:
        yield ("least",)
    if match.max_customer_value:
        yield ("most",)


def _switches(match: policy_pb2.Match) -> Iterator[tuple[str, str]]:
    for kind in ("schedule", "not_schedule", "scenario", "not_scenario"):
        name = getattr(match, kind)
        if name:
            yield kind, name


def _covers(wide: policy_pb2.Match, narrow: policy_pb2.Match, channels: frozenset[str]) -> bool:
    """Whether every condition of `wide` follows from one of `narrow`."""
    if not set(_switches(wide)) <= set(_switches(narrow)):
        return False
    if wide.min_customer_value > narrow.min_customer_value:
        return False
    if wide.max_customer_value and not 0 < narrow.max_customer_value <= wide.max_customer_value:
        return False
    if not channels <= set(wide.channels) and not _within(narrow.channels, wide.channels):
        return False
    return (
        _within(narrow.customer_tiers, wide.customer_tiers)
        and _within(narrow.queues, wide.queues)
        and _languages_within(narrow.languages, wide.languages)
        and all(
            any(own.key == label.key and _within(own.values, label.values) for own in narrow.labels)
            for label in wide.labels
        )
    )


def _within(narrow: Sequence[str], wide: Sequence[str]) -> bool:
    return not wide or (bool(narrow) and set(narrow) <= set(wide))


def _languages_within(narrow: Sequence[str], wide: Sequence[str]) -> bool:
    if not wide:
        return True
    prefixes = {name.lower() for name in wide}
    return bool(narrow) and all(_speaks(name.lower(), prefixes) for name in narrow)


def _speaks(language: str, prefixes: set[str]) -> bool:
    parts = language.split("-")
    return any("-".join(parts[:size]) in prefixes for size in range(1, len(parts) + 1))
