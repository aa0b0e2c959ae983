"""Side by side: the same job for fairlead and for what a team would build instead.

    python -m benchmarks.peers [--json] [--quick] [--only NAMES] [--growth] [--rate JOBS ..] [--write docs]

The job: give each conversation to the least loaded agent who has the skill and room; complete it later; capacity is
never exceeded. The server and all it starts have one core, the load the other. Every peer is started afresh in each
round, its answers are judged before a time is taken, and the rounds go through all peers in turn. Left out: starting,
creating the agents, filling, the warm-up. Ctrl-C ends what was started and prints what is finished.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from benchmarks.peers import job, report, runs
from benchmarks.peers.contestants import PEERS, Peer, Team
from benchmarks.peers.machine import CLIENT_CORE, PeerFailed, pin, work_folder
from benchmarks.peers.tools import Absent
from benchmarks.servers import warm_memory
from fairlead.errors import FairleadError

IN_FLIGHT = (1, 10, 100)
ROUNDS = 3
SECONDS = 1.5
QUICK_SECONDS = 0.3
START_CHECK_STEPS = 100
GROWTH = (100, 1_000, 10_000, 100_000)
GROWTH_IN_FLIGHT = 10
RATE_IN_FLIGHT = 100
RATES = (500.0, 20_000.0)


class Comparison:
    """One run: what is asked for, and what is finished so far."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.peers = [peer for peer in PEERS if not options.only or peer.name in options.only]
        self.proved: dict[str, int] = {}
        self.absent: list[dict[str, str]] = []
        self.rows: list[dict[str, Any]] = []
        self.open_rows: list[dict[str, Any]] = []
        self.growth_rows: list[dict[str, Any]] = []
        self.interrupted = False
        self.load_before = os.getloadavg()[0]

    def tell(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def run(self) -> None:
        """All of it; Ctrl-C and SIGTERM end it early."""
        try:
            for peer in list(self.peers):
                self._try(peer, lambda peer=peer: self._prove(peer))
            for number in range(self.options.rounds):
                for peer in list(self.peers):
                    self._try(peer, lambda peer=peer, number=number: self._round(peer, number))
            if self.options.growth:
                for agents in GROWTH:
                    for peer in list(self.peers):
                        self._try(peer, lambda peer=peer, agents=agents: self._grow(peer, agents))
        except KeyboardInterrupt:
            self.interrupted = True
            self.tell("interrupted: what is finished follows")

    def _try(self, peer: Peer, step: Any) -> None:
        """A peer that is absent or answers wrongly goes no further; one that fails is tried again in its next turn."""
        try:
            step()
        except Absent as why:
            self._note(peer, f"absent: {why}")
            self.peers.remove(peer)
        except job.WrongAnswer as why:
            self._note(peer, f"wrong answer: {why}")
            self.peers.remove(peer)
        except (PeerFailed, FairleadError, OSError) as why:
            self._note(peer, f"failed: {why}")

    def _note(self, peer: Peer, why: str) -> None:
        note = {"name": peer.name, "class": peer.kind, "why": why}
        if note not in self.absent:
            self.absent.append(note)
        self.tell(f"{peer.name}: {why}")

    def _prove(self, peer: Peer) -> None:
        if peer.name not in self.proved:
            self.tell(f"{peer.name}: judging its answers")
            self.proved[peer.name] = runs.prove(peer, self.folder)

    def _round(self, peer: Peer, number: int) -> None:
        self._prove(peer)
        team = Team(self.folder, self.options.agents)
        with peer.start(team) as server:
            runs.check(server, team, START_CHECK_STEPS)
            for in_flight in (1,) if peer.callers else IN_FLIGHT:
                row = runs.measure(peer, server, team, runs.Load(in_flight, self.options.seconds))
                self._take(self.rows, row, f"round {number + 1}/{self.options.rounds}, {in_flight} in flight")
            for rate in self.options.rate:
                load = runs.Load(RATE_IN_FLIGHT, self.options.seconds, rate=rate)
                row = runs.measure(peer, server, team, load)
                self._take(self.open_rows, row, f"round {number + 1}/{self.options.rounds}, {rate:,.0f} jobs/s are due")

    def _grow(self, peer: Peer, agents: int) -> None:
        self._prove(peer)
        team = Team(self.folder, agents)
        with peer.start(team) as server:
            runs.check(server, team, START_CHECK_STEPS)
            row = runs.measure(peer, server, team, runs.Load(GROWTH_IN_FLIGHT, self.options.seconds))
            self._take(self.growth_rows, row, f"{agents:,} agents")

    def _take(self, rows: list[dict[str, Any]], row: dict[str, Any], what: str) -> None:
        row["over_capacity"] += self.proved[row["name"]]
        rows.append(row)
        self.tell(f"{row['name']}: {what}: {row['assignments_per_second']:,.0f}/s, p99 {row['p99_us']:,.0f} us")

    def result(self) -> dict[str, Any]:
        """The one object."""
        results = report.medians(self.rows)
        return {
            "machine": report.machine(),
            "commit": report.commit(),
            "seconds": self.options.seconds,
            "rounds": self.options.rounds,
            "quick": self.options.quick,
            "interrupted": self.interrupted,
            "load_average": [self.load_before, os.getloadavg()[0]],
            "results": results,
            "to_best_peer": report.to_best_peer(results, IN_FLIGHT, {peer.name for peer in PEERS if peer.ours}),
            "open_loop": report.medians(self.open_rows),
            "growth": report.medians(self.growth_rows),
            "absent": self.absent,
        }


def names(text: str) -> list[str]:
    """Of --only. Raises for one that is no peer."""
    known = [peer.name for peer in PEERS]
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in chosen if name not in known]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no peer; there are: {', '.join(known)}")
    return chosen


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"a smoke test: one round, {QUICK_SECONDS} s a point")
    parser.add_argument("--only", type=names, default=[], metavar="NAMES", help="some peers, with commas")
    parser.add_argument("--agents", type=int, default=1_000, help="at most 100,000")
    parser.add_argument("--seconds", type=float, default=None, help=f"of each point; {SECONDS}")
    parser.add_argument("--rounds", type=int, default=None, help=f"through all peers; {ROUNDS}")
    parser.add_argument("--rate", type=float, nargs="*", default=None, metavar="JOBS", help="open loops, jobs a second")
    parser.add_argument("--growth", action="store_true", help="also 100 to 100,000 agents: minutes more")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="tables and plots into DOCS/PEERS.md")
    options = parser.parse_args(arguments)
    options.seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    options.rounds = options.rounds or (1 if options.quick else ROUNDS)
    options.rate = ([] if options.quick else list(RATES)) if options.rate is None else options.rate
    for name, value, least, most in (
        ("agents", options.agents, 100, 100_000),
        ("seconds", options.seconds, 0.1, 60),
        ("rounds", options.rounds, 1, 100),
        *(("rate", rate, 1, 1_000_000) for rate in options.rate),
    ):
        if not least <= value <= most:
            parser.error(f"--{name} {value:g}: {least:,} to {most:,} are allowed")
    if options.write and (why := report.problem(options.write)):
        parser.error(f"--write: {why}")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parsed(arguments)
    # Whoever ends us politely gets the servers ended, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    pin(CLIENT_CORE)
    warm_memory()
    with work_folder() as folder:
        comparison = Comparison(options, folder)
        comparison.run()
    result = comparison.result()
    print(json.dumps(result, indent=2) if options.json else report.text(result))
    if options.write:
        report.write(result, options.write)
    return 130 if comparison.interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
