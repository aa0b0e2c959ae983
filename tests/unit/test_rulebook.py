"""L1, L4: what the book of policies keeps, calendars that are renewed, and trials that leave nothing behind."""

from typing import Any

import pytest

from fairlead.errors import NotFound
from fairlead.policy.calendar import DAY_US, HORIZON_DAYS, RENEW_DAYS
from fairlead.policy.compile import compile_policy
from fairlead.policy.document import load
from fairlead.router import Router
from fairlead.rulebook.book import RuleBook
from fairlead.rulebook.history import KEPT_VERSIONS, Edition, History
from fairlead.shard.core import EventFilter, EventKind, Outcome, Presence, Shard

SCHEDULE = {"id": "open", "weekly": [{"days": ["mon"], "open": "09:00", "close": "17:00"}]}
WITH_CALENDAR: dict[str, Any] = {"queues": [{"id": "q"}], "schedules": [SCHEDULE]}
PLAIN: dict[str, Any] = {"queues": [{"id": "q"}]}
DUE_US = (HORIZON_DAYS - RENEW_DAYS) * DAY_US


@pytest.fixture
def shard() -> Shard:
    made = Shard(virtual_time=True)
    # An hour after the zero of time, which stands for no time.
    made.advance_to(3_600_000_000)
    return made


def test_the_last_hundred_versions_are_kept(shard: Shard) -> None:
    book = RuleBook(shard)
    for number in range(KEPT_VERSIONS + 5):
        book.update("t", PLAIN | {"seed": number}, author=f"a{number}")
    kept = book.versions("t")
    assert [edition.version for edition in kept] == list(range(KEPT_VERSIONS + 5, 5, -1))
    assert kept[-1].policy().seed == 5
    with pytest.raises(NotFound) as raised:
        book.policy("t", 5)
    assert "6 to 105 are kept" in raised.value.message
    assert book.versions("other") == ()
    with pytest.raises(NotFound) as raised:
        book.rollback("other", 1)
    assert "none are kept" in raised.value.message


def test_what_others_installed_is_kept_too(shard: Shard) -> None:
    """A policy that the daemon was started with, for one."""
    shard.install_policy("t", compile_policy(load(PLAIN), "file"))
    book = RuleBook(shard)
    book.update("t", PLAIN | {"seed": 9})
    assert [(edition.version, edition.author) for edition in book.versions("t")] == [(2, ""), (1, "file")]


def test_a_repeated_request_is_answered_with_its_own_version_also_on_another_day(shard: Shard) -> None:
    """J4: the calendar of the same document is another one then."""
    book = RuleBook(shard)
    document = WITH_CALENDAR | {"retention": "24h"}
    assert book.update("t", document, request_id="r").policy.version == 1
    book.update("t", document | {"seed": 1})
    shard.advance_to(shard.now_us + DAY_US // 2)
    again = book.update("t", document, request_id="r").policy
    assert (again.version, again.seed) == (1, 0)
    assert book.policy("t").version == 2


def test_an_edition_is_noted_once() -> None:
    history = History()
    document = load(PLAIN).SerializeToString()
    history.add(Edition.of(3, document, "ann", 5))
    history.add(Edition.of(3, document, "bob", 6))
    (only,) = history.newest_first()
    assert (only.author, only.policy().author, only.policy().update_time.ToMicroseconds()) == ("ann", "ann", 5)


def test_a_calendar_is_renewed_when_a_year_of_it_is_left(shard: Shard) -> None:
    book = RuleBook(shard)
    book.update("with", WITH_CALENDAR, author="ann")
    book.update("without", PLAIN)
    assert book.renew_calendars() == []
    shard.advance_to(3_600_000_000 + DUE_US - 1)
    assert book.renew_calendars() == []
    shard.advance_to(3_600_000_000 + DUE_US)
    events = shard.last_event
    assert book.renew_calendars() == ["with"]
    assert book.renew_calendars() == []
    (only,) = book.versions("with")
    assert (only.version, only.author, only.time_us) == (1, "ann", 3_600_000_000)
    assert shard.assign("with", "j").policy_version == 1, "L3: nobody changed the policy"
    assert [row[2] for row in shard.events(events).rows(EventFilter(kinds=[EventKind.POLICY_CHANGED]))] == []


def test_the_router_renews_calendars(shard: Shard) -> None:
    router = Router(virtual_time=True)
    router.advance_to(60)
    router.update_policy(WITH_CALENDAR)
    router.advance_to(60 + DUE_US / 1e6)
    assert router.renew_calendars() == ["default"]
    assert router.policy()["version"] == 1
    router.advance_to(60 + 2 * DUE_US / 1e6)
    assert router.renew_calendars() == ["default"], "the calendar is a new one and ends later"


def test_a_trial_is_about_the_time_it_is_given() -> None:
    """L4: and a start in the future does not put it off."""
    router = Router(virtual_time=True)
    router.create_agent("ann", presence=Presence.ONLINE)
    trial = router.test_policy({"job_id": "j", "start_time": 5_000.0, "time_to_live": 60}, time=4_000.0)
    assert (trial.outcome, trial.agent_id) == (Outcome.ASSIGNED, "ann")
    assert router.policy_versions() == []


def test_a_trial_knows_limits_of_channels_and_those_who_hold_too_much() -> None:
    """C1, C2."""
    router = Router(virtual_time=True)
    channels = [{"id": "chat", "max_jobs": 3}, {"id": "mail"}]
    router.update_policy({"queues": [{"id": "q"}], "channels": channels})
    router.create_agent("ann", capacity=5, channel_limits={"mail": 1}, presence=Presence.ONLINE)
    router.create_agent("bob", capacity=3, presence=Presence.ONLINE)
    router.assign("m1", channel="mail", wanted_agent="ann")
    for number in range(3):
        router.assign(f"c{number}", wanted_agent="bob")
    router.update_agent("bob", capacity=1)
    mail = router.test_policy({"job_id": "j", "channel": "mail"})
    assert {agent: cause for agent, cause, _ in mail.excluded} == {"ann": "channel_full", "bob": "full"}
    chat = router.test_policy({"job_id": "j"})
    assert chat.agent_id == "ann"
    # In a policy without mail the mail is still work, of whatever kind.
    other = router.test_policy({"job_id": "j"}, policy={"queues": [{"id": "x"}]})
    assert other.candidates[0][0] == "ann"


def test_a_full_queue_is_no_matter_of_a_trial_but_where_it_overflows_when_nobody_is_there_is() -> None:
    router = Router(virtual_time=True)
    members = {"agents": ["nobody"]}
    router.create_agent("ann", presence=Presence.ONLINE)
    queues = [
        {"id": "held already", "members": members, "max_length": 1, "on_max_length": "overflow", "overflow_queue": "b"},
        {"id": "b"},
    ]
    router.update_policy({"queues": queues, "default_queue": "held already"})
    trial = router.test_policy({"job_id": "j"})
    assert (trial.queue, trial.outcome) == ("held already", Outcome.QUEUED)


def test_a_trial_knows_who_has_been_idle_longest() -> None:
    """T2: idle_time goes by the end of the last job, also of who holds another; who never let one go comes first."""
    router = Router(virtual_time=True)
    router.update_policy({"queues": [{"id": "q", "strategy": "idle_time"}]})
    router.advance_to(100)
    team = ("ann", "bob", "cy")
    for agent in team:
        router.create_agent(agent, presence=Presence.ONLINE, capacity=2)
    versions = {agent: router.assign(agent, wanted_agent=agent).version for agent in team}
    for minute, agent in enumerate(("cy", "ann", "bob"), 2):
        router.advance_to(100 * minute)
        router.complete(agent, versions[agent])
    router.assign("another", wanted_agent="cy")
    router.create_agent("new", presence=Presence.ONLINE)
    trial = router.test_policy({"job_id": "j"})
    assert [candidate for candidate, _ in trial.candidates] == ["new", "cy", "ann", "bob"]
    assert router.assign("j").agent_id == trial.agent_id == "new"
