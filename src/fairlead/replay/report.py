"""A replay for people: tables for a terminal, a page with plots. Both say what was assumed."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fairlead.replay.difference import Comparison
from fairlead.replay.ledger import SECOND_US, Ledger, moment
from fairlead.replay.recording import Recording
from fairlead.reports import plots
from fairlead.reports.page import Page
from fairlead.shard.beginning import Beginning
from fairlead.shard.core import JobState

ASSUMPTIONS = (
    "Jobs come as they came, with what was asked of them before any rule; agents are there as they were.",
    "A job takes its agents as long as it took them, whoever has it; an offer is answered as it was, after as long.",
    "A customer who gave up at a time gives up then, if nobody has the job by that time; one who was served waits on.",
    "A job that nobody had takes the median time of its queue. Offers where there were none are accepted at once.",
    "The policy is in force from the first record to the last; changes of the policy that were recorded are left out.",
    "Where the first records are gone, jobs that were live in the snapshot go on where they were, and the policy is "
    "applied to them as to those of a running daemon.",
)
MOST_CHANGES = 10  # of the policy, told one by one
STATES = {
    JobState.SCHEDULED: "scheduled",
    JobState.QUEUED: "waiting",
    JobState.OFFERED: "offered",
    JobState.ASSIGNED: "held",
    JobState.WRAPPING: "in after-work",
}
MOST_AGENTS = 40  # in a plot
HEADERS = ("", "before", "after", "change")


class Told(NamedTuple):
    """A replay with what it is about."""

    journal: str
    tenant: str
    policy: str
    records: int
    comparison: Comparison
    recording: Recording
    after: Ledger
    skipped: Mapping[str, int]

    @property
    def before(self) -> Ledger:
        """What was recorded."""
        return self.recording.ledger


def as_json(told: Told) -> dict[str, Any]:
    """Everything but single jobs; nan is None."""
    found = told.comparison
    return {
        "journal": told.journal,
        "tenant": told.tenant,
        "policy": told.policy,
        "records": told.records,
        "from_us": told.before.first_us,
        "to_us": told.before.last_us,
        "beginning": _beginning(told.recording.beginning),
        "policy_changes_not_followed": [
            {"time_us": time_us, "version": version} for time_us, version in told.recording.changes
        ],
        "changes": found.changes._asdict(),
        "before": _plain(found.before),
        "after": _plain(found.after),
        "queues": {name: {"before": _plain(a), "after": _plain(b)} for name, (a, b) in found.queues.items()},
        "agents": {name: {"before": _plain(a), "after": _plain(b)} for name, (a, b) in found.agents.items()},
        "not_carried_out": dict(told.skipped),
        "assumptions": list(ASSUMPTIONS),
    }


def _beginning(beginning: Beginning | None) -> dict[str, Any] | None:
    if beginning is None:
        return None
    return {
        "snapshot": beginning.snapshot,
        "record": beginning.sequence,
        "time_us": beginning.time_us,
        "policy_version": beginning.policy[0] if beginning.policy else 0,
        "live": {name.replace(" ", "_").replace("-", "_"): count for name, count in live(beginning).items()},
        "problems": list(beginning.problems),
    }


def live(beginning: Beginning) -> Mapping[str, int]:
    """How many jobs were live at the beginning, by where they were."""
    counts = Counter(job.state for job in beginning.jobs)
    return {name: counts[state] for state, name in STATES.items()}


def _plain(row: Any) -> dict[str, float | int | None]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row._asdict().items()
    }


def summary(told: Told) -> str:
    """One sentence about what would have changed."""
    changes = told.comparison.changes
    if changes.same == changes.jobs:
        return f"nothing would have changed: all {changes.jobs:,} jobs as they were"
    parts = [f"{changes.elsewhere:,} of {changes.jobs:,} jobs would have gone to another agent"]
    if changes.sooner or changes.later:
        parts.append(f"{changes.sooner:,} would have been served sooner, {changes.later:,} later")
    if changes.served_now or changes.served_no_longer:
        parts.append(f"{changes.served_now:,} more would have been served, {changes.served_no_longer:,} no longer")
    return "; ".join(parts)


def rows(told: Told) -> Iterator[tuple[str, str, str, str]]:
    """Name, before, after, change of every measure."""
    before, after = told.comparison.before, told.comparison.after
    if told.recording.beginning is not None:
        count = f"{len(told.recording.beginning.jobs):,}"
        yield "live at the beginning", count, count, ""
    for name in ("jobs", "served", "abandoned", "refused", "expired", "waiting"):
        was, now = getattr(before, name), getattr(after, name)
        yield name, f"{was:,}", f"{now:,}", f"{now - was:+,}" if now != was else ""
    for name, label in (
        ("wait_mean", "wait, mean s"),
        ("wait_p50", "wait, p50 s"),
        ("wait_p90", "wait, p90 s"),
        ("wait_p95", "wait, p95 s"),
    ):
        yield label, *_numbers(getattr(before, name), getattr(after, name), 1, ".1f")
    for name, label in (("in_time", "in time %"), ("own_agent", "own agent %")):
        yield label, *_numbers(getattr(before, name), getattr(after, name), 100, ".1f")
    yield "satisfaction", *_numbers(before.satisfaction, after.satisfaction, 1, ".0f")


def _numbers(was: float, now: float, scale: float, form: str) -> tuple[str, str, str]:
    shown = [f"{scale * value:{form}}" if math.isfinite(value) else "" for value in (was, now)]
    change = f"{scale * (now - was):+{form}}" if all(shown) and shown[0] != shown[1] else ""
    return shown[0], shown[1], change


def queue_rows(comparison: Comparison) -> Iterator[tuple[object, ...]]:
    """Of each queue: jobs, abandoned and waits before and after."""
    for name, (was, now) in comparison.queues.items():
        yield (
            name,
            was.jobs,
            now.jobs,
            was.abandoned,
            now.abandoned,
            *(
                f"{value:.1f}" if math.isfinite(value) else ""
                for value in (was.wait_mean, now.wait_mean, was.wait_p90, now.wait_p90)
            ),
        )


QUEUE_HEADERS = ("queue", "jobs", "after", "abandoned", "after", "wait mean s", "after", "wait p90 s", "after")
AGENT_HEADERS = ("agent", "jobs", "after", "share %", "after", "saturation %", "after")


def agent_rows(comparison: Comparison) -> Iterator[tuple[object, ...]]:
    """Of each agent: jobs, share and saturation before and after."""
    for name, (was, now) in comparison.agents.items():
        yield (
            name,
            was.jobs,
            now.jobs,
            *(
                f"{100 * value:.1f}" if math.isfinite(value) else ""
                for value in (was.share, now.share, was.saturation, now.saturation)
            ),
        )


def page(told: Told) -> Page:
    """The whole report. Plots need matplotlib (reports.plots)."""
    found = told.comparison
    made = Page(
        "What another policy would have changed",
        f"{told.policy} on the journal {told.journal}, tenant {told.tenant}: {told.records:,} records",
    )
    made.text(f"{summary(told)[0].upper()}{summary(told)[1:]}.", "verdict")
    for line in whence(told):
        made.text(line)
    made.table(HEADERS, rows(told))
    waits = {
        name: [wait / SECOND_US for fate in ledger.fates if (wait := fate.wait_us) is not None]
        for name, ledger in (("before", told.before), ("after", told.after))
    }
    made.figure(
        plots.ecdf({name: values for name, values in waits.items() if values}, x_label="wait, seconds"),
        "Which share of the jobs that were served had an agent within so long; the curve further left is better.",
    )
    made.figure(
        plots.lines(
            [_waiting(name, ledger) for name, ledger in (("before", told.before), ("after", told.after))],
            x_label="hours since the first record",
            y_label="jobs waiting",
            steps=True,
        ),
        "How many jobs waited.",
    )
    made.heading("Queues")
    made.table(QUEUE_HEADERS, queue_rows(found))
    made.heading("Agents")
    made.table(AGENT_HEADERS, agent_rows(found))
    if 0 < len(found.agents) <= MOST_AGENTS:
        for title, name in (("Share of the jobs, %", "share"), ("Saturation, %", "saturation")):
            groups = [
                plots.Bars(label, [100 * getattr(pair[place], name) for pair in found.agents.values()])
                for place, label in enumerate(("before", "after"))
            ]
            made.figure(plots.bars(list(found.agents), groups, title=title))
    made.heading("What this rests on")
    for line in ASSUMPTIONS:
        made.text(line)
    for why, count in sorted(told.skipped.items()):
        made.text(f"Not carried out {count:,} times: {why}", "note")
    return made


def _waiting(name: str, ledger: Ledger) -> plots.Series:
    """How many jobs waited, as steps; at most some thousand of them."""
    changes: list[tuple[int, int]] = []
    for fate in ledger.fates:
        until = ledger.last_us if fate.end_us is None else fate.end_us
        if fate.placements:
            until = fate.placements[0].time_us
        since = max(fate.start_us, ledger.first_us)
        if until > since:
            changes += [(since, 1), (until, -1)]
    hours, counts = [0.0], [0.0]
    level = 0
    for time_us, change in sorted(changes):
        level += change
        hours.append((time_us - ledger.first_us) / (3_600 * SECOND_US))
        counts.append(float(level))
    step = max(1, len(hours) // 4_000)
    return plots.Series(name, hours[::step], counts[::step])


def whence(told: Told) -> Iterator[str]:
    """What a reader must know of the recording: where it begins, and which policies were in force in it."""
    beginning, changes = told.recording.beginning, told.recording.changes
    if beginning is not None:
        found = ", ".join(f"{count:,} {name}" for name, count in live(beginning).items() if count)
        counts = f": {found}. They are counted; what was done with them before is not known" if found else ""
        yield (
            f"The records up to {beginning.sequence:,} are gone: this begins with {beginning.snapshot}, "
            f"{moment(beginning.time_us)}, in which {len(beginning.jobs):,} jobs were live{counts}."
        )
        yield from (f"An older snapshot was passed over: {problem}." for problem in beginning.problems)
    if changes:
        told_one_by_one = ", ".join(f"{version} at {moment(time_us)}" for time_us, version in changes[:MOST_CHANGES])
        more = f" and {len(changes) - MOST_CHANGES:,} more" if len(changes) > MOST_CHANGES else ""
        noun = "change" if len(changes) == 1 else "changes"
        yield (
            f"{len(changes):,} recorded {noun} of the policy not followed, since {told.policy} stands in for all: "
            f"version {told_one_by_one}{more}. What they changed is among the differences."
        )


def lines(told: Told) -> Sequence[str]:
    """What stands below the tables of a terminal."""
    return [*(f"not carried out {count:,} times: {why}" for why, count in sorted(told.skipped.items()))]
