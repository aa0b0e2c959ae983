"""A daemon of the demo's own: `python -m fairlead serve` on a free port of this machine, stopped with the demo."""

import json
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from fairlead.errors import error

LISTEN = "127.0.0.1:0"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
# Of what the daemon logs, kept to show when it fails.
LINES_KEPT = 20
HELD_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class DaemonProcess:
    """Running from construction until `stop`. Raises Unavailable when the daemon does not start."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._started = threading.Event()
        self.address = ""
        self._reader = threading.Thread(target=self._read, name="daemon log", daemon=True)
        self._process: subprocess.Popen[str] | None = None
        try:
            # Interrupted half-way, there would be a process that nobody knows of.
            with signals_held():
                self._process = self._spawn()
            # Reads to the end, so that a daemon that logs much never waits for the demo.
            self._reader.start()
            self._await_start()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The process's number; only while it runs."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> int:
        """Asks it to stop, waits, and returns its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.terminate()
        try:
            code = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if self._reader.is_alive():
            self._reader.join()
        return code

    @staticmethod
    def _spawn() -> subprocess.Popen[str]:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops the daemon in order.
        return subprocess.Popen(
            [sys.executable, "-m", "fairlead", "serve", "--listen", LISTEN],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    def _await_start(self) -> None:
        if not self._started.wait(START_TIMEOUT_S) or not self.address:
            said = self._lines[-1] if self._lines else "it said nothing"
            raise error("UNREACHABLE", f"the daemon did not start: {said}")

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.append(line.strip())
                if not self._started.is_set() and (address := started_address(line)):
                    self.address = address
                    self._started.set()
        # The end of its output: whoever waits for the address waits in vain.
        self._started.set()


@contextmanager
def signals_held() -> Iterator[None]:
    """SIGINT and SIGTERM that come meanwhile are delivered at the end. Only the main thread may hold them."""
    held: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: held.append(number)) for number in HELD_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for came in held:
            signal.raise_signal(came)


def started_address(line: str) -> str:
    """The address in the daemon's log line that says it started; empty for any other line."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    if not isinstance(entry, dict) or entry.get("event") != "started":
        return ""
    return str(entry.get("address", ""))
