"""A daemon for each module that asks for one, and its command line."""

from collections.abc import Iterator

import pytest

from fairlead.demo.server import DaemonProcess
from tests.unit.shell import Shell

LONGEST_NAME = 100


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a daemon in memory."""
    daemon = DaemonProcess()
    yield daemon.address
    assert daemon.stop() == 0


@pytest.fixture
def shell(address: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Shell:
    """The command line of a tenant named after the test."""
    return Shell(address, request.node.name[:LONGEST_NAME], capsys)
