"""Leads the hosts of the pages to the servers of the tests; Python loads this by itself when it starts.

Nothing else is changed: the commands look up the name, connect, verify the certificate and sign in as they always do.
No connection leaves this machine.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

_NAMES = {
    # An address for documents (RFC 5737), which leads to the mail server.
    "imap.outreach.example": "192.0.2.25",
    # Public, as an endpoint's has to be; nothing is ever sent there.
    "crm.example": "11.22.33.44",
}
_MAIL = ("192.0.2.25", 993)
_look_up, _connect = socket.getaddrinfo, socket.socket.connect


def _found(host: Any, *args: Any, **more: Any) -> Any:
    return _look_up(_NAMES.get(host, host), *args, **more)


def _connected(line: socket.socket, address: Any) -> None:
    if line.family in {socket.AF_INET, socket.AF_INET6}:
        if tuple(address[:2]) == _MAIL:
            address = ("127.0.0.1", int(os.environ["PAGES_IMAP_PORT"]))
        elif not address[0].startswith("127.") and address[0] != "::1":
            raise OSError(errno.ENETUNREACH, "no page connects to anybody else")
    _connect(line, address)


socket.getaddrinfo = _found
socket.socket.connect = _connected
