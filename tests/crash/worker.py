"""A process that answers assignments until it is killed.

`python -m tests.crash.worker PATH MODE THREADS [SEGMENT_SIZE]`

Prints "ready", then a line for each answer, after it was given: the job's id, its agent, its version.
"""

import sys
import threading

from fairlead import Router


def work(router: Router, name: str) -> None:
    """Assigns and completes for ever."""
    number = 0
    while True:
        job = f"{name}-{number:026d}"
        answer = router.assign(job, customer=f"customer-{number % 50}", tenant="default")
        sys.stdout.write(f"assigned {job} {answer.agent_id} {answer.version}\n")
        if number % 3:
            ended = router.complete(job, answer.version, request_id=f"done-{job}")
            sys.stdout.write(f"ended {job} {ended.agent_id} {ended.version}\n")
        sys.stdout.flush()
        number += 1


def main() -> None:
    """Opens, fills an empty router with agents, works."""
    path, mode, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    size = int(sys.argv[4]) if len(sys.argv) > 4 else 1 << 20
    router = Router(path, mode, segment_size=size)
    if not router.agents():
        for number in range(20):
            router.create_agent(f"agent-{number}", capacity=10_000, presence=1)
    print(f"ready {router.recovered.records if router.recovered else 0}", flush=True)
    start = sum(1 for _ in router.jobs())
    for number in range(threads):
        threading.Thread(target=work, args=(router, f"{start:05d}-{number:02d}"), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
