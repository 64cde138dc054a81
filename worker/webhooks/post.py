"""Sends one signed request to an endpoint and says what came back. Follows no redirect, reads no long answer."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from types import TracebackType
from typing import Self

import httpcore

from config import logs
from worker.errors import InputError
from worker.webhooks.guard import Guarded, Resolve, Target, system_addresses
from worker.writing.stored import storable

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 15.0
"""From looking the name up to the end of the answer; a resolver of the system may take longer by itself."""
MOST_READ = 8_192
MOST_SAID = 300

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or None where nothing did; `says` is the reason or the beginning of the answer."""

    status: int | None
    says: str = ""
    retry_after: str | None = None

    @property
    def well(self) -> bool:
        """Say whether the endpoint took it."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def __str__(self) -> str:
        if self.status is None:
            return self.says
        return f"HTTP {self.status}: {self.says}" if self.says else f"HTTP {self.status}"


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class Line:
    """A connection to one endpoint, opened when it is first needed and kept for the requests after it.

    Args:
        target: where the endpoint lies.
        resolve: what its name means.
        connect: seconds that opening the connection may take.
        whole: seconds that one request may take in all.
        tls: whom to trust; default: whom the system trusts.
    """

    def __init__(
        self,
        target: Target,
        *,
        resolve: Resolve = system_addresses,
        connect: float = CONNECT_SECONDS,
        whole: float = WHOLE_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._target = target
        self._guard = Guarded(target, resolve)
        self._connect, self._whole = connect, whole
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or _tls(), max_connections=1, network_backend=self._guard, retries=0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send the body; whatever goes wrong on the way is an answer without a status."""
        self._guard.begin(self._whole)
        try:
            return self._post(body, headers)
        except InputError as error:
            return Answer(None, str(error))
        except httpcore.TimeoutException as error:
            return Answer(None, f"no answer in time: {error}")
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return Answer(None, f"no connection: {error}")

    def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        url = httpcore.URL(
            scheme=self._target.scheme, host=self._target.host, port=self._target.port, target=self._target.path
        )
        fields = {
            "Host": self._target.authority,
            "Content-Type": "application/json",
            "User-Agent": f"inbox-worker/{version('inbox-worker')}",
            **headers,
        }
        limits = {"connect": self._connect, "read": self._whole, "write": self._whole, "pool": self._whole}
        with self._pool.stream(
            "POST", url, headers=list(fields.items()), content=body, extensions={"timeout": limits}
        ) as response:
            return Answer(response.status, _beginning(response), _field(response, b"retry-after"))


def _beginning(response: httpcore.Response) -> str:
    """Read a little of the answer: it says why something failed, and read to its end the connection can be kept."""
    read = bytearray()
    try:
        for part in response.iter_stream():
            read += part
            if len(read) > MOST_READ:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        # The status has arrived and counts, whatever becomes of the rest.
        log.debug("answer_broke_off", says="the answer broke off after {octets} bytes", octets=len(read))
    said = "".join(each if each.isprintable() else " " for each in read.decode("utf-8", "replace"))
    return str(storable(said.strip(), MOST_SAID))


def _field(response: httpcore.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)
