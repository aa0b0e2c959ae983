"""Watches read by hand from a socket, so that the reading costs next to nothing beside the server that is measured.

The peer opens every window as wide as HTTP/2 allows, keeps what comes as it is, and looks only for the text that the
last message has; frames and messages are taken apart afterwards.
"""

import socket
import struct
import threading
import time
from collections.abc import Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INITIAL_WINDOW_SIZE = 4
WIDEST = 2**31 - 1
FIRST_WINDOW = 65_535
CHUNK = 1 << 20
TIMEOUT_S = 300.0


def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    """One frame of HTTP/2."""
    return struct.pack(">I", len(body))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + body


def request_headers(path: str) -> bytes:
    """Every field as a literal that enters no table."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    pairs = ((name.encode(), value.encode()) for name, value in fields.items())
    return b"".join(b"\0" + bytes((len(n),)) + n + bytes((len(v),)) + v for n, v in pairs)


class RawWatches(threading.Thread):
    """So many equal watches over one connection; `start` reads until each has had a message with the bytes `last`."""

    def __init__(self, address: str, path: str, request: bytes, count: int, last: bytes) -> None:
        super().__init__()
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
        self._count, self._last = count, last
        self._chunks: list[bytes] = []
        self.cpu_s = 0.0
        hello = frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, WIDEST)) + frame(SETTINGS, ACK, 0)
        hello += frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WIDEST - FIRST_WINDOW))
        body = b"\0" + struct.pack(">I", len(request)) + request
        for stream in range(1, 2 * count, 2):
            hello += frame(HEADERS, END_HEADERS, stream, request_headers(path)) + frame(DATA, END_STREAM, stream, body)
        self._socket.sendall(PREFACE + hello)
        self._await_first()

    def _await_first(self) -> None:
        """Every watch has its first message, which tells the sequence it begins at."""
        seen: set[int] = set()
        while len(seen) < self._count:
            self._receive()
            seen = {stream for kind, stream, _ in self._frames() if kind == DATA}

    def _receive(self) -> bytes:
        chunk = self._socket.recv(CHUNK)
        if not chunk:
            raise SystemExit("the server closed a connection of watches")
        self._chunks.append(chunk)
        return chunk

    def run(self) -> None:
        """Keeps what comes. A text that lies over the border of two chunks is found with the second."""
        found, tail = 0, b""
        while found < self._count:
            data = tail + self._receive()
            found += data.count(self._last)
            tail = data[-len(self._last) + 1 :]
        self.cpu_s = time.thread_time()

    def messages(self) -> list[list[bytes]]:
        """The messages of each watch; the first of each begins it."""
        streams: dict[int, bytearray] = {}
        for kind, stream, body in self._frames():
            if kind == GOAWAY:
                raise SystemExit("the server refused a connection of watches")
            if kind == DATA:
                streams.setdefault(stream, bytearray()).extend(body)
        return [list(_messages(bytes(data))) for data in streams.values()]

    def close(self) -> None:
        """Ends the watches."""
        self._socket.close()

    def _frames(self) -> Iterator[tuple[int, int, memoryview]]:
        data = memoryview(b"".join(self._chunks))
        at = 0
        while at + 9 <= len(data):
            size = int.from_bytes(data[at : at + 3], "big")
            if at + 9 + size > len(data):
                return
            yield data[at + 3], int.from_bytes(data[at + 5 : at + 9], "big"), data[at + 9 : at + 9 + size]
            at += 9 + size


def _messages(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 5], "big")
        yield data[at + 5 : at + 5 + size]
        at += 5 + size
