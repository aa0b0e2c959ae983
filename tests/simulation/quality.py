"""`make quality`: every system with a known answer, played until its interval is narrow; prints a table.

Each system is told as it is done. Ctrl-C ends the run with the table of those that are, and exit code 130. It is 1 when
a value is further off than its tolerance, or its interval leaves out the exact one.
"""

import argparse
import math
import multiprocessing
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import NamedTuple

from fairlead.commands.table import table
from fairlead.simulate.run import processors
from tests.simulation.known import COMPUTED, REFERENCE, from_tables
from tests.simulation.systems import System, interval, replications

JOBS = 100_000
BATCH = 20
# Half of the interval is to be at most this part of the tolerance.
NARROW = 0.6
MOST_JOBS = 120_000_000


class Row(NamedTuple):
    """One value of one system: what was expected, what was simulated, and the verdict."""

    system: str
    value: str
    exact: float
    mean: float
    low: float
    high: float
    tolerance: float
    jobs: int

    @property
    def deviation(self) -> float:
        """Relative to the exact value."""
        return self.mean / self.exact - 1 if self.exact else math.inf if self.mean else 0.0

    @property
    def verdict(self) -> str:
        """ok: within the tolerance and covered; wide: covered, but the bound of jobs came before the tolerance."""
        if not self.low <= self.exact <= self.high:
            return "MISS"
        if abs(self.deviation) <= self.tolerance:
            return "ok"
        return "wide" if (self.high - self.low) / 2 > self.tolerance * abs(self.exact) else "MISS"


def known() -> dict[str, System]:
    """All systems by name."""
    return {system.name: system for system in (*COMPUTED, *from_tables())}


def play(name: str, most_jobs: int) -> list[Row]:
    """Batches of replications until every interval is narrow, or the jobs are used up."""
    # By name: systems hold functions, which do not go from process to process.
    system = known()[name]
    samples = replications(system, BATCH, JOBS)
    jobs = JOBS * system.length
    while len(samples) * jobs < most_jobs and not _is_narrow(system, samples):
        # As many as the widest interval seems to need, at most as many again.
        samples += replications(system, BATCH, JOBS, first=len(samples))
    rows = []
    for key, exact in system.exact.items():
        found = interval(samples, key)
        count = round(len(samples) * jobs)
        rows.append(Row(system.name, key, exact, found.mean, found.low, found.high, system.tolerance, count))
    return rows


def _is_narrow(system: System, samples: list) -> bool:  # type: ignore[type-arg]
    bound = NARROW * system.tolerance
    return all(interval(samples, key).half_width <= bound * abs(exact) for key, exact in system.exact.items())


def summary(rows: list[Row]) -> str:
    """How many values have which verdict."""
    verdicts = [row.verdict for row in rows]
    return ", ".join(f"{verdicts.count(word)} {word}" for word in ("ok", "wide", "MISS") if word in verdicts)


def play_all(systems: list[str], most_jobs: int) -> tuple[list[Row], bool]:
    """The values of all systems, or of those done before a Ctrl-C, and whether that is all. Tells how far it is."""
    begin, is_whole = time.monotonic(), True
    found: dict[str, list[Row]] = {}
    with ProcessPoolExecutor(processors(), multiprocessing.get_context("spawn"), _leave_interrupts) as pool:
        futures = {pool.submit(play, name, most_jobs): name for name in systems}
        try:
            for done, future in enumerate(as_completed(futures), 1):
                rows = found[futures[future]] = future.result()
                took = f"{done} of {len(systems)}, {time.monotonic() - begin:.0f} s"
                print(f"{took}: {futures[future]}: {summary(rows)}", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            is_whole = False
            print(f"interrupted: {len(found)} of {len(systems)} systems are done", file=sys.stderr, flush=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
    return [row for name in systems for row in found.get(name, ())], is_whole


def _leave_interrupts() -> None:
    """Ctrl-C reaches the whole group; who started the workers ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="systems whose name has this in it")
    parser.add_argument("--most-jobs", type=int, default=MOST_JOBS, help=f"of one system; default {MOST_JOBS:,}")
    options = parser.parse_args()
    systems = [name for name in known() if options.only in name]
    if not REFERENCE.is_dir():
        print(f"the tables are not at {REFERENCE}: only the {len(COMPUTED)} systems that are computed here are played")
    rows, is_whole = play_all(systems, options.most_jobs)
    headings = ("SYSTEM", "VALUE", "EXACT", "SIMULATED", "99.9 % INTERVAL", "OFF BY", "MAY BE", "JOBS", "")
    shown = [
        (
            *(row.system, row.value, f"{row.exact:.6g}", f"{row.mean:.6g}", f"{row.low:.6g} to {row.high:.6g}"),
            *(f"{row.deviation:+.2%}", f"{row.tolerance:.0%}", row.jobs, row.verdict),
        )
        for row in rows
    ]
    print(table(headings, shown, left=2))
    print(f"{len(rows)} values of {len(systems)} systems: {summary(rows)}")
    if any(row.verdict == "MISS" for row in rows):
        return 1
    return 0 if is_whole else 130


if __name__ == "__main__":
    sys.exit(main())
