"""Inputs that `make fuzz` kept: both runtimes still judge each alike. Crash files that were mended join them."""

from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS
from tests.property.test_codec_fuzz import compare


@pytest.mark.parametrize("file", sorted(CORPUS.glob("codec-*")), ids=lambda file: file.name)
def test_the_corpus_is_judged_alike(file: Path) -> None:
    data = file.read_bytes()
    compare(data[0], data[1:])


def test_the_corpus_is_there() -> None:
    assert {file.read_bytes()[0] for file in CORPUS.glob("codec-*")} == set(range(1, 11))
