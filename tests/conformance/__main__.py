"""Runs what other projects have to test gRPC, HTTP/2 and Connect against the native transport, and prints a table.

    python -m tests.conformance [suite ...]        default: all; `make conformance ARGS=..`

Needs Go, Rust (cargo), a JDK with Maven, Node with npm, nghttpd and curl, and the package registries of these languages
the first time; what is missing is named and counts as failed. Everything is built under build/conformance.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from tests.conformance.stock_clients import clients
from tests.conformance.suites import Result, connect, curl, grpcurl, h2spec, interop
from tests.conformance.tools import BUILD, Failed

SUITES: Mapping[str, Callable[[], Iterator[Result]]] = {
    "interop": interop,
    "h2spec": h2spec,
    "connect": connect,
    "clients": clients,
    "grpcurl": grpcurl,
    "curl": curl,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="suite", help=", ".join(SUITES))
    chosen = parser.parse_args().suites or list(SUITES)
    if unknown := set(chosen) - set(SUITES):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    BUILD.mkdir(parents=True, exist_ok=True)
    results = []
    for name in chosen:
        print(f"{name}: {SUITES[name].__doc__}", file=sys.stderr, flush=True)
        begin = time.monotonic()
        try:
            for result in SUITES[name]():
                results.append(result)
                print(f"  {line(result)}", file=sys.stderr, flush=True)
        except Failed as failed:
            results.append(Result(name, "", 0, 0, 0, str(failed)))
            print(f"  {failed}", file=sys.stderr, flush=True)
        print(f"  {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    print(f"\n{'':5}{'suite':26}{'version':24}{'passed':>12}  known failures, and notes")
    for result in results:
        print(line(result))
    return 0 if all(result.is_good for result in results) else 1


def line(result: Result) -> str:
    """A line of the table."""
    verdict = "ok" if result.is_good else "FAIL"
    count = f"{result.passed} of {result.total}"
    known = f"{result.known} known; " if result.known else ""
    return f"{verdict:5}{result.name:26}{result.version:24}{count:>12}  {known}{result.note}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
