"""Hypothesis looks for the shortest history on which shard and twin differ; all is compared after each step."""

from random import Random

from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.property.commands import Commands
from tests.property.driver import Command, Pair, command
from tests.property.policies import KEYS, Profile, random_policy
from tests.property.tapes import EVERY

RANDOMS = st.randoms(use_true_random=False)
WORLDS = (
    Profile("any", EVERY, agents=5, costs=(1, 2)),
    Profile("weighted", ("weighted",), agents=5, affinity=0.05),
    Profile("own_agents", EVERY, agents=3, capacity=(1, 2), affinity=0.9, demand_sets=2),
    Profile("dear_calls", ("least_load", "weighted"), agents=4, capacity=(3, 5, 6), costs=(1, 5), demand_sets=2),
    Profile("tight_limits", EVERY, agents=3, capacity=(1, 2), limits=0.5, affinity=0.3),
    Profile("offers", EVERY, agents=4, capacity=(1, 2), affinity=0.4, offers=0.9, wrap_up=0.5, leases=0.5),
    Profile("paced", EVERY, agents=4, capacity=(2, 5), warm_up=0.7, rates=0.5, offers=0.3),
    Profile("rules", (*EVERY, *KEYS), agents=4, affinity=0.4, plans=0.7, rules=0.7, hours=0.5, customers=1),
    Profile("plans_and_offers", EVERY, agents=4, demand_sets=4, plans=0.9, offers=0.7, leases=0.4),
)


class RoutingMachine(RuleBasedStateMachine):
    """One rule per command; the drawn `Random` is Hypothesis's own, so a failure shrinks."""

    @initialize(rng=RANDOMS, profile=st.sampled_from(WORLDS), agents=st.integers(0, 3))
    def start(self, rng: Random, profile: Profile, agents: int) -> None:
        self.pair = Pair()
        self.commands = Commands(self.pair.twin, profile, rng)
        self.run(command("install_policy", random_policy(rng, profile)))
        for _ in range(agents):
            self.run(self.commands.create_agent(rng))

    def run(self, call: Command) -> None:
        note(str(call))
        self.pair.run(call)

    @rule(rng=RANDOMS)
    def assign(self, rng: Random) -> None:
        self.run(self.commands.assign(rng))

    @rule(rng=RANDOMS, count=st.integers(2, 5))
    def assign_several(self, rng: Random, count: int) -> None:
        for _ in range(count):
            self.run(self.commands.assign(rng))

    @rule(rng=RANDOMS)
    def complete(self, rng: Random) -> None:
        self.run(self.commands.complete(rng))

    @rule(rng=RANDOMS)
    def cancel(self, rng: Random) -> None:
        self.run(self.commands.cancel(rng))

    @rule(rng=RANDOMS)
    def transfer(self, rng: Random) -> None:
        self.run(self.commands.transfer(rng))

    @rule(rng=RANDOMS)
    def answer_an_offer(self, rng: Random) -> None:
        self.run(self.commands.offer(rng))

    @rule(rng=RANDOMS)
    def accept(self, rng: Random) -> None:
        self.run(self.commands.accept(rng))

    @rule(rng=RANDOMS)
    def decline(self, rng: Random) -> None:
        self.run(self.commands.decline(rng))

    @rule(rng=RANDOMS)
    def finish_wrap_up(self, rng: Random) -> None:
        self.run(self.commands.finish_wrap_up(rng))

    @rule(rng=RANDOMS)
    def set_scenario(self, rng: Random) -> None:
        self.run(self.commands.scenario(rng))

    @rule(rng=RANDOMS)
    def change_a_customer(self, rng: Random) -> None:
        self.run(self.commands.customer(rng))

    @rule(rng=RANDOMS)
    def repeat(self, rng: Random) -> None:
        self.run(self.commands.repeat(rng))

    @rule(rng=RANDOMS)
    def advance(self, rng: Random) -> None:
        self.run(self.commands.advance(rng))

    @rule(rng=RANDOMS)
    def create_agent(self, rng: Random) -> None:
        self.run(self.commands.create_agent(rng))

    @rule(rng=RANDOMS)
    def update_agent(self, rng: Random) -> None:
        self.run(self.commands.update_agent(rng))

    @rule(rng=RANDOMS)
    def delete_agent(self, rng: Random) -> None:
        self.run(self.commands.delete_agent(rng))

    @rule(rng=RANDOMS)
    def set_presence(self, rng: Random) -> None:
        self.run(self.commands.presence(rng))

    @rule(rng=RANDOMS)
    def heartbeat(self, rng: Random) -> None:
        self.run(self.commands.heartbeat(rng))

    @rule(rng=RANDOMS)
    def install_policy(self, rng: Random) -> None:
        self.run(self.commands.policy(rng))

    @invariant()
    def both_are_the_same_and_sound(self) -> None:
        self.pair.compare()
        self.pair.check()


TestRoutingMachine = RoutingMachine.TestCase
# The smallest world is a whole policy and a team, which is large for an example.
LARGE = [HealthCheck.large_base_example, HealthCheck.too_slow, HealthCheck.data_too_large]
TestRoutingMachine.settings = settings(max_examples=150, stateful_step_count=40, suppress_health_check=LARGE)
