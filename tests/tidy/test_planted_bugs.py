"""The bugs that `make torture` plants can be planted: their texts are where they are said to be."""

from pathlib import Path

import pytest

from build_tools.planted_bugs import BUGS, Bug

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_text_is_there_once(bug: Bug) -> None:
    assert (ROOT / bug.file).read_text().count(bug.right) == 1
    assert bug.right != bug.wrong
