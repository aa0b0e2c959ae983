"""The engine without names, network or interpreter. Built from ext/fairlead/engine/."""

class Workload:
    """Agents at a steady load, and pairs of one complete and one assign, all through the engine's C interface.

    `skills` is a list with each agent's skill numbers, `demands` one with each class's; `load` is the share of all
    capacity that is in use. Every random choice follows from `seed`. With `by_definition` the engine looks at every
    agent for every choice, which is slow and obviously right: equal hashes then prove the fast ways.
    """

    def __init__(
        self,
        skills: list[list[int]],
        demands: list[list[int]],
        weights: list[int],
        capacity: int,
        strategy: int,
        load: float,
        seed: int,
        by_definition: bool = False,
    ) -> None: ...
    def run(self, pairs: int) -> int:
        """Completes a random held job and submits a new one, `pairs` times. Returns nanoseconds for all."""
    @property
    def refusals(self) -> int:
        """Jobs that found nobody and were drawn again. Their time is in `run`."""
    def state_hash(self) -> int:
        """Hash of the routing state."""
    def check(self) -> list[str]:
        """Every invariant; what is violated. O(state)."""
    def bytes_per_agent(self) -> float:
        """Bytes that agents cost: their structs and abilities, the bit planes, the rotations. Jobs are apart."""

def transitions() -> dict[int, list[int]]:
    """J1: the states that may follow each state, by number; 0 is a job that does not exist yet, or no longer."""

def replay(facts: bytes) -> tuple[int, list[str]]:
    """Applies recorded facts (`Shard.record`) to a fresh engine; returns its state hash and the violated invariants.

    Decides nothing. Raises ValueError for bytes that end inside a fact.
    """
