"""Values of the command line: durations, skills, labels, names of enums. Each refuses by showing the form."""

import argparse
import re
from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from fairlead.durations import parse_duration
from fairlead.protobuf import set_duration
from fairlead.v1 import agent_pb2, job_pb2, routing_service_pb2, skill_pb2

_LEVEL = re.compile(r"\d{1,4}")


def duration(text: str) -> Duration:
    """90s, 1.5m, 1h30m, 250ms; a bare number is seconds."""
    out = Duration()
    try:
        microseconds = parse_duration(f"{text}s" if re.fullmatch(r"\d+(\.\d+)?", text) else text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None
    set_duration(out, microseconds)
    return out


def natural(text: str) -> int:
    """1 or more."""
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def span(text: str) -> float:
    """As `duration`, in seconds."""
    return duration(text).ToTimedelta().total_seconds()


def moment(text: str) -> Timestamp:
    """An ISO time, local when it has no offset."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; write 2026-05-04T09:30 or 2026-05-04T09:30:00+02:00"
        ) from None
    out = Timestamp()
    out.FromDatetime(parsed.astimezone(UTC))
    return out


def skill(text: str) -> skill_pb2.Skill:
    """NAME or NAME:LEVEL. A name may hold colons; what follows the last one is the level when it is a number."""
    name, levels = _split(text)
    if "-" in levels:
        raise argparse.ArgumentTypeError(f"{text!r}: an agent has one level; write {name}:5")
    return skill_pb2.Skill(name=name, level=int(levels or 0))


def skill_demand(text: str) -> skill_pb2.SkillDemand:
    """NAME, NAME:MIN or NAME:MIN-MAX."""
    name, levels = _split(text)
    low, _, high = levels.partition("-")
    return skill_pb2.SkillDemand(name=name, min_level=int(low or 0), max_level=int(high or 0))


def _split(text: str) -> tuple[str, str]:
    name, colon, levels = text.rpartition(":")
    parts = levels.split("-")
    if colon and name and len(parts) <= 2 and all(_LEVEL.fullmatch(part) for part in parts):
        return name, levels
    if not text:
        raise argparse.ArgumentTypeError("a skill needs a name; write en or en:3")
    if text.endswith(":"):
        raise argparse.ArgumentTypeError(f"{text!r} has no level; write {text[:-1]}:3 or {text[:-1]}")
    return text, ""


def channel_limit(text: str) -> agent_pb2.ChannelLimit:
    """CHANNEL:JOBS."""
    channel, colon, count = text.rpartition(":")
    if not colon or not channel or not re.fullmatch(r"\d{1,9}", count):
        raise argparse.ArgumentTypeError(f"{text!r} is no channel limit; write voice:1")
    return agent_pb2.ChannelLimit(channel=channel, max_jobs=int(count))


def label(text: str) -> tuple[str, str]:
    """KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is no label; write key=value")
    return key, value


def presence(text: str) -> int:
    """ONLINE, AWAY, DRAINING or OFFLINE, in any case."""
    return agent_pb2.Presence.Value(_member(text, "PRESENCE_", agent_pb2.Presence.keys()))


def job_state(text: str) -> int:
    """A state of J1, in any case."""
    return job_pb2.JobState.Value(_member(text, "JOB_STATE_", job_pb2.JobState.keys()))


def affinity_mode(text: str) -> int:
    """OFF, PREFER or REQUIRE, in any case."""
    return job_pb2.AffinityMode.Value(_member(text, "AFFINITY_MODE_", job_pb2.AffinityMode.keys()))


def event_kind(text: str) -> int:
    """A kind of event of E4, in any case."""
    return routing_service_pb2.EventKind.Value(_member(text, "EVENT_KIND_", routing_service_pb2.EventKind.keys()))


def _member(text: str, prefix: str, names: list[str]) -> str:
    known = [name.removeprefix(prefix).lower() for name in names if not name.endswith("_UNSPECIFIED")]
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(known)}")
    return prefix + text.upper()
