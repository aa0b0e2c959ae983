"""The native transport with test services beside its own: what the suites of `make conformance` speak to.

python -m tests.conformance.server [--listen HOST:PORT]             prints its address, serves until SIGTERM
python -m tests.conformance.server --connect PROTO_FOLDER           as the Connect suite starts the servers it tests
"""

import argparse
import signal
import struct
import sys
from pathlib import Path

from fairlead.config import Config, LogConfig
from fairlead.shard.core import Shard
from tests.conformance import connect_service, interop
from tests.conformance.methods import ConformanceTransport
from tests.conformance.protocol import message

DRAIN_SECONDS = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--connect", type=Path, metavar="PROTO_FOLDER")
    arguments = parser.parse_args()
    methods = interop.methods() if arguments.connect is None else connect_service.methods(arguments.connect)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    transport = ConformanceTransport(Shard(), Config(listen=arguments.listen, log=LogConfig("warning")), methods)
    transport.start()
    if arguments.connect is None:
        print(transport.address, flush=True)
    else:
        _answer_the_suite(transport.address)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    transport.stop(DRAIN_SECONDS)


def _answer_the_suite(address: str) -> None:
    """One message in, one out, each behind its size in 4 bytes."""
    size = struct.unpack(">I", sys.stdin.buffer.read(4))[0]
    message("connectrpc.conformance.v1.ServerCompatRequest").FromString(sys.stdin.buffer.read(size))
    host, _, port = address.rpartition(":")
    answer = message("connectrpc.conformance.v1.ServerCompatResponse")(host=host, port=int(port)).SerializeToString()
    sys.stdout.buffer.write(struct.pack(">I", len(answer)) + answer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
