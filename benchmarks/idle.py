"""What an idle connection costs: resident memory of the daemon and of a bare nghttp2 server, for each of thousands.

    python -m benchmarks.idle [--json] [--connections 2000]

Every connection says hello, makes one call, has its answer and stays. Before the measurement some come and go, so that
what a process allocates once is not counted. One object: `daemon` and `echo` in bytes a connection (growth of VmRSS),
`over_nghttp2` the difference. Left out: memory of the kernel.
"""

import argparse
import json
import socket
import sys
import time
from pathlib import Path

from benchmarks.servers import Server, daemon, echo
from fairlead.v1 import routing_service_pb2
from tests.contract import raw_http2 as http2
from tests.contract.raw_http2 import Peer, frame, message, request

WARM_UP = 200
SETTLE_SECONDS = 1.0
GUARDS = "[guards]\nconnections_per_address = 16000\naccept_burst = 1000000\nkeepalive_seconds = 3600\n"


def resident(server: Server) -> int:
    """VmRSS in bytes."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def open_idle(server: Server, count: int) -> list[Peer]:
    """Connections that have had the answer to a call."""
    body = message(routing_service_pb2.GetJobRequest(tenant="none", job_id="none").SerializeToString())
    head = request("/fairlead.v1.RoutingService/GetJob")
    call = frame(http2.HEADERS, http2.END_HEADERS, 1, head) + frame(http2.DATA, http2.END_STREAM, 1, body)
    peers = [Peer(server.address) for _ in range(count)]
    for peer in peers:
        assert peer.send(call), "the server does not take a call"
    for peer in peers:
        ended = any(kind == http2.HEADERS and flags & http2.END_STREAM for kind, flags, _, _ in peer.frames())
        assert ended, "a call was not answered"
    return peers


def measure(server: Server, count: int) -> float:
    """Bytes a connection."""
    for peer in open_idle(server, WARM_UP):
        peer.socket.shutdown(socket.SHUT_RDWR)
        peer.close()
    time.sleep(SETTLE_SECONDS)
    before = resident(server)
    peers = open_idle(server, count)
    time.sleep(SETTLE_SECONDS)
    grown = resident(server) - before
    for peer in peers:
        peer.close()
    return grown / count


def run(connections: int) -> dict[str, float]:
    """Both, one after the other."""
    with echo() as server:
        bare = measure(server, connections)
    with daemon("native", more=GUARDS) as server:
        ours = measure(server, connections)
    return {
        "connections": connections,
        "daemon": round(ours),
        "echo": round(bare),
        "over_nghttp2": round(ours - bare),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--connections", type=int, default=2_000)
    options = parser.parse_args()
    if not 100 <= options.connections <= 15_000:
        sys.exit("--connections must be 100 to 15000, and the system must allow so many open files")
    result = run(options.connections)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:12} {value:>10,}")


if __name__ == "__main__":
    main()
