"""`fairlead load`: loads a daemon with distinct jobs, each assigned and completed, and tells how fast it answered.

Closed loop: every place in flight begins its next call when the last is answered. With --rate an open loop: jobs are
due at fixed times, a late one counts from when it was due, and answers that come after the duration count too; its jobs
a second are those begun in time, and jobs that are due while every place in flight is taken are told as not begun.
With --mix each job is also read and an agent beats between the two. Works on a tenant of its own; agents are created
there. Ctrl-C or SIGTERM ends the load early; what was measured until then is told.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fairlead.commands.client import print_json
from fairlead.config import Config

DEFAULT_TENANT = "load"
FINISH_SECONDS = 5.0
MAX_CONNECTIONS = 1_024
MAX_IN_FLIGHT = 1_000
MIXED = ("GetJob", "Heartbeat")
MAX_MIXED = 16
INTERRUPTED = 130


def register(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("load", help="load a daemon and measure it", description=__doc__, allow_abbrev=False)
    parser.add_argument("--address", metavar="HOST:PORT", default=Config.listen, help="the daemon")
    parser.add_argument("--tenant", metavar="NAME", default=DEFAULT_TENANT, help="where agents and jobs go")
    parser.add_argument("--agents", metavar="N", type=_whole(1, 1_000_000), default=1_000, help="created when missing")
    parser.add_argument("--connections", metavar="N", type=_whole(1, MAX_CONNECTIONS), default=4)
    parser.add_argument("--in-flight", metavar="N", type=_whole(1, MAX_IN_FLIGHT), default=10, help="per connection")
    parser.add_argument("--duration", metavar="SECONDS", type=float, default=10.0)
    parser.add_argument("--warm-up", metavar="SECONDS", type=float, default=0.5, help="not measured")
    parser.add_argument("--rate", metavar="JOBS", type=float, default=0.0, help="jobs a second; 0: closed loop")
    parser.add_argument("--batch", metavar="N", type=_whole(0, 1_000), default=0, help="BatchAssign of N jobs instead")
    parser.add_argument(
        "--mix", metavar="METHOD=N,..", type=_mix, default={}, help="calls of each job beside two: GetJob=2,Heartbeat=1"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, no live line")
    parser.set_defaults(run=run, parser=parser)


def run(namespace: argparse.Namespace) -> int:
    """Prepares, loads, prints; exit code 1 when calls were lost or failed, 130 after Ctrl-C or SIGTERM."""
    # The generator is compiled; the other commands do without.
    from fairlead.commands import load_plan as plan

    plan.create_agents(namespace.address, namespace.tenant, namespace.agents)
    sockets = plan.connect(namespace.address, namespace.connections)
    load = plan.generator(
        sockets,
        namespace.address,
        namespace.tenant,
        namespace.in_flight,
        namespace.rate,
        namespace.batch,
        namespace.mix,
        namespace.agents,
    )
    started = time.monotonic()
    try:
        with as_interrupt(signal.SIGTERM):
            load.run(namespace.warm_up)
            load.reset()
            started = time.monotonic()
            _load(load, namespace, started)
        interrupted = False
    except KeyboardInterrupt:
        interrupted = True
    seconds = time.monotonic() - started
    measured = load.result()
    answered, began, began_seconds = _calls(measured), measured["began"], measured["seconds"]
    load.finish(FINISH_SECONDS)
    if namespace.rate:
        measured = load.result()
    for each in sockets:
        each.close()
    jobs_per_second = (
        began / began_seconds if namespace.rate and began_seconds else measured["methods"]["Assign"]["calls"] / seconds
    )
    result = {
        "connections": namespace.connections,
        "in_flight": namespace.in_flight,
        "rate": namespace.rate,
        "calls_per_second": round(answered / seconds, 1),
        "jobs_per_second": round(jobs_per_second * (namespace.batch or 1), 1),
        "not_begun": max(0, int(namespace.rate * began_seconds) - began) if namespace.rate else 0,
        "methods": measured["methods"],
        "unassigned": measured["unassigned"],
        "lost": measured["lost"],
        "seconds": round(seconds, 3),
    }
    if namespace.json:
        print_json(result)
    else:
        print(_text(result))
    failed = sum(sum(method["codes"].values()) - method["codes"].get(0, 0) for method in measured["methods"].values())
    if interrupted:
        return INTERRUPTED
    return 1 if failed or measured["lost"] else 0


@contextmanager
def as_interrupt(number: signal.Signals) -> Iterator[None]:
    """The signal is what Ctrl-C is, which a script's background jobs do not hear. For the main thread."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def _load(load: Any, namespace: argparse.Namespace, started: float) -> None:
    """Loads for the duration, in turns of a second, each with its live line."""
    works, calls = True, 0
    while works and (left := namespace.duration - (time.monotonic() - started)) > 0:
        turn = time.monotonic()
        works = load.run(min(1.0, left))
        done = _calls(load.result())
        if not namespace.json and sys.stderr.isatty():
            rate = (done - calls) / (time.monotonic() - turn)
            print(f"\r{rate:12,.0f} calls/s", end="", file=sys.stderr, flush=True)
        calls = done
    if not namespace.json and sys.stderr.isatty():
        print(file=sys.stderr)


def _calls(measured: dict[str, Any]) -> int:
    return sum(method["calls"] for method in measured["methods"].values())


def _text(result: dict[str, Any]) -> str:
    lines = [
        f"{result['calls_per_second']:,.0f} calls/s for {result['seconds']:.1f} s, "
        f"{result['connections']} connections, {result['in_flight']} in flight each"
    ]
    for name, method in result["methods"].items():
        if method["calls"]:
            times = "  ".join(
                f"{key.removesuffix('_us')} {value:,.0f}" for key, value in method.items() if "_us" in key
            )
            codes = ", ".join(f"{code}: {count:,}" for code, count in method["codes"].items())
            lines.append(f"{name:12} us  {times}  codes {codes}")
    if result["unassigned"] or result["lost"]:
        lines.append(f"{result['unassigned']:,} jobs nobody could take, {result['lost']:,} calls lost")
    if result["not_begun"]:
        lines.append(f"{result['not_begun']:,} jobs were due while every place in flight was taken")
    return "\n".join(lines)


def _mix(text: str) -> dict[str, int]:
    """`GetJob=2,Heartbeat=1` as a mapping."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, count = part.partition("=")
        if name not in MIXED or name in found or not count.isdecimal() or int(count) > MAX_MIXED:
            raise argparse.ArgumentTypeError(
                f"{part!r}; must be {' or '.join(f'{each}=N' for each in MIXED)} once each, N at most {MAX_MIXED}"
            )
        found[name] = int(count)
    return found


def _whole(low: int, high: int) -> Any:
    def whole(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{number}; must be {low} to {high}")
        return number

    whole.__name__ = f"whole number from {low} to {high}"
    return whole
