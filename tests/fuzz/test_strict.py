"""A few of the strict client's conversations: calls that nghttp2 hears of and calls that it does not, side by side."""

import random

from fairlead.config import GuardsConfig
from tests.contract.conftest import serving
from tests.fuzz.strict import Conversation

SEEDS = range(25)


def test_no_frame_and_no_answer_is_wrong() -> None:
    with serving(GuardsConfig()) as native:
        for seed in SEEDS:
            Conversation(native.address, random.Random(seed), f"tenant-{seed}").play(60)
        counts = native.statistics()
        assert 0 < counts["direct"] < counts["calls"]["hot"] / 2
