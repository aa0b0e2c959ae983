"""HTTP/2 by hand, for what no honest client sends."""

import socket
import struct
import time
from collections.abc import Iterator

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ENHANCE_YOUR_CALM = 11

ASSIGN = "/fairlead.v1.RoutingService/Assign"


def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + body


def block(fields: list[tuple[str, str]]) -> bytes:
    """Every field as a literal that enters no table. Names and values below 127 bytes."""
    out = b""
    for name, value in fields:
        out += b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()
    return out


def request(path: str = ASSIGN, *more: tuple[str, str], content_type: str = "application/grpc") -> bytes:
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost")]
    return block([*fields, ("te", "trailers"), ("content-type", content_type), *more])


def message(body: bytes) -> bytes:
    return b"\0" + struct.pack(">I", len(body)) + body


class Peer:
    """A connection that has said hello. Frames are read by hand, until the server closes."""

    def __init__(self, address: str, *, hello: bool = True, acknowledges: bool = True, receive_buffer: int = 0) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.socket()
        self.socket.settimeout(30)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            # Or the large packets of loopback would let the sender have large buffers, too.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1_448)
        self.socket.connect((host, int(port)))
        self._rest = b""
        if hello:
            self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0) + (frame(SETTINGS, ACK, 0) if acknowledges else b""))

    def send(self, data: bytes) -> bool:
        """Whether the server still takes it."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def frames(self, seconds: float = 30) -> Iterator[tuple[int, int, int, bytes]]:
        """(type, flags, stream, body) of everything that comes until the connection is closed."""
        ends = time.monotonic() + seconds
        while True:
            while len(self._rest) >= 9 and len(self._rest) >= 9 + int.from_bytes(self._rest[:3], "big"):
                size = int.from_bytes(self._rest[:3], "big")
                head, body, self._rest = self._rest[:9], self._rest[9 : 9 + size], self._rest[9 + size :]
                yield head[3], head[4], int.from_bytes(head[5:], "big"), body
            try:
                self.socket.settimeout(max(ends - time.monotonic(), 0.001))
                data = self.socket.recv(65_536)
            except TimeoutError:
                raise AssertionError(f"the connection is still open after {seconds} s") from None
            except ConnectionError:
                return
            if not data:
                return
            self._rest += data

    def goaway(self, seconds: float = 30) -> int | None:
        """Reads until the connection is closed; the code of the GOAWAY before, None without one."""
        code = None
        for kind, _, _, body in self.frames(seconds):
            if kind == GOAWAY:
                code = int.from_bytes(body[4:8], "big")
        return code

    def close(self) -> None:
        self.socket.close()
