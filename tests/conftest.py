"""Options and fixtures of all tests."""

import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from tests.builds import BUILD

# A slow machine is no bug: examples have no deadline. A failure prints what replays it.
settings.register_profile("fairlead", deadline=None, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tape-length", type=int, default=100_000, help="commands per seeded property tape")
    parser.addoption("--torture", action="store_true", help="crash tests in full: every byte, every bit, every call")
    parser.addoption(
        "--quality", action="store_true", help="simulation tests in full: A/A 400 times, long second opinions"
    )
    parser.addoption("--tape-seed", type=int, default=20_250_101, help="seed of the property tapes")


def pytest_configure(config: pytest.Config) -> None:
    """Refuses to pass the tests of one build with the modules of another."""
    settings.load_profile("fairlead")
    # A script's background jobs do not hear Ctrl-C, nor do their children: tests that send it would wait for ever.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    spec = find_spec("fairlead")
    origin = Path(spec.origin).resolve() if spec and spec.origin else None
    tree = config.rootpath / ("src" if BUILD == "release" else f"build/{BUILD}/lib")
    if origin is None or not origin.is_relative_to(tree.resolve()):
        raise pytest.UsageError(f"the {BUILD} build is asked for but fairlead is {origin}; it must be under {tree}")


@pytest.fixture
def tape_length(request: pytest.FixtureRequest) -> int:
    """Commands per seeded property tape."""
    return int(request.config.getoption("--tape-length"))


@pytest.fixture
def tape_seed(request: pytest.FixtureRequest) -> int:
    """Seed of the property tapes; printed, so that a failure tells it."""
    seed = int(request.config.getoption("--tape-seed"))
    print(f"replay with --tape-seed={seed} --tape-length={request.config.getoption('--tape-length')}")
    return seed


@pytest.fixture
def quality(request: pytest.FixtureRequest) -> bool:
    """Whether simulation tests run in full."""
    return bool(request.config.getoption("--quality"))
