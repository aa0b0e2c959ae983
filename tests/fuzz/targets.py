"""What `make fuzz` feeds: the decoder and the encoder beside the official runtime, and the sockets of daemons."""

import mmap
import random
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc

from fairlead.codec import face
from fairlead.v1 import agent_service_pb2, agent_service_pb2_grpc
from tests.contract import raw_http2 as http2
from tests.contract.conftest import DaemonProcess
from tests.contract.raw_http2 import PREFACE, frame, message, request
from tests.fuzz.strict import Conversation
from tests.property.test_codec_fuzz import METHODS, compare, mutate, request_bytes
from tests.unit.test_codec_encode import CHECKS

CORPUS = Path(__file__).parent / "corpus"
LARGEST = 1 << 16
# Letters of a refusal that tell one kind from another.
SENTENCE = 24
PATHS = (
    http2.ASSIGN,
    "/fairlead.v1.RoutingService/GetJob",
    "/fairlead.v1.RoutingService/ListJobs",
    "/fairlead.v1.RoutingService/WatchEvents",
    "/fairlead.v1.RoutingService/Nothing",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
)
FIELDS = (
    ("grpc-timeout", "1S"),
    ("grpc-timeout", "99999999999x"),
    ("grpc-encoding", "gzip"),
    ("grpc-encoding", "br"),
    ("grpc-accept-encoding", "gzip"),
    ("content-encoding", "gzip"),
    ("accept-encoding", "gzip"),
    ("connect-timeout-ms", "5"),
    ("x-bin", "AA=="),
    ("x-bin", "*"),
    ("content-length", "7"),
)
TYPES = ("application/grpc", "application/grpc+proto", "application/json", "application/proto", "text/plain")
CHECK_EVERY = 200
STRICT_STEPS = 60


class Input:
    """The present input in a file that survives this process, so that a sanitizer that ends it costs nothing."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb+") as opened:
            opened.truncate(LARGEST)
            self._map = mmap.mmap(opened.fileno(), LARGEST)

    def put(self, data: bytes) -> None:
        """Keeps these bytes, behind their size."""
        kept = data[: LARGEST - 4]
        self._map[: len(kept) + 4] = struct.pack("<I", len(kept)) + kept


def input_of(file: Path) -> bytes:
    """The input that was kept."""
    data = file.read_bytes()
    return data[4 : 4 + struct.unpack_from("<I", data)[0]]


class Codec:
    """Requests of every hot method, made, mutated and spliced, judged by both runtimes.

    An input is interesting when no smaller one was judged with these words: such ones are mutated further and kept.
    """

    def __init__(self, rng: random.Random, current: Input) -> None:
        self._rng = rng
        self._current = current
        self.kept: dict[str, bytes] = {}
        for file in sorted(CORPUS.glob("codec-*")):
            self._judge(file.read_bytes())

    def step(self) -> None:
        """One input."""
        rng = self._rng
        if self.kept and rng.random() < 0.5:
            data = rng.choice(list(self.kept.values()))
            method, body = data[0], data[1:]
        else:
            method = rng.choice(METHODS)
            body = request_bytes(rng, method)
        other = request_bytes(rng, rng.choice(METHODS))
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            body = mutate(rng, body, other)
        self._judge(bytes((method,)) + body)

    def _judge(self, data: bytes) -> None:
        self._current.put(data)
        accepted = compare(data[0], data[1:])
        verdict = face.decode(data[0], data[1:])
        # What was asked and which sentence refused it, not where or how much.
        sentence = re.sub(r"[^a-z ]|[0-9]", "", str(verdict.get("message", "")))[-SENTENCE:]
        words = f"{data[0]} {accepted} {verdict['status']} {sentence}"
        if words not in self.kept or len(data) < len(self.kept[words]):
            self.kept[words] = data


class Encoder:
    """Replies of random values, written by both runtimes."""

    def __init__(self, rng: random.Random, current: Input) -> None:
        self._rng = rng
        self._current = current
        self.kept: dict[str, bytes] = {}

    def step(self) -> None:
        """One reply of each kind."""
        self._current.put(repr(self._rng.getstate()).encode())
        for check in CHECKS:
            check(self._rng)


def stopped_well(daemon: DaemonProcess) -> None:
    """Stops it; raises AssertionError when it did not end well."""
    code, events = daemon.stop()
    assert code == 0, f"the daemon ended with {code}: {daemon.errors}"
    failed = [event for event in events if event["level"] == "error"]
    assert not failed, f"the daemon logged {failed}"


class Wire:
    """Conversations with a daemon: honest frames, mutated as bytes, cut anywhere. It must stay up and stay right."""

    def __init__(self, rng: random.Random, current: Input, folder: Path) -> None:
        self._rng = rng
        self._current = current
        self._daemon = DaemonProcess(folder, 'drain_seconds = 0\nlog.level = "info"\n')
        self._channel = grpc.insecure_channel(self._daemon.address)
        self._agents = agent_service_pb2_grpc.AgentServiceStub(self._channel)
        self._count = 0
        self.kept: dict[str, bytes] = {}

    def step(self) -> None:
        """One connection; now and then an honest call beside it."""
        data = self._conversation()
        self._current.put(data)
        peer = http2.Peer(self._daemon.address, hello=False)
        for part in self._parts(data):
            if not peer.send(part):
                break
        if self._rng.random() < 0.5:
            peer.socket.settimeout(0.02)
            try:
                while peer.socket.recv(1 << 16):
                    pass
            except OSError:
                pass
        peer.close()
        self._count += 1
        if self._count % CHECK_EVERY == 0:
            assert not self._agents.ListAgents(agent_service_pb2.ListAgentsRequest(tenant="honest"), timeout=60).agents

    def close(self) -> None:
        """Stops the daemon; raises AssertionError when it did not end well."""
        self._channel.close()
        stopped_well(self._daemon)

    def _parts(self, data: bytes) -> Iterator[bytes]:
        if self._rng.random() < 0.7:
            yield data
            return
        at = 0
        while at < len(data):
            size = self._rng.choice((1, 2, 8, 9, 10, 50, 1000))
            yield data[at : at + size]
            at += size

    def _conversation(self) -> bytes:
        rng = self._rng
        data = PREFACE + frame(http2.SETTINGS, 0, 0) + frame(http2.SETTINGS, http2.ACK, 0)
        body = bytearray()
        for number in range(rng.randrange(1, 6)):
            body += self._call(2 * number + 1)
        if rng.random() < 0.8:
            for _ in range(rng.choice((1, 1, 2, 5))):
                body = bytearray(mutate(rng, bytes(body), bytes(body)))
        return data + bytes(body)

    def _call(self, stream: int) -> bytes:
        rng = self._rng
        more = rng.sample(FIELDS, rng.randrange(3))
        block = request(rng.choice(PATHS), *more, content_type=rng.choice(TYPES[:2] if rng.random() < 0.6 else TYPES))
        payload = b"".join(message(request_bytes(rng, rng.choice(METHODS))) for _ in range(rng.choice((0, 1, 1, 1, 3))))
        out = frame(http2.HEADERS, http2.END_HEADERS, stream, block)
        if rng.random() < 0.3:
            cut = rng.randrange(len(block))
            out = frame(http2.HEADERS, 0, stream, block[:cut])
            out += frame(http2.CONTINUATION, http2.END_HEADERS, stream, block[cut:])
        out += frame(http2.DATA, http2.END_STREAM if rng.random() < 0.8 else 0, stream, payload)
        for _ in range(rng.choice((0, 0, 1, 3))):
            out += frame(
                rng.randrange(12),
                rng.randrange(256),
                rng.choice((0, stream, 99)),
                rng.randbytes(rng.choice((0, 4, 5, 8))),
            )
        return out


class Strict:
    """Honest conversations with a daemon that syncs, by a client that checks every frame and every answer."""

    def __init__(self, rng: random.Random, current: Input, folder: Path) -> None:
        self._rng = rng
        self._current = current
        self._daemon = DaemonProcess(folder, 'drain_seconds = 0\njournal.path = "data"\n', "--init")
        self.kept: dict[str, bytes] = {}

    def step(self) -> None:
        """One connection; its seed is kept."""
        seed = self._rng.getrandbits(32)
        self._current.put(str(seed).encode())
        Conversation(self._daemon.address, random.Random(seed), f"t{seed}").play(STRICT_STEPS)

    def close(self) -> None:
        """As `Wire.close`."""
        stopped_well(self._daemon)


Target = Codec | Encoder | Wire | Strict
TARGETS: dict[str, Callable[[random.Random, Input, Path], Target]] = {
    "codec": lambda rng, current, _: Codec(rng, current),
    "encoder": lambda rng, current, _: Encoder(rng, current),
    "wire": Wire,
    "strict": Strict,
}
