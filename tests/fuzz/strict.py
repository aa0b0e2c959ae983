"""Honest conversations of every shape, by a client on another HTTP/2 library, which raises at each wrong frame.

Calls of several methods at once, some with header fields of their own, sent whole or in pieces; windows that are
opened a little at a time; settings that change under way; calls that are given up; a socket that takes little.
Whatever happens, no call is answered wrongly, reset or forgotten, and no window is exceeded.
"""

import random
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes

from fairlead.v1 import job_pb2, routing_service_pb2
from tests.contract.raw_http2 import message

SERVICE = "/fairlead.v1.RoutingService/"
OK, NOT_FOUND, UNIMPLEMENTED = 0, 5, 12
OPEN_AT_ONCE = 100
PATIENCE_SECONDS = 20
WIDE = 1 << 20
WINDOWS = (0, 1, 100, 5_000, 16_384, 65_535, WIDE)
TABLES = (0, 64, 4_096, 65_536)
TARGETS = (100, 20_000, 65_535, WIDE)  # windows of the connection that the client keeps open
BATCHES = (1, 5, 50, 400, 1_000)


@dataclass
class Call:
    """One call, and what came of it."""

    check: Callable[[int, bytes], None]  # of its status and message
    rest: bytes  # what is still to be sent
    data: bytearray = field(default_factory=bytearray)
    fields: dict[str, str] = field(default_factory=dict)
    ended: bool = False


class Conversation:
    """One connection from its preface to its last answer. Raises at the first thing that is wrong."""

    def __init__(self, address: str, rng: random.Random, tenant: str) -> None:
        self._rng = rng
        self._tenant = tenant
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._calls: dict[int, Call] = {}
        self._target = WIDE
        self._settings_open = True
        self._number = 0
        host, _, port = address.rpartition(":")
        self._socket = socket.socket()
        if rng.random() < 0.3:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1_448)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.connect((host, int(port)))
        self._socket.setblocking(False)
        self._http.initiate_connection()

    def play(self, steps: int) -> None:
        """So many steps of any kind, then everything is given and must be answered."""
        for _ in range(steps):
            self._step()
        self._settle()
        self._socket.close()

    def _step(self) -> None:
        rng = self._rng
        for _ in range(rng.choice((1, 1, 2, 5, 20))):
            what = rng.random()
            if what < 0.6:
                if len(self._open()) < OPEN_AT_ONCE:
                    self._begin()
            elif what < 0.8:
                self._give(everything=False)
            elif what < 0.84:
                self._give_up()
            elif what < 0.9:
                self._change_settings()
            elif what < 0.95:
                self._target = rng.choice(TARGETS)
            else:
                for stream, call in self._open().items():
                    self._send_body(stream, call)
        self._write()
        if rng.random() < 0.8:
            self._read(rng.choice((0.0, 0.0005, 0.002)))

    def _settle(self) -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        self._target = WIDE
        while self._open() or self._settings_open:
            assert time.monotonic() < ends, (
                f"never answered: {sorted(self._open())}, settings open: {self._settings_open}"
            )
            for stream, call in self._open().items():
                self._send_body(stream, call)
            self._give(everything=True)
            self._write()
            self._read(0.02)

    # ---- calls

    def _open(self) -> dict[int, Call]:
        return {stream: call for stream, call in self._calls.items() if not call.ended}

    def _begin(self) -> None:
        method, body, check = self._rng.choice(
            (self._assign, self._assign, self._get, self._batch, self._complete, self._nothing)
        )()
        fields = [(":method", "POST"), (":scheme", "http"), (":path", SERVICE + method), (":authority", "localhost")]
        fields += [("te", "trailers"), ("content-type", "application/grpc")]
        if self._rng.random() < 0.2:
            fields.append(("grpc-timeout", "50S"))
        if self._rng.random() < 0.2:
            fields.append(("x-number", str(self._rng.randrange(10))))
        stream = self._http.get_next_available_stream_id()
        self._http.send_headers(stream, fields)
        call = self._calls[stream] = Call(check, message(body))
        if self._rng.random() < 0.9:
            self._send_body(stream, call)

    def _send_body(self, stream: int, call: Call) -> None:
        while call.rest:
            size = min(self._http.local_flow_control_window(stream), self._http.max_outbound_frame_size, len(call.rest))
            if size <= 0:
                return
            part, call.rest = call.rest[:size], call.rest[size:]
            self._http.send_data(stream, part, end_stream=not call.rest)

    def _assign(self) -> tuple[str, bytes, Callable[[int, bytes], None]]:
        self._number += 1
        job = f"job-{self._number}" + "y" * self._rng.choice((0, 0, 100))

        def check(status: int, body: bytes) -> None:
            assert status == OK
            assert routing_service_pb2.AssignResponse.FromString(body).job_id == job

        request = routing_service_pb2.AssignRequest(tenant=self._tenant, job=job_pb2.JobSpec(id=job))
        return "Assign", request.SerializeToString(), check

    def _get(self) -> tuple[str, bytes, Callable[[int, bytes], None]]:
        job = f"job-{self._rng.randrange(self._number + 1)}"

        def check(status: int, body: bytes) -> None:
            assert status in (OK, NOT_FOUND)
            assert status or routing_service_pb2.GetJobResponse.FromString(body).job.id == job

        request = routing_service_pb2.GetJobRequest(tenant=self._tenant, job_id=job)
        return "GetJob", request.SerializeToString(), check

    def _batch(self) -> tuple[str, bytes, Callable[[int, bytes], None]]:
        jobs = [f"batch-{number:04}" for number in range(self._rng.choice(BATCHES))]

        def check(status: int, body: bytes) -> None:
            assert status == OK
            results = routing_service_pb2.BatchAssignResponse.FromString(body).results
            assert [each.assignment.job_id for each in results] == jobs

        specs = [job_pb2.JobSpec(id=job) for job in jobs]
        request = routing_service_pb2.BatchAssignRequest(tenant=self._tenant, jobs=specs)
        return "BatchAssign", request.SerializeToString(), check

    def _complete(self) -> tuple[str, bytes, Callable[[int, bytes], None]]:
        def check(status: int, body: bytes) -> None:
            assert (status, body) == (NOT_FOUND, b"")

        request = routing_service_pb2.CompleteJobRequest(tenant=self._tenant, job_id="none", version=1)
        return "CompleteJob", request.SerializeToString(), check

    def _nothing(self) -> tuple[str, bytes, Callable[[int, bytes], None]]:
        def check(status: int, body: bytes) -> None:
            assert (status, body) == (UNIMPLEMENTED, b"")

        return "Nothing", b"", check

    # ---- what else a client does

    def _give(self, *, everything: bool) -> None:
        """Opens windows that have become small: a little, or all the way."""
        rng = self._rng
        missing = self._target - self._http.inbound_flow_control_window
        if missing > 0:
            self._http.increment_flow_control_window(missing if everything else rng.randint(1, missing))
        streams = list(self._open())
        for stream in streams if everything else rng.sample(streams, min(len(streams), 3)):
            missing = WIDE - self._http.remote_flow_control_window(stream)
            if missing > 0:
                self._http.increment_flow_control_window(missing if everything else rng.choice((1, missing)), stream)

    def _give_up(self) -> None:
        if (streams := list(self._open())) and self._rng.random() < 0.3:
            stream = self._rng.choice(streams)
            self._http.reset_stream(stream, ErrorCodes.CANCEL)
            self._calls[stream].ended = True

    def _change_settings(self) -> None:
        if self._settings_open:
            return
        settings = {SettingCodes.INITIAL_WINDOW_SIZE: self._rng.choice(WINDOWS)}
        if self._rng.random() < 0.3:
            settings[SettingCodes.HEADER_TABLE_SIZE] = self._rng.choice(TABLES)
        self._http.update_settings(settings)
        self._settings_open = True

    # ---- the socket

    def _write(self) -> None:
        data = self._http.data_to_send()
        while data:
            size = len(data) if self._rng.random() < 0.6 else self._rng.randint(1, len(data))
            try:
                data = data[self._socket.send(data[:size]) :]
            except BlockingIOError:
                self._read(0.01)

    def _read(self, seconds: float) -> None:
        if not select.select([self._socket], [], [], seconds)[0]:
            return
        data = self._socket.recv(self._rng.choice((100, 1_000, 65_536, 65_536)))
        assert data, "the daemon closed the connection"
        for event in self._http.receive_data(data):
            self._hear(event)

    def _hear(self, event: Event) -> None:
        assert not isinstance(event, ConnectionTerminated), f"GOAWAY: {event}"
        if isinstance(event, SettingsAcknowledged):
            self._settings_open = False
        elif isinstance(event, StreamReset):
            assert self._calls[event.stream_id].ended, f"stream {event.stream_id} was reset: {event.error_code}"
        elif isinstance(event, ResponseReceived | TrailersReceived):
            self._calls[event.stream_id].fields.update((str(name), str(value)) for name, value in event.headers or ())
        elif isinstance(event, DataReceived):
            self._calls[event.stream_id].data += event.data or b""
        elif isinstance(event, StreamEnded):
            call = self._calls[event.stream_id]
            body = bytes(call.data)
            assert not body or body == message(body[5:])
            assert call.fields[":status"] == "200"
            call.ended = True
            call.check(int(call.fields["grpc-status"]), body[5:])
