"""Every test of a rule ends with the audit of each routing it made."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fairlead.policy.tables import QueueTable
from tests.unit.rules.support import Routing


@pytest.fixture
def routing() -> Iterator[Callable[..., Routing]]:
    """Makes a `Routing`; all that were made are audited at the end."""
    made: list[Routing] = []

    def make(*queues: QueueTable, **policy: Any) -> Routing:
        made.append(Routing(*queues, **policy))
        return made[-1]

    yield make
    for each in made:
        each.audit()
