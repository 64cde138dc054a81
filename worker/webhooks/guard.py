"""Connects to webhook endpoints: only where they may lie, and only for as long as a request may take.

A name is resolved here, every address it has is checked, and the connection goes to the very address that was checked:
a name that means something else a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import httpcore
import idna

from worker.errors import InputError

Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a name; raises OSError where it has none."""

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
"""Holds an IPv4 address in its last 32 bits (RFC 6052)."""
OF_CLOUDS = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))
"""Where clouds answer the machines in them (credentials included) outside of what is link-local."""

PORTS = {"https": 443, "http": 80}
MOST_TRIED = 4


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect to, and what to ask for there."""

    scheme: str
    host: str
    """In ASCII (RFC 5891), without brackets."""
    port: int
    path: str
    allow_private: bool = False

    @property
    def authority(self) -> str:
        """Return host and port as the Host field names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str, *, allow_private: bool) -> Target:
    """Read the URL of an endpoint; connects to nothing.

    Raises:
        InputError: it is no URL of an endpoint, or not https where that is asked for.
    """
    if not url.isprintable() or " " in url:
        raise InputError(f"{url!r} is no URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except ValueError as error:
        raise InputError(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in PORTS or not host:
        raise InputError(f"{url!r} is no URL of an endpoint; write https://host/path")
    if parts.scheme == "http" and not allow_private:
        raise InputError(f"{url!r} is not encrypted; use https (http is for private networks, with --allow-private)")
    if parts.username is not None or parts.password is not None:
        raise InputError("a URL with a user name or password is refused; the signature says who calls")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise InputError(f"{url!r}: write letters outside of ASCII percent-encoded")
    return Target(parts.scheme, host, PORTS[parts.scheme] if port is None else port, path, allow_private)


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the public internet, also where it is wrapped into another."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = _inner(found)
        if inner is not None:
            return is_public(str(inner))
        if found not in GLOBAL_UNICAST:
            return False
    return found.is_global and not found.is_multicast and not any(found in network for network in OF_CLOUDS)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a translator on the way would take out of this one."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def system_addresses(host: str, port: int) -> list[str]:
    """Return what the system's resolver says a name means."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def addresses_of(target: Target, resolve: Resolve = system_addresses) -> Sequence[str]:
    """Return the addresses to connect to.

    Raises:
        InputError: the name does not resolve, or to an address that is not public where it has to be.
    """
    try:
        addresses = resolve(target.host, target.port)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no name of a host"
        raise InputError(f"{target.host} does not resolve: {reason or error}") from None
    if not target.allow_private:
        for address in addresses:
            if not is_public(address):
                raise InputError(
                    f"{target.host} is {address}, which is no address of the public internet; if it is in a network of"
                    " your own, tick the box for that; on the command line: --allow-private"
                )
    return addresses


class Guarded(httpcore.NetworkBackend):
    """What httpcore connects through: checked addresses, and one time limit for the whole request."""

    def __init__(self, target: Target, resolve: Resolve) -> None:
        self._target = target
        self._resolve = resolve
        self._ends = 0.0

    def begin(self, seconds: float) -> None:
        """Give the next request this time in all; reading an answer byte by byte does not win it any more."""
        self._ends = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Return the seconds that are left, at most `most`.

        Raises:
            httpcore.ReadTimeout: none are.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the whole request took too long")
        return left if most is None else min(left, most)

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the target's, whose addresses are looked up here
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the checked addresses that answers."""
        failure: Exception | None = None
        for address in addresses_of(self._target, self._resolve)[:MOST_TRIED]:
            try:
                stream = httpcore.SyncBackend().connect_tcp(
                    address, port, self.left(timeout), local_address, socket_options
                )
                return _Timed(stream, self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{self._target.host} has no address")


class _Timed(httpcore.NetworkStream):
    """A stream of which every step ends in time for the whole."""

    def __init__(self, stream: httpcore.NetworkStream, guard: Guarded) -> None:
        self._stream = stream
        self._guard = guard

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._guard.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._guard.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._guard.left(timeout)), self._guard)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
