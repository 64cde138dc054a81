"""The IMAP server inside the demo, which needs nothing but pip, in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.servers.mail import PASSWORD, MailServer

PROGRAM = Path(__file__).with_name("pymap_program.py")


class PymapServer(MailServer):
    """A mail server without TLS and special uses; all mail is lost when it stops."""

    def _start(self) -> None:
        # Without this folder on the path (-P): its modules are no libraries.
        self._run([sys.executable, "-P", "-W", "ignore", str(PROGRAM), str(self.port), PASSWORD], self.port)
