"""What `deploy/` offers: systemd is told what it waits for, the unit and its configuration are good."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.config import load
from fairlead.telemetry.notify import READY, notify

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy/systemd/fairlead.service"
PATIENCE = 30


@pytest.mark.parametrize("is_abstract", [False, True])
def test_a_daemon_tells_systemd_that_it_is_ready_and_that_it_stops(tmp_path: Path, is_abstract: bool) -> None:
    name = f"@fairlead-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.settimeout(PATIENCE)
        told.bind(name.replace("@", "\0") if is_abstract else name)
        command = [sys.executable, "-m", "fairlead", "serve", "--listen", "127.0.0.1:0"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "NOTIFY_SOCKET": name}
        )
        try:
            assert told.recv(100) == b"READY=1"
            assert process.stdout is not None
            # It serves before it says so.
            started = json.loads(process.stdout.readline())
            host, _, port = started["address"].rpartition(":")
            socket.create_connection((host, int(port)), PATIENCE).close()
            process.send_signal(signal.SIGTERM)
            assert told.recv(100) == b"STOPPING=1"
            output, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0
            assert '"warning"' not in output
        finally:
            process.kill()
            process.communicate()


def test_nobody_is_told_without_the_variable_and_a_dead_socket_is_an_error(tmp_path: Path) -> None:
    assert not notify(READY, {})
    with pytest.raises(OSError, match="No such file"):
        notify(READY, {"NOTIFY_SOCKET": str(tmp_path / "none")})


def test_the_example_configuration_is_good_and_fits_the_unit() -> None:
    config = load(ROOT / "deploy/systemd/fairlead.toml")
    unit = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line and line[0] != "#")
    assert config.durability == "fsync"
    assert str(config.journal.path).startswith(f"/var/lib/{unit['StateDirectory']}/")
    assert config.drain_seconds < float(unit["TimeoutStopSec"].removesuffix("s"))
    assert config.metrics.listen is not None
    assert config.metrics.listen.startswith("127.0.0.1:")
    assert unit["Type"] == "notify"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """With a command that is there: the one of the unit is installed by who uses it."""
    copy = tmp_path / "fairlead.service"
    copy.write_text(UNIT.read_text().replace("/opt/fairlead/bin/fairlead", sys.executable))
    checked = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert [line for line in checked.stderr.splitlines() if "fairlead.service" in line] == []
