"""Hypothesis looks for the shortest history on which shard and twin differ; all is compared after each step."""

from random import Random

from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fairlead.policy.tables import PolicyTables, QueueTable
from tests.property.commands import Commands
from tests.property.driver import Command, Pair, command
from tests.property.policies import KEYS, Profile, random_policy
from tests.property.tapes import EVERY

# A command is tens of draws and a policy hundreds: each comes from a seed, so that a history stays small enough to
# shrink. It shrinks to fewer commands and to the plain policy, seed 0.
SEEDS = st.integers(0, 1_000_000)
RANDOMS = SEEDS.map(Random)
PLAIN = PolicyTables(queues=(QueueTable("q0"),), default_queue="q0")
WORLDS = (
    Profile("any", EVERY, agents=5, costs=(1, 2)),
    Profile("weighted", ("weighted",), agents=5, affinity=0.05),
    Profile("own_agents", EVERY, agents=3, capacity=(1, 2), affinity=0.9, demand_sets=2),
    Profile("dear_calls", ("least_load", "weighted"), agents=4, capacity=(3, 5, 6), costs=(1, 5), demand_sets=2),
    Profile("tight_limits", EVERY, agents=3, capacity=(1, 2), limits=0.5, affinity=0.3),
    Profile("offers", EVERY, agents=4, capacity=(1, 2), affinity=0.4, offers=0.9, wrap_up=0.5, leases=0.5),
    Profile("paced", EVERY, agents=4, capacity=(2, 5), warm_up=0.7, rates=0.5, offers=0.3),
    Profile("rules", (*EVERY, *KEYS), agents=4, affinity=0.4, plans=0.7, rules=0.7, hours=0.5, customers=1),
    Profile("arms", EVERY, agents=4, affinity=0.4, offers=0.4, plans=0.5, rules=0.4, experiments=0.9),
    Profile("plans_and_offers", EVERY, agents=4, demand_sets=4, plans=0.9, offers=0.7, leases=0.4),
)


class RoutingMachine(RuleBasedStateMachine):
    """One rule per command."""

    @initialize(seed=SEEDS, profile=st.sampled_from(WORLDS), agents=st.integers(0, 3))
    def start(self, seed: int, profile: Profile, agents: int) -> None:
        rng = Random(seed)
        self.pair = Pair()
        self.commands = Commands(self.pair.twin, profile, rng)
        self.run(command("install_policy", random_policy(rng, profile) if seed else PLAIN))
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

    @rule(seed=SEEDS)
    def install_policy(self, seed: int) -> None:
        self.run(self.commands.policy(Random(seed)) if seed else command("install_policy", PLAIN))

    @invariant()
    def both_are_the_same_and_sound(self) -> None:
        self.pair.compare()
        self.pair.check()


TestRoutingMachine = RoutingMachine.TestCase
TestRoutingMachine.settings = settings(max_examples=150, stateful_step_count=40)
