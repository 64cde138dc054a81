"""What the mail servers of the tests have in common: how mail gets in, and how a client gets in."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from tests.servers.private import HOST, PrivateServer, free_ports

PASSWORD = "secret"


class MailServer(PrivateServer):
    """An IMAP server where every user name exists with the password PASSWORD.

    `port` speaks plain text; `tls_port` TLS with a certificate for localhost that `ca_file` vouches for, where there
    is one. `user` turns a word into a user name as this server wants it.
    """

    host = "localhost"
    ca_file: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.port, self.tls_port = free_ports(2)
        self._sessions: dict[str, IMAPClient] = {}

    def password(self, user: str) -> str:  # noqa: ARG002 - whose it is makes no difference here
        """Return a user's password."""
        return PASSWORD

    @property
    def options(self) -> list[str]:
        """The options of `mailboxes add` that lead here, but for the user's name and password."""
        if self.ca_file is None:
            return ["--host", self.host, "--port", str(self.port), "--security", "plain"]
        return ["--host", self.host, "--port", str(self.tls_port), "--ca-file", self.ca_file]

    def deliver(self, user: str, raw: bytes, folder: str = "INBOX", internaldate: datetime | None = None) -> int:
        """Put a message into a folder, which is made if need be; return its UID."""
        if user not in self._sessions:
            self._sessions[user] = self._signed_in(user)
        client = self._sessions[user]
        try:
            answer = client.append(folder, raw, msg_time=internaldate)
        except IMAPClientError as error:
            if "TRYCREATE" not in str(error):
                raise
            client.create_folder(folder)
            answer = client.append(folder, raw, msg_time=internaldate)
        # [APPENDUID uidvalidity uid], RFC 4315.
        return int(answer.split(b"]")[0].split()[-1])

    def deliver_many(self, user: str, mails: Iterable[bytes | tuple[bytes, datetime]], folder: str = "INBOX") -> None:
        """Put many messages, each alone or with its INTERNALDATE, into a folder; quick."""
        with self.session(user) as client:
            batch: list[dict[str, Any]] = []
            for mail in mails:
                # Cyrus takes a second message in one command only behind some flags or a date.
                what = {"msg": mail} if isinstance(mail, bytes) else {"msg": mail[0], "date": mail[1]}
                batch.append({"flags": (), **what})
                if len(batch) == 500:
                    _append_all(client, folder, batch)
                    batch = []
            if batch:
                _append_all(client, folder, batch)

    @contextmanager
    def session(self, user: str) -> Iterator[IMAPClient]:
        """Give a client of one's own, signed in."""
        client = self._signed_in(user)
        try:
            yield client
        finally:
            hang_up(client)

    def down(self) -> None:
        for client in self._sessions.values():
            hang_up(client)
        self._sessions.clear()
        super().down()

    def _signed_in(self, user: str) -> IMAPClient:
        client = IMAPClient(HOST, self.port, ssl=False, timeout=30)
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.login(user, PASSWORD)
        return client


def hang_up(client: IMAPClient) -> None:
    """Close a connection without a word."""
    with suppress(OSError, IMAPClientError):
        client.shutdown()


def _append_all(client: IMAPClient, folder: str, batch: list[dict[str, Any]]) -> None:
    status, answer = client.multiappend(folder, batch)
    if b"TRYCREATE" in answer[-1]:
        client.create_folder(folder)
        status, answer = client.multiappend(folder, batch)
    if status != "OK":
        raise RuntimeError(f"APPEND to {folder} failed: {answer}")
