"""Waiting in this process: for events, and for an agent who takes a job."""

from collections.abc import Iterator
from time import monotonic

from fairlead.arguments import microseconds
from fairlead.errors import error
from fairlead.shard.core import Assignment, EventFilter, JobState, Shard
from fairlead.views import Event

MAX_WAIT_US = 3_600_000_000
# Between looks at whether somebody wants the program to end.
LONGEST_SLEEP_US = 100_000


def wait_us_of(wait: float, virtual_time: bool) -> int:
    """The microseconds an assign may wait. Raises InvalidArgument."""
    wait_us = microseconds(wait, "wait")
    if not 0 <= wait_us <= MAX_WAIT_US:
        raise error("INVALID_FIELD", f"wait is {wait!r}; 0 to 3600 seconds are allowed", "wait")
    if virtual_time:
        raise error("INVALID_FIELD", "virtual time stands while a call waits: assign without wait", "wait")
    return wait_us


def placed(shard: Shard, first: Assignment, tenant: str, wait_us: int) -> Assignment:
    """The answer once the job waits no longer, or the time is over. Fires timers meanwhile."""
    until = shard.now_us + wait_us
    while True:
        seen = shard.last_event
        answer = shard.present(tenant, first.job_id, first.repeated)
        left = until - shard.now_us
        if answer.state not in (JobState.QUEUED, JobState.SCHEDULED) or left <= 0:
            return answer
        due = shard.tick()
        shard.wait_events(seen, min(left, LONGEST_SLEEP_US if due < 0 else due, LONGEST_SLEEP_US))


def events(shard: Shard, wanted: EventFilter, position: int, timeout_us: int | None) -> Iterator[Event]:
    """Events after a position, until none came for so long."""
    idle_since = monotonic()
    while True:
        batch = shard.events(position)
        position = batch.last
        rows = batch.rows(wanted)
        yield from map(Event.of, rows)
        if rows:
            idle_since = monotonic()
        elif not len(batch):
            left = LONGEST_SLEEP_US
            if timeout_us is not None:
                left = min(left, timeout_us - round((monotonic() - idle_since) * 1_000_000))
                if left <= 0:
                    return
            shard.wait_events(position, left)
