"""Between protobuf's well-known types and what the program calculates with: microseconds and short names."""

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

MICROSECONDS = 1_000_000


def set_duration(target: Duration, microseconds: int) -> None:
    """Writes a number of microseconds; zero counts as present."""
    target.SetInParent()
    sign = -1 if microseconds < 0 else 1
    seconds, rest = divmod(abs(microseconds), MICROSECONDS)
    target.seconds, target.nanos = sign * seconds, sign * rest * 1_000


def duration_us(duration: Duration) -> int:
    """Microseconds of a Duration; what is finer is cut off."""
    seconds: int = duration.seconds
    return seconds * MICROSECONDS + int(duration.nanos / 1_000)


def is_duration(duration: Duration) -> bool:
    """Whether the parts agree: nanoseconds below a second and of the sign of the seconds."""
    seconds: int = duration.seconds
    nanos: int = duration.nanos
    return abs(nanos) < 1_000_000_000 and seconds * nanos >= 0


def set_timestamp(target: Timestamp, microseconds: int) -> None:
    """Writes microseconds since the epoch of the clock; 0, which stands for none, leaves the field empty."""
    if microseconds:
        seconds, rest = divmod(microseconds, MICROSECONDS)
        target.seconds, target.nanos = seconds, rest * 1_000


def enum_names(enum: EnumDescriptor) -> dict[str, int]:
    """Short lower-case names of an enum's values, the unspecified one left out."""
    prefix = enum_prefix(enum)
    return {value.name.lower().removeprefix(prefix): value.number for value in enum.values if value.number}


def enum_prefix(enum: EnumDescriptor) -> str:
    """What every value of the enum begins with, in lower case: "limit_action_"."""
    zero: str = enum.values_by_number[0].name
    return zero.lower().removesuffix("unspecified")
