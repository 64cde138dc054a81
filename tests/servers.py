"""Private servers for tests and benchmarks: a Dovecot and a PostgreSQL of one's own, as root or as anybody.

with PrivateDovecot() as dovecot:
    dovecot.deliver("alice", raw)
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import psycopg
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from psycopg import sql

HOST = "127.0.0.1"
START_SECONDS = 20.0
PASSWORD = "secret"


class ServerMissingError(Exception):
    """A server is not installed; the message says how to install it."""


class PrivateServer:
    """A server process with a folder of its own, both gone at the end."""

    def __init__(self) -> None:
        # Short, for a unix socket's path may have 107 characters only.
        self.folder = Path(tempfile.mkdtemp(prefix="iw", dir="/tmp"))
        self.log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(self._stop_signal())
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        raise NotImplementedError

    def _stop_signal(self) -> int:
        return signal.SIGTERM

    def _run(self, command: list[str], port: int, user: str | None = None) -> None:
        """Start the server process and wait until it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **_identity(user)
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{command[0]} does not start: {self.log.read_text(errors='replace')[-2000:]}")


DOVECOT_CONF = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = {host}
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
default_client_limit = 2000
first_valid_uid = 1
mail_location = mdbox:{folder}/mail/%u
mail_fsync = never
mail_max_userip_connections = 1000
ssl_cert = <{folder}/tls.crt
ssl_key = <{folder}/tls.key
disable_plaintext_auth = no
auth_failure_delay = 0
auth_username_chars =
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail} gid={mail_group} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    auto = create
    special_use = \\Sent
  }}
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
}}
service imap-login {{
  {chroot}
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
  # No penalty for failed logins: every test comes from one address.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


class PrivateDovecot(PrivateServer):
    """An IMAP server where every user name exists with the password PASSWORD, and has the folders Sent and Junk.

    `port` speaks plain text and STARTTLS, `tls_port` TLS with a certificate for localhost that `ca_file` vouches for.
    """

    host = "localhost"

    def __init__(self) -> None:
        super().__init__()
        self.port, self.tls_port = free_ports(2)
        self.ca_file = str(self.folder / "tls.crt")
        self._sessions: dict[str, IMAPClient] = {}

    def password(self, user: str) -> str:  # noqa: ARG002 - whose it is makes no difference here
        """Return a user's password."""
        return PASSWORD

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
                batch.append({"msg": mail} if isinstance(mail, bytes) else {"msg": mail[0], "date": mail[1]})
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
            _hang_up(client)

    def kick(self, user: str) -> None:
        """Break every connection of a user."""
        if user in self._sessions:
            _hang_up(self._sessions.pop(user))
        subprocess.run([_program("doveadm"), "-c", str(self.folder / "dovecot.conf"), "kick", user], check=False)

    def stop(self) -> None:
        for client in self._sessions.values():
            _hang_up(client)
        self._sessions.clear()
        super().stop()

    def _signed_in(self, user: str) -> IMAPClient:
        client = IMAPClient(HOST, self.port, ssl=False, timeout=30)
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.login(user, PASSWORD)
        return client

    def _start(self) -> None:
        dovecot = _program("dovecot")
        version = subprocess.run([dovecot, "--version"], check=True, capture_output=True, text=True).stdout
        if not version.startswith("2.3."):
            raise ServerMissingError(f"the tests' Dovecot is configured for 2.3, this one is {version.strip()}")
        self._make_certificate()
        mail = self.folder / "mail"
        mail.mkdir()
        self.folder.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(mail, "mail", "mail")
        conf = self.folder / "dovecot.conf"
        conf.write_text(DOVECOT_CONF.format(folder=self.folder, host=HOST, password=PASSWORD, **self._settings()))
        self._run([dovecot, "-F", "-c", str(conf)], self.port)

    def _settings(self) -> dict[str, Any]:
        ports = {"port": self.port, "tls_port": self.tls_port}
        if os.geteuid() == 0:
            users = {"internal": "dovecot", "login": "dovenull", "mail": "mail"}
            return ports | users | {"internal_group": "dovecot", "mail_group": "mail", "chroot": ""}
        me, mine = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
        users = {"internal": me, "login": me, "mail": me}
        return ports | users | {"internal_group": mine, "mail_group": mine, "chroot": "chroot ="}

    def _make_certificate(self) -> None:
        key, certificate = self.folder / "tls.key", self.folder / "tls.crt"
        names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
        command = f"req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -addext {names}".split()
        subprocess.run(
            [_program("openssl"), *command, "-keyout", str(key), "-out", str(certificate)],
            check=True,
            capture_output=True,
        )


class PrivatePostgres(PrivateServer):
    """A PostgreSQL that trusts everybody on this machine and never waits for the disk."""

    def __init__(self) -> None:
        super().__init__()
        (self.port,) = free_ports(1)
        self._user = "postgres" if os.geteuid() == 0 else None

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@{HOST}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        with psycopg.connect(host=HOST, port=self.port, user="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        with psycopg.connect(host=HOST, port=self.port, user="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _start(self) -> None:
        data = self.folder / "data"
        if self._user:
            shutil.chown(self.folder, self._user)
        options = ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        made = subprocess.run(
            [_postgres_program("initdb"), "-D", str(data), *options],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            **_identity(self._user),
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": self.folder,
            "max_connections": 100,
            "fsync": "off",
            "full_page_writes": "off",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        self._run([_postgres_program("postgres"), "-D", str(data), *options], self.port, self._user)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        # It listens a moment before it lets anybody in.
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(host=HOST, port=self.port, user="postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def _stop_signal(self) -> int:
        # Without a word to its clients: the data are thrown away anyway.
        return signal.SIGQUIT


class CuttingProxy:
    """Stands before a server and cuts the connection once `after` bytes of its answers have passed."""

    def __init__(self, port: int, after: int) -> None:
        self._target, self._left = port, after
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing a listener does not wake its accept(); a visitor does.
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            pass
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client, socket.create_connection((HOST, self._target)) as server:
            asking = threading.Thread(target=self._forward, args=(client, server), daemon=True)
            asking.start()
            while self._left > 0 and (answer := server.recv(min(4096, self._left))):
                self._left -= len(answer)
                with suppress(OSError):
                    client.sendall(answer)
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            asking.join(10)

    @staticmethod
    def _forward(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while question := source.recv(4096):
                sink.sendall(question)


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on, all different."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _hang_up(client: IMAPClient) -> None:
    with suppress(OSError, IMAPClientError):
        client.shutdown()


def _append_all(client: IMAPClient, folder: str, batch: list[dict[str, Any]]) -> None:
    status, answer = client.multiappend(folder, batch)
    if status != "OK":
        raise RuntimeError(f"APPEND to {folder} failed: {answer}")


def _identity(user: str | None) -> dict[str, Any]:
    """Return the arguments that make a child process run as another user, with none of root's groups."""
    return {"user": user, "group": user, "extra_groups": []} if user else {}


def _program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/usr/bin")
    if path is None:
        raise ServerMissingError(f"{name} is not installed; run: make servers")
    return path


def _postgres_program(name: str) -> str:
    """Find a program of PostgreSQL, the newest there is; Debian keeps most of them out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    if debian:
        return str(debian[-1])
    return _program(name)
