"""Serves IMAP from memory: every user name exists. Arguments: the port, and everybody's password."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from contextlib import suppress
from ssl import PROTOCOL_TLS_SERVER, SSLContext

from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxSet
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

HOST = "127.0.0.1"


class Everybody(dict[str, UserMetadata]):
    """Makes a user when somebody first asks for the name."""

    def __init__(self, config: Config, password: str) -> None:
        super().__init__()
        self._config, self._password = config, password

    def get(self, name: str, default: object = None) -> UserMetadata:  # type: ignore[override]  # noqa: ARG002
        if name not in self:
            self[name] = UserMetadata(self._config, name, password=self._password)
            self._config.set_cache[name] = (MailboxSet(), FilterSet())
        return self[name]


def settings(password: str) -> Config:
    return Config(
        Namespace(passlib_cfg=None, proxy_protocol=None),
        host=HOST,
        port=0,
        demo_data=False,
        demo_user="",
        demo_password=password,
        tls_enabled=False,
        ssl_context=SSLContext(PROTOCOL_TLS_SERVER),
        hash_context=Cleartext(),
        cpu_subsystem=Subsystem.for_asyncio(),
    )


async def serve(port: int, password: str) -> None:
    config = settings(password)
    login = Login(config)
    login.users_dict = Everybody(config, password)
    imap = IMAPServer(login, config)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await imap(reader, writer, SocketInfo.get(writer, None))

    server = await asyncio.start_server(talk, HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
