"""A PostgreSQL of one's own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import sql

from tests.servers.private import HOST, START_SECONDS, PrivateServer, free_ports, identity, program


class PrivatePostgres(PrivateServer):
    """A PostgreSQL that trusts everybody on this machine and never waits for the disk.

    Where it is given another address of this machine, it listens there too, trusts all who come from the network of
    it, and names it in its URLs.
    """

    def __init__(self, host: str = HOST) -> None:
        super().__init__()
        self.host = host
        (self.port,) = free_ports(1)
        self._user = "postgres" if os.geteuid() == 0 else None

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@{self.host}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        with psycopg.connect(host=HOST, port=self.port, user="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        with psycopg.connect(host=HOST, port=self.port, user="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def up(self) -> None:
        super().up()
        self._wait_until_ready()

    def _start(self) -> None:
        data = self.folder / "data"
        if self._user:
            shutil.chown(self.folder, self._user)
        options = ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        made = subprocess.run(
            [postgres_program("initdb"), "-D", str(data), *options],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            **identity(self._user),
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        if self.host != HOST:
            with (data / "pg_hba.conf").open("a") as trusted:
                trusted.write("host all postgres samenet trust\n")
        settings = {
            "listen_addresses": ",".join(sorted({HOST, self.host})),
            "port": self.port,
            "unix_socket_directories": self.folder,
            "max_connections": 100,
            "fsync": "off",
            "full_page_writes": "off",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        self._run([postgres_program("postgres"), "-D", str(data), *options], self.port, self._user)
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


def postgres_program(name: str) -> str:
    """Find a program of PostgreSQL, the newest there is; Debian keeps most of them out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    if debian:
        return str(debian[-1])
    return program(name)
