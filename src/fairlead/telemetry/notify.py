"""What systemd is told of a service of Type=notify: READY when it serves, STOPPING when it ends.

The protocol is one datagram of `KEY=VALUE` lines to the socket that NOTIFY_SOCKET names; a name that begins with `@` is
one of the abstract namespace. Without the variable nobody asked.
"""

import socket
from collections.abc import Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"
VARIABLE = "NOTIFY_SOCKET"


def notify(state: str, environment: Mapping[str, str]) -> bool:
    """Tells systemd, if it asked; whether it was told. Raises OSError when its socket takes nothing."""
    path = environment.get(VARIABLE)
    if not path:
        return False
    address = f"\0{path[1:]}" if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
        to.sendto(state.encode(), address)
    return True
