"""Random commands that make sense in the twin's present state, and some that do not.

Everything is drawn from the `Random` handed in, so a seed replays a tape and Hypothesis can shrink one. Times lie on a
coarse grid and advances aim at timers, so that things fall due together and exactly on the edge.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.oracle.model import ENDED, SECOND, Job, Mode, Presence, State
from tests.oracle.twin import Twin
from tests.property.driver import Command, command
from tests.property.policies import (
    CUSTOMERS,
    LABELS,
    LANGUAGES,
    SCENARIOS,
    SKILLS,
    TAGS,
    Profile,
    grid,
    random_policy,
    some_time,
)

MIX = {
    "assign": 36,
    "complete": 30,
    "advance": 10,
    "presence": 6,
    "update_agent": 4,
    "create_agent": 2,
    "delete_agent": 1,
    "transfer": 5,
    "cancel": 3,
    "repeat": 4,
    "offer": 1,
    "policy": 1,
    "heartbeat": 1,
}
DECADES = 2_000_000_000  # seconds since 1970, some years from now


class Commands:
    """Proposes commands for one twin."""

    def __init__(self, twin: Twin, profile: Profile, rng: Random) -> None:
        self.twin = twin
        self.profile = profile
        self.job_count = 0
        self.agent_count = 0
        self.recent: list[Command] = []
        self.demands = [self._demand(rng) for _ in range(profile.demand_sets - 1)] + [({}, ())]
        self.mix = {**MIX, **profile.mix}

    def next(self, rng: Random) -> Command:
        """One command by the profile's frequencies; cancels where the backlog has grown too long."""
        if len(self.twin.waiting) > self.profile.backlog:
            return command("cancel", rng.choice(self.twin.waiting).id)
        if self.profile.experiments and self.twin.now == 0:
            return command("advance_to", SECOND * rng.randint(1, DECADES))  # slices with the numbers of real ones
        name = rng.choices(list(self.mix), list(self.mix.values()))[0]
        makers: dict[str, Callable[[Random], Command]] = {
            "assign": self.assign,
            "complete": self.complete,
            "advance": self.advance,
            "presence": self.presence,
            "update_agent": self.update_agent,
            "create_agent": self.create_agent,
            "delete_agent": self.delete_agent,
            "transfer": self.transfer,
            "cancel": self.cancel,
            "repeat": self.repeat,
            "offer": self.offer,
            "policy": self.policy,
            "heartbeat": self.heartbeat,
            "accept": self.accept,
            "decline": self.decline,
            "finish_wrap_up": self.finish_wrap_up,
            "scenario": self.scenario,
            "customer": self.customer,
        }
        return makers[name](rng)

    # Jobs.

    def assign(self, rng: Random) -> Command:
        self.job_count += 1
        skills, tags = rng.choice(self.demands)
        settings: dict[str, Any] = {"skills": skills, "tags": tags}

        def sometimes(chance: float, **more: Any) -> None:
            if rng.random() < chance:
                settings.update(more)

        agents = self._agent_ids()
        sometimes(0.8 if self.profile.rules == 0 else 0.3, queue=rng.choice(self._queue_ids()))
        sometimes(0.7, channel=rng.choice(self._channel_ids()))
        sometimes(0.2, preferred_skills={rng.choice(SKILLS): (rng.randint(1, 5), 10)})
        sometimes(0.1, preferred_tags=(rng.choice(TAGS),))
        sometimes(0.2 + self.profile.affinity, customer=rng.choice(CUSTOMERS))
        sometimes(0.2, customer_tier=rng.choice(("vip", "gold")))
        sometimes(0.1, urgency=rng.randint(0, 9))
        sometimes(0.1, head_start_us=grid(rng, 60))
        sometimes(0.1, excluded_agents=tuple(rng.sample(agents, min(len(agents), rng.randint(1, 3)))))
        sometimes(self.profile.limits, time_to_live_us=grid(rng, 60) + 5 * SECOND)
        sometimes(0.1, immediate_only=True)
        if "immediate_only" not in settings:
            sometimes(0.05, start_time_us=self.twin.now + grid(rng, 60))
        sometimes(0.1 * self.profile.affinity, affinity=rng.choice((Mode.OFF, Mode.PREFER, Mode.REQUIRE)).value)
        if agents and rng.random() < 0.3 * self.profile.affinity:
            settings["wanted_agent"] = rng.choice(agents)
            settings["wanted_mode"] = rng.choice((Mode.UNSET, Mode.PREFER, Mode.REQUIRE)).value
            settings["wanted_hold_us"] = grid(rng, 30)
        sometimes(self.profile.rules, labels=self._labels(rng))
        sometimes(self.profile.rules / 2, language=rng.choice(LANGUAGES), customer_value=rng.choice((0, 50, 100, 900)))
        if rng.random() < 0.02:
            settings.update(rng.choice(WRONG_JOBS))
        call = command("assign", self._new_id(rng), **settings)
        self._remember(rng, call)
        return call

    def _new_id(self, rng: Random) -> str:
        """Of any number of bytes where ids decide about arms."""
        return f"j{self.job_count}" + (
            "é" * rng.randint(0, 12) + rng.choice(("", "-")) if self.profile.experiments else ""
        )

    def complete(self, rng: Random) -> Command:
        job = self._some_job(rng, State.ASSIGNED)
        if job is None:
            return self.assign(rng) if rng.random() < 0.95 else command("complete", "nobody", 1)
        settings: dict[str, Any] = {}
        if rng.random() < 0.3:
            settings = {"first_response_us": grid(rng, 20), "satisfaction": rng.randint(-1, 1000)}
        if rng.random() < self.profile.wrap_up / 4:
            settings["skip_wrap_up"] = True
        return self._once(rng, "complete", job.id, self._version(rng, job), **settings)

    def cancel(self, rng: Random) -> Command:
        job = self._some_job(rng, None)
        return self._once(rng, "cancel", job.id if job else "nobody")

    def transfer(self, rng: Random) -> Command:
        job = self._some_job(rng, State.ASSIGNED)
        if job is None:
            return self.assign(rng) if rng.random() < 0.95 else command("transfer", "nobody", 1)
        target: dict[str, Any] = {}
        agents = self._agent_ids() + ["nobody"] * (rng.random() < 0.1)
        kind = rng.random()
        if kind < 0.5 and agents:
            target = {"agent": rng.choice(agents), "over_capacity": rng.random() < 0.3}
        elif kind < 0.75:
            target = {"queue": rng.choice(self._queue_ids())}
        reset_age = rng.random() < 0.3
        return self._once(rng, "transfer", job.id, self._version(rng, job), **target, reset_age=reset_age)

    def offer(self, rng: Random) -> Command:
        job = self._some_job(rng, None)
        return command(rng.choice(("accept", "decline")), job.id if job else "nobody", 1)

    def accept(self, rng: Random) -> Command:
        return self._answer(rng, "accept", State.OFFERED)

    def decline(self, rng: Random) -> Command:
        return self._answer(rng, "decline", State.OFFERED)

    def finish_wrap_up(self, rng: Random) -> Command:
        return self._answer(rng, "finish_wrap_up", State.WRAPPING)

    def _answer(self, rng: Random, method: str, state: State) -> Command:
        """About a job in that state, or one more job when there is none."""
        job = self._some_job(rng, state)
        if job is None:
            return self.assign(rng)
        return self._once(rng, method, job.id, self._version(rng, job))

    def repeat(self, rng: Random) -> Command:
        """An earlier command again, as it was or with other content."""
        if not self.recent:
            return self.assign(rng)
        call = rng.choice(self.recent)
        if call.method == "assign" and rng.random() < 0.3:
            call = Command(
                "assign", call.arguments, {**call.settings, "urgency": 1 + call.settings.get("urgency", 0) % 9}
            )
        elif rng.random() < 0.3:
            call = command("cancel", "j1", request_id=call.settings.get("request_id", "r0"))
        return call

    # Time.

    def advance(self, rng: Random) -> Command:
        """To a timer, just before or after it, past several, a step on the grid, or not at all."""
        dues = sorted({max(timer.due, self.twin.now) for timer in self.twin.timers})
        kind = rng.random()
        if dues and kind < 0.5:
            due = dues[min(len(dues) - 1, rng.choice((0, 0, 0, 1, 5)))]
            moment = due + rng.choice((-1, 0, 0, 0, 0, 1))
        else:
            moment = self.twin.now - self.twin.now % SECOND + grid(rng, 20)
        slice_us = self.twin.policy.experiment.slice_us
        if slice_us and rng.random() < 0.2:
            # To the beginning of a slice, or just before it.
            moment = (self.twin.now // slice_us + rng.choice((1, 1, 1, 2, 9))) * slice_us - rng.choice((0, 0, 1))
        if rng.random() < 0.05:
            # To the moment at which something ended or answered is forgotten.
            past = [request.time for request in self.twin.requests.values()]
            past += [job.end_time for job in self.twin.jobs.values() if job.state in ENDED]
            moment = rng.choice(past or [self.twin.now]) + self.twin.policy.retention_us - rng.randint(0, 1)
        return command("advance_to", max(self.twin.now, moment))

    # Agents.

    def create_agent(self, rng: Random) -> Command:
        if len(self.twin.agents) >= self.profile.agents:
            return self.update_agent(rng)
        if self.twin.agents and rng.random() < 0.05:
            return command("create_agent", rng.choice(self._agent_ids()))
        # Ids come back, so that memories of a deleted agent would show.
        name = f"a{rng.randint(0, 2 * self.profile.agents)}"
        presence = rng.choice((Presence.ONLINE, Presence.ONLINE, Presence.ONLINE, Presence.AWAY, Presence.OFFLINE))
        return self._once(rng, "create_agent", name, **self._agent_settings(rng, 0.8), presence=presence.value)

    def update_agent(self, rng: Random) -> Command:
        name = self._some_agent(rng)
        return self._once(rng, "update_agent", name, **self._agent_settings(rng, 0.25))

    def delete_agent(self, rng: Random) -> Command:
        idle = [agent.id for agent in self.twin.agents.values() if not agent.jobs]
        if idle and rng.random() < 0.7:
            return self._once(rng, "delete_agent", rng.choice(idle))
        return self._once(rng, "delete_agent", self._some_agent(rng))

    def presence(self, rng: Random) -> Command:
        wanted = rng.choice((*Presence, Presence.ONLINE, Presence.ONLINE, Presence.ONLINE, Presence.AWAY))
        reason = rng.choice(("", "lunch"))
        lease = some_time(rng, 60) if rng.random() < self.profile.leases else 0
        return self._once(rng, "set_presence", self._some_agent(rng), wanted.value, reason, lease)

    def heartbeat(self, rng: Random) -> Command:
        agents = self._agent_ids()
        return command("heartbeat", [*rng.sample(agents, rng.randint(0, len(agents))), "nobody"])

    def _agent_settings(self, rng: Random, chance: float) -> dict[str, Any]:
        drawn: dict[str, Any] = {
            "skills": {skill: rng.randint(3, 10) for skill in SKILLS if rng.random() < 0.8},
            "tags": tuple(tag for tag in TAGS if rng.random() < 0.5),
            "capacity": rng.choice(self.profile.capacity),
            "channel_limits": {channel: rng.randint(0, 3) for channel in self._channel_ids() if rng.random() < 0.2},
            "weight": rng.choice((1, 20, 21, 100, 1000, rng.randint(1, 1000))),
            "rating": rng.choice((0, 500, 700, 1000)),
            "order": rng.choice((rng.randint(1, 30), self.twin.highest_order + rng.randint(1, 3))),
        }
        if self.profile.wrap_up:
            drawn["wrap_up_us"] = rng.choice((-1, -1, 0, some_time(rng, 20)))
        return {name: value for name, value in drawn.items() if rng.random() < chance}

    # Policy.

    def policy(self, rng: Random) -> Command:
        return self._once(rng, "install_policy", random_policy(rng, self.profile, self.twin.now))

    def scenario(self, rng: Random) -> Command:
        name = rng.choice((*SCENARIOS, *SCENARIOS, *SCENARIOS, "nothing"))
        return self._once(rng, "set_scenario", name, rng.random() < 0.5)

    # Customers.

    def customer(self, rng: Random) -> Command:
        name = rng.choice(CUSTOMERS)
        if rng.random() < 0.2:
            return self._once(rng, "delete_customer", name)
        drawn: dict[str, Any] = {
            "tier": rng.choice(("vip", "gold", "nobody")),
            "value": rng.choice((1, 100, 900)),
            "attributes": self._labels(rng),
            "own_agent": rng.choice([*self._agent_ids(), "nobody"]),
            "language": rng.choice(LANGUAGES),
        }
        chosen = {key: value for key, value in drawn.items() if rng.random() < 0.5}
        return self._once(rng, "upsert_customer", name, **chosen)

    def _labels(self, rng: Random) -> dict[str, str]:
        return {key: rng.choice(values) for key, values in LABELS.items() if rng.random() < 0.7}

    # Drawing among what exists.

    def _demand(self, rng: Random) -> tuple[dict[str, tuple[int, int]], tuple[str, ...]]:
        skills = {}
        for skill in rng.sample(SKILLS, rng.choice((1, 1, 2))):
            low = rng.randint(1, 6)
            skills[skill] = (low, 10 if rng.random() < 0.7 else rng.randint(low, 10))
        return skills, (rng.choice(TAGS),) if rng.random() < 0.2 else ()

    def _agent_ids(self) -> list[str]:
        return list(self.twin.agents)

    def _some_agent(self, rng: Random) -> str:
        return rng.choice([*self._agent_ids()] * 20 + ["nobody"])

    def _queue_ids(self) -> list[str]:
        return [queue.id for queue in self.twin.policy.queues]

    def _channel_ids(self) -> list[str]:
        return [channel.id for channel in self.twin.policy.channels]

    def _some_job(self, rng: Random, state: State | None) -> Job | None:
        """A live job, of the state if one is given; rarely an ended one."""
        ended = rng.random() < 0.03
        jobs = [job for job in self.twin.jobs.values() if (job.state in ENDED) == ended]
        if state is not None and not ended and rng.random() < 0.95:
            jobs = [job for job in jobs if job.state is state]
        return rng.choice(jobs) if jobs else None

    def _version(self, rng: Random, job: Job) -> int:
        return max(1, job.version + (rng.choice((-1, 1)) if rng.random() < 0.05 else 0))

    def _once(self, rng: Random, method: str, *arguments: Any, **settings: Any) -> Command:
        """The command, sometimes with a request_id."""
        call = command(method, *arguments, **settings)
        if rng.random() < 0.05:
            call = Command(method, arguments, {**settings, "request_id": f"r{rng.randint(0, 500)}"})
            self._remember(rng, call)
        return call

    def _remember(self, rng: Random, call: Command) -> None:
        if len(self.recent) < 20:
            self.recent.append(call)
        else:
            self.recent[rng.randrange(20)] = call


WRONG_JOBS: tuple[dict[str, Any], ...] = (
    {"queue": "nowhere"},
    {"channel": "pigeon"},
    {"customer_tier": "nobody"},
    {"excluded_agents": ("nobody",)},
    {"wanted_agent": "nobody"},
    {"urgency": 10},
    {"head_start_us": -1},
    {"time_to_live_us": -1},
)
