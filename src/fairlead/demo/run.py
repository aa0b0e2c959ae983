"""The demo from start to end: day, team, roster, daemon, set-up, play, audit, report."""

import asyncio
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from fairlead.demo.audit import Check, audit
from fairlead.demo.calls import Clients
from fairlead.demo.clock import DayClock
from fairlead.demo.day import Day
from fairlead.demo.generator import generate_day, mean_work_units, peak_rate_per_job
from fairlead.demo.ledger import Ledger
from fairlead.demo.play import Play
from fairlead.demo.progress import Progress
from fairlead.demo.report import Report, make_report
from fairlead.demo.roster import OFFLINE, TARGET_LOAD, PresenceChange, plan_roster
from fairlead.demo.server import DaemonProcess
from fairlead.demo.team import MEAN_CAPACITY, AgentPlan, build_policy, build_team
from fairlead.errors import FairleadError
from fairlead.v1 import admin_service_pb2, agent_service_pb2, policy_service_pb2

DEFAULT_JOBS = 15_000
MAX_AGENTS = 1_000
# A play is as fast as its busiest hour allows, at so many calls a second: the clients share the machine with the
# daemon. A conversation is an Assign, a CompleteJob, and now and then a question about a waiting one.
PEAK_CALLS_PER_S = 1_500.0
CALLS_PER_CONVERSATION = 2.4
# Above it a call's own millisecond is a noticeable part of a conversation.
MAX_SPEED = 10_000.0
# How long an agent is held by the calls around a conversation, in seconds of the clock.
CALL_S = 0.0025
VERIFY_INTERVAL_S = 5.0
# Share of a team that is not on a break or between shifts in the busiest hour.
PRESENT_SHARE = 0.9
HOUR_S = 3_600.0
EXIT_TERMINATED = 143


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; None: as the demo thinks best."""

    jobs: int | None
    seed: int
    agents: int
    trace: Path | None
    speed: float | None


def run_demo(options: Options, progress_stream: TextIO) -> Report:
    """Plays a day and reports. Raises FairleadError for a bad trace or a daemon that does not start or is lost."""
    day, handle_scale = _day(options)
    team = build_team(options.agents, day)
    speed = options.speed or _speed(day)
    roster = plan_roster(day, team, CALL_S * speed)
    with _terminable():
        daemon = DaemonProcess()
        try:
            ledger = Ledger(day.conversations, team)
            progress = Progress(progress_stream, len(day.conversations))
            stage = _Stage(day, team, roster, ledger, progress, speed)
            checks, facts = asyncio.run(stage.perform(daemon.address))
        finally:
            code = daemon.stop()
    checks.append(Check("the daemon stopped in order", 1, [f"exit code {code}"] if code else []))
    play: Report = {"source": day.source, "seed": options.seed, "agents": len(team), "handle_scale": handle_scale}
    return make_report(ledger, checks, stage.latencies_s, play | facts)


def _day(options: Options) -> tuple[Day, float]:
    """The day and what its handle times were scaled by."""
    if options.trace is not None:
        # The reader of a log is not needed to generate a day.
        from fairlead.demo.trace import read_trace

        return read_trace(options.trace, options.jobs, options.seed), 1.0
    jobs = options.jobs or DEFAULT_JOBS
    holds = options.agents * MEAN_CAPACITY * TARGET_LOAD * PRESENT_SHARE
    scale = min(1.0, holds / (jobs * peak_rate_per_job() * mean_work_units()))
    return generate_day(jobs, options.seed, scale), scale


def _speed(day: Day) -> float:
    """Seconds of the day per second of the clock, rounded to what people can read."""
    arrivals: dict[int, int] = {}
    for conversation in day.conversations:
        hour = int(conversation.arrival_s // HOUR_S)
        arrivals[hour] = arrivals.get(hour, 0) + 1
    peak_calls_per_day_s = max(arrivals.values()) / HOUR_S * CALLS_PER_CONVERSATION
    return float(round(min(MAX_SPEED, PEAK_CALLS_PER_S / peak_calls_per_day_s), -1)) or 1.0


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does, so that its daemon ends with it, but with a code of its own."""
    terminated = False

    def leave(_number: int, _frame: object) -> None:
        nonlocal terminated
        terminated = True
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # Shells start what runs in the background of a script deaf to Ctrl-C; it must not be deaf to this, too.
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except KeyboardInterrupt:
        if terminated:
            raise SystemExit(EXIT_TERMINATED) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


class _Stage:
    """One play against one daemon."""

    def __init__(
        self,
        day: Day,
        team: Sequence[AgentPlan],
        roster: Sequence[PresenceChange],
        ledger: Ledger,
        progress: Progress,
        speed: float,
    ) -> None:
        self._day = day
        self._team = team
        self._roster = roster
        self._ledger = ledger
        self._progress = progress
        self._speed = speed
        self._verified: list[str] = []
        self._verifications = 0
        self.latencies_s: dict[str, list[float]] = {}

    async def perform(self, address: str) -> tuple[list[Check], Report]:
        """Sets up, plays, audits: the checks, and the facts of the play."""
        async with Clients(address) as clients:
            self.latencies_s = clients.latencies_s
            await self._set_up(clients)
            start_s = min(self._roster[0].at_s, self._day.first_s)
            began = time.time()
            clock = DayClock(self._speed, began, start_s)
            play = Play(clients, clock, self._ledger, self._tick)
            midday_s = self._day.conversations[len(self._day.conversations) // 2].arrival_s
            play.schedule(midday_s, partial(self._change_policy, clients, clock))
            verifier = asyncio.create_task(self._verify_on_the_way(clients))
            try:
                await play.run(self._day, self._roster)
            finally:
                verifier.cancel()
                self._progress.close()
            wall_s = time.time() - began
            calls = sum(map(len, clients.latencies_s.values()))
            checks = await self._audit(clients)
        return checks, {
            "speed": self._speed,
            "wall_s": round(wall_s, 2),
            "day_s": round(clock.day(began + wall_s) - start_s, 1),
            "stood_s": round(clock.stood_s, 3),
            "calls": calls,
            "calls_per_s": round(calls / wall_s, 1),
        }

    async def _set_up(self, clients: Clients) -> None:
        await self._set_policy(clients, is_afternoon=False)
        for agent in self._team:
            await clients.call("CreateAgent", agent_service_pb2.CreateAgentRequest(agent=agent.message()))

    async def _set_policy(self, clients: Clients, is_afternoon: bool) -> None:
        policy = build_policy(self._speed, is_afternoon)
        await clients.call("UpdatePolicy", policy_service_pb2.UpdatePolicyRequest(policy=policy, author="demo"))

    async def _change_policy(self, clients: Clients, clock: DayClock) -> None:
        """In the middle of the day, while jobs wait and are held: nothing stops, who waits follows the new rules."""
        await self._set_policy(clients, is_afternoon=True)
        self._ledger.policy_changed_wall = time.time()
        self._ledger.policy_changed_day_s = clock.day(self._ledger.policy_changed_wall)

    def _tick(self, day_s: float) -> None:
        self._progress.show(self._ledger.ended_count, len(self._ledger.waiting), day_s)

    async def _status(self, clients: Clients) -> admin_service_pb2.TenantStatus:
        answer = await clients.call("GetStatus", admin_service_pb2.GetStatusRequest(verify=True))
        status: admin_service_pb2.TenantStatus = answer.tenants[0]
        self._verifications += 1
        return status

    async def _verify_on_the_way(self, clients: Clients) -> None:
        while True:
            await asyncio.sleep(VERIFY_INTERVAL_S)
            try:
                self._verified += (await self._status(clients)).violations
            except FairleadError as failure:
                self._ledger.failed(failure.message)

    async def _audit(self, clients: Clients) -> list[Check]:
        for number, desk in enumerate(self._ledger.desks.values()):
            if desk.presence != OFFLINE:
                request = agent_service_pb2.SetPresenceRequest(agent_id=desk.plan.id, presence=OFFLINE)
                await clients.call("SetPresence", request, number)
        status = await self._status(clients)
        # A page holds as many agents as a demo may have.
        agents = await clients.call("ListAgents", agent_service_pb2.ListAgentsRequest(page_size=MAX_AGENTS))
        return audit(self._ledger, status, agents.agents, self._verified, self._verifications)
