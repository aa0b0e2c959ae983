"""The command line as tests use it: one tenant of a daemon, answers as text or JSON, refusals as one line."""

import json
from typing import Any

import pytest

from fairlead import cli


class Shell:
    """The command line of one tenant; `tenant` keeps the tests apart."""

    def __init__(self, address: str, tenant: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._options = ("--address", address, "--tenant", tenant)
        self._capsys = capsys

    def run(self, *arguments: str, code: int = 0) -> str:
        """What it prints; nothing may go to stderr."""
        assert cli.main([*arguments, *self._options]) == code
        out, err = self._capsys.readouterr()
        assert err == ""
        return out

    def json(self, *arguments: str) -> dict[str, Any]:
        """What it prints with --json."""
        value = json.loads(self.run(*arguments, "--json"))
        assert isinstance(value, dict)
        return value

    def refused(self, *arguments: str) -> str:
        """What says why not, without the program's name: a line, and one more for each of several mistakes."""
        assert cli.main([*arguments, *self._options]) == 1
        out, err = self._capsys.readouterr()
        assert out == ""
        assert err.startswith("fairlead: ")
        assert all(line.startswith("  ") for line in err.splitlines()[1:])
        return err.removeprefix("fairlead: ").rstrip()
