"""Fuzzes the decoder and encoder of hot messages beside the official runtime, and the daemon's socket, for a time.

    python -m tests.fuzz [target ...] [--seconds 3600] [--seed N]          `make fuzz` runs it on the sanitized build
    python -m tests.fuzz --replay FILE                                      one kept input of the decoder

The time is shared by the targets. An input that breaks something is kept as build/fuzz/crash-TARGET-SEED, also when a
sanitizer ends the process; it becomes a fixed test. Without a defect the exit code is 0.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.targets import CORPUS, TARGETS, Codec, Input, Strict, Wire, input_of
from tests.property.test_codec_fuzz import compare

FOLDER = Path("build/fuzz")
PROGRESS_SECONDS = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="target", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=3_600)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--keep", action="store_true", help="write what was new to the decoder into tests/fuzz/corpus")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.replay:
        data = input_of(given.replay)
        print(f"method {data[0]}, {len(data) - 1} bytes, accepted: {compare(data[0], data[1:])}")
        return 0
    chosen = given.targets or list(TARGETS)
    if unknown := set(chosen) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if given.child:
        return fuzz(chosen[0], given.seconds, given.seed, given.keep)
    # Each in a process of its own: a sanitizer ends the one that it finds wrong.
    return max(apart(name, given.seconds / len(chosen), given.seed, given.keep) for name in chosen)


def apart(name: str, seconds: float, seed: int, keep: bool) -> int:
    """Runs a target in a process; keeps its input when it fails. 0 or 1."""
    command = [sys.executable, "-m", "tests.fuzz", name, "--child", f"--seconds={seconds}", f"--seed={seed}"]
    code = subprocess.call([*command, *(["--keep"] if keep else [])])
    if code == 0:
        return 0
    crash = FOLDER / f"crash-{name}-{seed}"
    (FOLDER / f"current-{name}").replace(crash)
    print(f"{name}: failed with exit code {code} and seed {seed}; its input is {crash}", file=sys.stderr)
    return 1


def fuzz(name: str, seconds: float, seed: int, keep: bool) -> int:
    """One target until the time is over."""
    with tempfile.TemporaryDirectory() as folder:
        target = TARGETS[name](random.Random(seed), Input(FOLDER / f"current-{name}"), Path(folder))
        begin = shown = time.monotonic()
        count = 0
        while (now := time.monotonic()) - begin < seconds:
            target.step()
            count += 1
            if now - shown > PROGRESS_SECONDS:
                shown = now
                rate = count / (now - begin)
                print(f"{name}: {now - begin:.0f} of {seconds:.0f} s, {count} inputs, {rate:.0f}/s", file=sys.stderr)
        if isinstance(target, Wire | Strict):
            target.close()
    kinds = f"; {len(target.kept)} kinds of answers" if target.kept else ""
    print(f"{name}: {count} inputs in {seconds:.0f} s with seed {seed}, nothing wrong{kinds}")
    if keep and isinstance(target, Codec):
        for number, words in enumerate(sorted(target.kept)):
            (CORPUS / f"codec-{number:03}").write_bytes(target.kept[words])
    return 0


if __name__ == "__main__":
    sys.exit(main())
