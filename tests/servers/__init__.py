"""Private servers for tests and benchmarks: mail servers and a PostgreSQL of one's own, as root or as anybody.

with PrivateDovecot() as dovecot:
    dovecot.deliver("alice", raw)
"""

from tests.servers.cyrus import PrivateCyrus
from tests.servers.dovecot import PrivateDovecot
from tests.servers.mail import PASSWORD, MailServer
from tests.servers.postgres import PrivatePostgres
from tests.servers.private import HOST, PrivateServer, ServerMissingError, free_ports
from tests.servers.pymap_server import PymapServer

__all__ = [
    "HOST",
    "PASSWORD",
    "MailServer",
    "PrivateCyrus",
    "PrivateDovecot",
    "PrivatePostgres",
    "PrivateServer",
    "PymapServer",
    "ServerMissingError",
    "free_ports",
]
