"""The journal under load: bytes for an assign and its complete, commits, and what fsync costs beside none.

Workload: one embedded router with 100 agents. THREADS threads each assign a job with an id of 36 characters and
complete it, in mode fsync: commits, and the bytes of their frames, to which comes what the end of a job's retention
takes. `fsync_to_none_throughput` is measured with batches of BATCH assigns under one lock, about what the native
transport brings, from THREADS threads: assigns a second in mode fsync over those in mode none, both with a journal,
runs alternating, median of ROUNDS. `snapshot_pause_us` is the longest call of a router
with LIVE jobs and LIVE_AGENTS agents, assigned and completed by one caller in mode none, whose calls wait for no disk,
while SNAPSHOTS snapshots are made of it. Of a call that never gave its processor away it is the processor's time: what
lies between was the machine's, as Linux tells it, given to another process or another virtual machine. Of one that did
it is all the time but that in which it waited for a processor. `snapshot_longest_call_us` is all the time of the
longest one, and the two `quiet` figures are of as many calls without a snapshot. Python's garbage collector rests.
Excluded: the network, and what memory costs that the machine never
used before (`servers.warm_memory`). Verified: every concurrent run is opened again and must have the hash it was
closed with, and the run with snapshots must begin with one.
"""

import argparse
import gc
import json
import platform
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.servers import warm_memory
from fairlead import Router
from fairlead.journal.reader import Reader
from fairlead.shard.core import Method, Shard
from fairlead.v1 import routing_service_pb2 as pb

AGENTS = 100
THREADS = 16
BATCH = 500
ROUNDS = 3
CONCURRENT_PAIRS = 10_000
LIVE = 1_000_000
LIVE_AGENTS = 10_000
SNAPSHOTS = 2
# Asking the scheduler takes longer than a call: it is done after a call that was slower than this, and now and then.
SLOW_US = 100
LOOK_EVERY = 1_000


def filled(path: Path, mode: str) -> Router:
    """A router with agents who are online."""
    router = Router(path, mode)
    for number in range(AGENTS):
        router.create_agent(f"agent-{number}", capacity=1_000, presence=1)
    return router


def reopened(path: Path, router: Router) -> None:
    """Raises SystemExit when what comes back is something else."""
    before = router.state_hash()
    router.close()
    with Router(path, "none") as again:
        if again.state_hash() != before or again.check():
            raise SystemExit(f"{path}: recovery came to another state")


def concurrent(path: Path, pairs: int, forgotten: float) -> dict[str, float]:
    """Bytes a pair, commits a second and records a commit, in mode fsync, from many callers."""
    router = filled(path, "fsync")
    before = router.journal()

    def work(name: int) -> None:
        for number in range(pairs // THREADS):
            job = f"{name:06d}-{number:029d}"
            router.complete(job, router.assign(job).version)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(THREADS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    after = router.journal()
    commits = after["commits"] - before["commits"]
    reopened(path, router)
    pairs = pairs // THREADS * THREADS
    return {
        "bytes_per_pair": round(written_behind(path, before["sequence"]) / pairs + forgotten, 1),
        "commits_per_second": round(commits / seconds),
        "records_per_commit": round((after["sequence"] - before["sequence"]) / commits, 1),
    }


def written_behind(path: Path, sequence: int) -> int:
    """Bytes of the frames whose records are all behind this one."""
    return sum(frame.size for frame in Reader(str(path)) if frame.first > sequence)


def forgetting(path: Path, jobs: int) -> float:
    """Bytes of a job's end of retention."""
    with Router(path, "none", virtual_time=True) as router:
        router.create_agent("agent", capacity=10_000, presence=1)
        router.advance_to(1_700_000_000)
        for number in range(jobs):
            job = f"{number:036d}"
            router.complete(job, router.assign(job).version)
        before = router.journal()["sequence"]
        router.advance_to(1_700_010_000)
        router.status()
    return written_behind(path, before) / jobs


def engine_path(path: Path, mode: str, batches: int) -> float:
    """Assigns a second through the dispatcher, a batch of them for each wait."""
    shard = Shard()
    shard.open(str(path), mode)
    for number in range(AGENTS):
        shard.create_agent("default", f"agent-{number}", capacity=1_000, presence=1)
    jobs = [f"{number:036d}" for number in range(batches * BATCH)]
    assigns = [
        pb.BatchAssignRequest(jobs=[{"id": job} for job in jobs[at : at + BATCH]]).SerializeToString()
        for at in range(0, len(jobs), BATCH)
    ]
    start = time.perf_counter()

    def work(mine: range) -> None:
        for number in mine:
            shard.submit(Method.BATCH_ASSIGN, assigns[number], lambda *_: None)

    workers = [threading.Thread(target=work, args=(range(part, batches, THREADS),)) for part in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - start
    shard.close()
    return len(jobs) / seconds


def waited_us() -> float:
    """Microseconds that this thread has waited for a processor so far; 0 where the system does not tell."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1_000
    except OSError:
        return 0.0


def longest_calls(router: Router, first: int, goes_on: Callable[[int], bool]) -> tuple[float, float, int]:
    """The longest pause and the longest call in microseconds; how many calls there were."""
    pause = longest = 0.0
    number, waited = first, waited_us()
    while goes_on(number - first):
        job = f"{number:036d}"
        gave_up, ran = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw, time.thread_time_ns()
        start = time.perf_counter_ns()
        router.complete(job, router.assign(job).version)
        taken = (time.perf_counter_ns() - start) / 1_000
        number += 1
        if taken > min(longest, pause):
            longest = max(longest, taken)
            if resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw == gave_up:
                pause = max(pause, (time.thread_time_ns() - ran) / 1_000)
            else:
                pause = max(pause, taken - (waited_us() - waited))
        if taken > SLOW_US or number % LOOK_EVERY == 0:
            waited = waited_us()
    return pause, longest, number - first


def pause_of_snapshots(path: Path) -> dict[str, float]:
    """The longest call of a router while snapshots are made of it."""
    router = Router(path, "none")
    for number in range(LIVE_AGENTS):
        router.create_agent(f"agent-{number}", capacity=2 * LIVE // LIVE_AGENTS, presence=1)
    for number in range(LIVE):
        router.assign(f"live-{number:031d}")
    made: list[dict[str, Any]] = []

    def make() -> None:
        made.extend(router.snapshot() for _ in range(SNAPSHOTS))

    maker = threading.Thread(target=make)
    gc.collect()
    gc.disable()
    maker.start()
    pause, longest, calls = longest_calls(router, 0, lambda _: maker.is_alive())
    maker.join()
    quiet_pause, quiet_longest, _ = longest_calls(router, calls, lambda done: done < calls)
    gc.enable()
    before = router.state_hash()
    router.close()
    with Router(path, "none") as again:
        if again.state_hash() != before or again.recovered is None or again.recovered.snapshot != made[-1]["snapshot"]:
            raise SystemExit(f"{path}: recovery came to another state, or not from {made[-1]}")
    return {
        "snapshot_pause_us": round(pause),
        "snapshot_longest_call_us": round(longest),
        "quiet_pause_us": round(quiet_pause),
        "quiet_longest_call_us": round(quiet_longest),
        "calls_during_snapshots": calls,
    }


def main() -> None:
    """Prints the result, as JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--folder", help="where the journals go; the disk that is measured")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"machine": platform.platform(), "pairs": arguments.pairs, "threads": THREADS}
    warm_memory()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder)
        pairs = min(arguments.pairs, CONCURRENT_PAIRS)
        result |= concurrent(root / "concurrent", pairs, forgetting(root / "forgetting", pairs))
        ratios = []
        for number in range(ROUNDS):
            none = engine_path(root / f"none-{number}", "none", arguments.pairs // BATCH)
            fsync = engine_path(root / f"fsync-{number}", "fsync", arguments.pairs // BATCH)
            ratios.append(fsync / none)
        result["fsync_to_none_throughput"] = round(statistics.median(ratios), 3)
        result |= pause_of_snapshots(root / "snapshots")
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
