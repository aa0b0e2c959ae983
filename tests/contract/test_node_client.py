"""A stock client of another language reads and writes the same bytes: Node, with nothing generated."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.conftest import DaemonProcess

SOURCES = Path(__file__).parent / "node_client"
INSTALL_SECONDS = 120
RUN_SECONDS = 60


@pytest.fixture(scope="session")
def node_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the client with its packages installed; skips with the reason where that is not possible."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("node") / "client"
    shutil.copytree(SOURCES, folder)
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
    try:
        done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install the client's packages within {INSTALL_SECONDS} s")
    if done.returncode != 0:
        pytest.skip(f"npm cannot install the client's packages: {done.stderr.strip()[-200:]}")
    return folder


def test_a_node_client_speaks_the_contract(node_client: Path, daemon: DaemonProcess, tenant: str) -> None:
    proto = Path(__file__).parents[2] / "proto"
    command = ["node", str(node_client / "main.js"), daemon.address, str(proto), tenant]
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"counts": {"ann": 21, "bob": 20}, "listed": 41, "assigned": 41}
