"""What is Router's own: seconds and datetimes over microseconds, virtual time, snapshots, lazy names of the package."""

import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import fairlead
from fairlead import InvalidArgument, JobState, Outcome, Presence, Reason, Router

ZERO = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def router() -> Router:
    router = Router(virtual_time=True)
    router.advance_to(1000)
    return router


def test_every_name_of_the_package_is_there() -> None:
    for name in fairlead.__all__:
        assert getattr(fairlead, name) is not None
    with pytest.raises(AttributeError, match="Ruter"):
        fairlead.Ruter  # noqa: B018


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["version"] == fairlead.__version__


def test_without_the_compiled_part_importing_says_in_one_line_how_to_build_it() -> None:
    code = (
        "import sys, importlib.machinery as m\n"
        "class NoExtension(m.PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        spec = m.PathFinder.find_spec(name, path, target)\n"
        "        return None if spec and str(spec.origin).endswith('.so') and name.startswith('fairlead') else spec\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if f is not m.PathFinder] + [NoExtension]\n"
        "from fairlead import FairleadError\n"
        "from fairlead import Router\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError")
    assert "make build" in last


def test_times_are_seconds_going_in_and_datetimes_coming_out(router: Router) -> None:
    router.create_agent("ann", presence=Presence.ONLINE)
    router.assign("j1", head_start=1.5)
    router.advance_to(1060.25)
    router.complete("j1", 1)
    job = router.job("j1")
    assert job.head_start == 1.5
    assert job.create_time == job.assign_time == ZERO + timedelta(seconds=1000)
    assert job.end_time == router.now == ZERO + timedelta(seconds=1060, microseconds=250_000)
    assert router.agent("ann").last_given_time == ZERO + timedelta(seconds=1000)


def test_virtual_time_fires_timers_exactly(router: Router) -> None:
    router.update_policy({"queues": [{"id": "q", "max_wait": "60s"}]})
    router.assign("waits", time_to_live=90)
    router.assign("starts", start_time=1030)
    router.assign("starts later", start_time=ZERO + timedelta(seconds=1040))
    assert router.tick() == 30
    router.advance_to(1029.999999)
    assert router.job("starts").state == JobState.SCHEDULED
    router.advance_to(ZERO + timedelta(seconds=1030))
    assert router.job("starts").state == JobState.QUEUED
    router.advance_to(1060)
    assert (router.job("waits").state, router.job("waits").reason) == (JobState.CANCELLED, Reason.MAX_WAIT)
    assert router.job("waits").end_time == ZERO + timedelta(seconds=1060)


def test_a_router_without_timers_says_so() -> None:
    assert Router().tick() is None


def test_time_does_not_go_back(router: Router) -> None:
    with pytest.raises(fairlead.FairleadError):
        router.advance_to(999)
    assert router.now == ZERO + timedelta(seconds=1000)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("job.head_start", {"head_start": float("nan")}),
        ("job.head_start", {"head_start": float("inf")}),
        ("job.head_start", {"head_start": "90s"}),
        ("job.time_to_live", {"time_to_live": float("-inf")}),
        ("job.wanted_agent.hold", {"wanted_agent": "a", "wanted_hold": float("nan")}),
        ("job.start_time", {"start_time": datetime(2030, 1, 1)}),
        ("job.start_time", {"start_time": float("nan")}),
    ],
)
def test_what_is_no_length_of_time_is_refused_with_its_field(router: Router, field: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as raised:
        router.assign("j1", **wrong)
    assert raised.value.field == field
    assert list(router.jobs()) == []


def test_text_is_no_list_of_names(router: Router) -> None:
    for wrong in ({"skills": "de"}, {"tags": "night"}):
        with pytest.raises(InvalidArgument):
            router.create_agent("ann", **wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument):
        router.heartbeat("ann")


@pytest.mark.parametrize("presence", ["ONLINE", None, 5])
def test_a_presence_that_is_none_is_refused(router: Router, presence: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        router.create_agent("cy", presence=presence)
    assert raised.value.field == "agent.presence"
    router.create_agent("cy")
    with pytest.raises(InvalidArgument) as raised:
        router.set_presence("cy", presence)
    assert raised.value.field == "presence"


def test_a_transfer_has_one_target(router: Router) -> None:
    with pytest.raises(InvalidArgument, match="one target"):
        router.transfer("j1", 1, agent="ann", queue="q")


def test_demands_are_names_levels_or_ranges(router: Router) -> None:
    router.create_agent("ann", skills={"de": 5}, capacity=9, presence=Presence.ONLINE)
    outcomes = [
        router.assign(f"j{number}", skills=skills).outcome
        for number, skills in enumerate([["de"], {"de": 5}, {"de": (1, 5)}, {"de": 6}, {"de": (1, 4)}])
    ]
    assert outcomes == [Outcome.ASSIGNED] * 3 + [Outcome.QUEUED] * 2


def test_a_batch_takes_what_assign_takes(router: Router) -> None:
    answers = router.batch_assign([{"job_id": "j1", "head_start": 3}, {"job_id": "j1", "head_start": 4}], tenant="t")
    assert isinstance(answers[0], fairlead.Assignment)
    assert isinstance(answers[1], fairlead.AlreadyExists)


def test_policies_come_as_text_too(router: Router) -> None:
    assert router.update_policy("queues = [{ id = 'a' }]")["queues"] == [{"id": "a"}]
    assert router.update_policy('{"queues": [{"id": "b"}]}')["version"] == 2
    assert router.status().policy_version == 2


def test_status_counts_by_presence_and_state(router: Router) -> None:
    router.create_agent("ann", capacity=3, presence=Presence.ONLINE)
    router.create_agent("bob")
    router.assign("j1")
    router.assign("j2", skills=["none"])
    router.advance_to(1007)
    status = router.status()
    assert (status.agents[Presence.ONLINE], status.agents[Presence.OFFLINE]) == (1, 1)
    assert (status.load, status.capacity) == (1, 3)
    assert (status.jobs[JobState.ASSIGNED], status.jobs[JobState.QUEUED]) == (1, 1)
    (queue,) = status.queues
    assert (queue.id, queue.waiting_count, queue.longest_wait) == ("default", 1, 7)
    assert status.state_hash == router.state_hash()
    assert router.check() == []


def test_who_had_a_job_is_told_after_its_end_too(router: Router) -> None:
    """E3: without a journal what gave it to them is all that is known."""
    router.create_agent("ann", presence=Presence.ONLINE)
    router.complete("j", router.assign("j").version)
    assert router.explain("j").summary == (
        "Job j is completed. Agent ann had it: "
        "decided by strategy least_load with load 0 of 1 before, after 0.0 s of waiting."
    )


def test_two_routers_share_nothing() -> None:
    one, other = Router(virtual_time=True), Router(virtual_time=True)
    one.create_agent("ann")
    assert other.agents() == []
    assert one.state_hash() != other.state_hash()
