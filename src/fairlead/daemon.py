"""The composition root: configuration -> log -> shard -> policies -> transport, and back in reverse. Read it first.

    Daemon(config, log)   builds; nothing runs yet
    .start()              loads the policies, starts the ticker, binds, serves; `.address` is then host:port
    .stop()               health NOT_SERVING, drains, stops
    run(config)           all of it in the foreground until SIGTERM or SIGINT; the exit code

Timers of the shard fire in the calls that come and in the ticker, which never sleeps longer than `MAX_TICK_SECONDS`.
So a timer is late by at most that, also one that a call has set meanwhile, without a wake-up per call. Once a day the
calendars of schedules that reach less than a year ahead are compiled anew (`RuleBook.renew_calendars`).
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TextIO

from structlog.typing import FilteringBoundLogger

from fairlead.config import Config, JournalConfig
from fairlead.errors import FairleadError
from fairlead.rulebook.book import RuleBook
from fairlead.service.native import NativeTransport
from fairlead.service.transport import GrpcTransport
from fairlead.shard.core import Shard
from fairlead.storage.compactor import Compactor
from fairlead.telemetry import metrics
from fairlead.telemetry.log import make_logger
from fairlead.telemetry.notify import READY, STOPPING, VARIABLE, notify
from fairlead.version import __version__

# How late a timer may be. An idle tick costs about a microsecond, so twenty a second cost nothing.
MAX_TICK_SECONDS = 0.05
# Below this a thread switch costs more than it saves.
MIN_TICK_SECONDS = 0.001

# How often the calendars of schedules are looked at; each has a year left when it is compiled anew.
CALENDAR_SECONDS = 24 * 3_600

EXIT_OK = 0
EXIT_FAILED = 1


class Daemon:
    """One shard and its transport. Start once, stop once."""

    def __init__(self, config: Config, log: FilteringBoundLogger, *, init: bool = False) -> None:
        """Recovers what the journal has; with `init` begins one where there is none. Raises FairleadError."""
        self._config = config
        self._log = log
        self._shard = Shard(events_kept=config.events_kept)
        if config.journal.path is not None:
            recover(self._shard, config.journal, log, init)
        transport = NativeTransport if config.transport == "native" else GrpcTransport
        self._book = RuleBook(self._shard)
        self._transport: NativeTransport | GrpcTransport = transport(self._shard, config, log, self._book)
        self._stop_metrics: Callable[[], None] = lambda: None
        self._stopping = threading.Event()
        # What asks for a stop writes a byte; `wait` reads one. No lock is in it, so a signal may come at any moment.
        self._stop_asked, self._ask_stop = os.pipe()
        os.set_blocking(self._ask_stop, False)
        self._ticker = threading.Thread(target=self._tick, name="ticker", daemon=True)
        self._calendars = threading.Thread(target=self._renew_calendars, name="calendars", daemon=True)
        self._compactor = Compactor(config.journal, log)
        self._failed = False

    @property
    def address(self) -> str:
        """host:port that clients reach, empty before `start`."""
        return self._transport.address

    def start(self) -> None:
        """Serves from here on. Raises a FairleadError for a bad policy file or an address that cannot be bound."""
        for tenant, path in self._config.policies.items():
            try:
                text = path.read_text(encoding="utf-8")
                # A policy that is in force already, from the journal, stays: a restart is no change.
                if self._book.is_in_force(tenant, text):
                    continue
                stored = self._book.update(tenant, text)
            except FairleadError as wrong:
                raise type(wrong)(wrong.reason, f"{path}: {wrong.message}", violations=wrong.violations) from wrong
            for warning in stored.warnings:
                self._log.warning("policy warning", tenant=tenant, file=str(path), warning=warning)
        self._transport.start()
        metrics_address = self._start_metrics()
        self._ticker.start()
        self._calendars.start()
        self._compactor.start()
        self._log.info(
            "started",
            version=__version__,
            address=self.address,
            transport=self._config.transport,
            durability=self._config.durability,
            pid=os.getpid(),
            tenants=len(self._config.policies),
            **({"metrics": metrics_address} if metrics_address else {}),
        )

    def _start_metrics(self) -> str:
        config = self._config
        if config.metrics.listen is None:
            return ""
        told = metrics.Exposition(self._shard, self._transport.metrics, config.transport, config.durability)
        address, self._stop_metrics = metrics.serve(told, config.metrics.listen)
        return address

    def stop_on(self, *signals: signal.Signals) -> None:
        """Lets `wait` return on any of them; call from the main thread.

        The interpreter runs a handler between two steps of its own: of a signal just before a wait it would learn only
        after it. The wake-up descriptor is written at once.
        """
        for number in signals:
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._ask_stop, warn_on_full_buffer=False)

    def wait(self) -> None:
        """Returns when a signal of `stop_on` came or the ticker failed."""
        os.read(self._stop_asked, 1)

    def stop(self) -> bool:
        """Drains and stops; whether all was well until then."""
        self._log.info("stopping", drain_seconds=self._config.drain_seconds)
        self._transport.stop(self._config.drain_seconds)
        self._stopping.set()
        self._ticker.join()
        self._calendars.join()
        self._compactor.stop()
        self._shard.close()
        self._stop_metrics()
        self._log.info("stopped")
        return not self._failed

    def _tick(self) -> None:
        try:
            wait = 0.0
            while not self._stopping.wait(wait):
                next_us = self._shard.tick()
                wait = MAX_TICK_SECONDS if next_us < 0 else min(max(next_us / 1e6, MIN_TICK_SECONDS), MAX_TICK_SECONDS)
        except Exception:
            # Timers that no longer fire are a router that is no longer right: end, visibly.
            self._log.exception("ticker failed")
            self._failed = True
            os.write(self._ask_stop, b"\0")

    def _renew_calendars(self) -> None:
        while not self._stopping.wait(CALENDAR_SECONDS):
            try:
                for tenant in self._book.renew_calendars():
                    self._log.info("calendar renewed", tenant=tenant, policy_version=self._shard.policy(tenant)[0])
            except Exception:
                # There is a year to see this and to try again.
                self._log.exception("calendars not renewed")


def recover(shard: Shard, journal: JournalConfig, log: FilteringBoundLogger, init: bool) -> None:
    """Opens the journal; one line tells what was found, others what was passed over or cut off."""
    found = shard.open(str(journal.path), journal.durability, create=init, segment_size=journal.segment_size)
    log.info(
        "recovered",
        path=str(journal.path),
        segments=found.segments,
        snapshot=found.snapshot,
        records=found.records,
        tail_records=found.tail_records,
        tenants=found.tenants,
        seconds=round(found.seconds, 3),
        state_hash=f"{found.state_hash:016x}",
    )
    for problem in found.problems:
        log.warning("snapshot passed over", problem=problem)
    if found.torn_bytes:
        log.warning(
            "torn tail cut",
            bytes=found.torn_bytes,
            copy=found.torn_copy,
            meaning="a write was under way; nobody was told",
        )


def run(config: Config, stream: TextIO = sys.stdout, *, init: bool = False) -> int:
    """Serves until SIGTERM or SIGINT and returns the exit code. Logs go to `stream`; call from the main thread."""
    log = make_logger(config.log, stream)
    try:
        daemon = Daemon(config, log, init=init)
        daemon.stop_on(signal.SIGTERM, signal.SIGINT)
        daemon.start()
    except (FairleadError, OSError, UnicodeDecodeError) as wrong:
        log.error("not started", reason=getattr(wrong, "reason", type(wrong).__name__), message=str(wrong))
        return EXIT_FAILED
    # All that is there now stays to the end: a full collection would look at it again, 40 ms in every handler's way.
    gc.collect()
    gc.freeze()
    tell(READY, log)
    daemon.wait()
    tell(STOPPING, log)
    return EXIT_OK if daemon.stop() else EXIT_FAILED


def tell(state: str, log: FilteringBoundLogger) -> None:
    """Tells systemd; who cannot be told is no reason to stop serving."""
    try:
        notify(state, os.environ)
    except OSError as wrong:
        log.warning("systemd was not told", state=state, socket=os.environ[VARIABLE], message=str(wrong))
