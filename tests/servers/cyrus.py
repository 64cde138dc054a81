"""A Cyrus of one's own, from Debian's packages, which are unpacked and not installed: only one mail server may be."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.servers.mail import PASSWORD, MailServer
from tests.servers.private import HOST, ServerMissingError, make_certificate

UNPACKED: Final = Path(__file__).parents[2] / ".venv/servers/cyrus"
"""Where tests/install-servers puts it."""

IMAPD_CONF = """
configdirectory: {folder}/state
partition-default: {folder}/mail
cyrus_user: {user}
cyrus_group: {group}
servername: localhost
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {folder}/mux
sasl_mech_list: PLAIN
allowplaintext: yes
unixhierarchysep: yes
autocreate_quota: 0
autocreate_inbox_folders: Sent | Junk
xlist-sent: Sent
xlist-junk: Junk
tls_server_cert: {folder}/tls.crt
tls_server_key: {folder}/tls.key
"""
CYRUS_CONF = """
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {folder}/imapd.conf -r"
  idled cmd="{programs}/idled -C {folder}/imapd.conf"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {folder}/imapd.conf" listen="{host}:{port}" prefork=1
  imaps cmd="{programs}/imapd -s -C {folder}/imapd.conf" listen="{host}:{tls_port}" prefork=1
}}
EVENTS {{
}}
"""


class PrivateCyrus(MailServer):
    """A mail server whose users have the folders Sent and Junk, marked where a client asks for marks. No STARTTLS."""

    def __init__(self) -> None:
        super().__init__()
        self.ca_file: str = str(self.folder / "tls.crt")
        self._door = Door(self.folder / "mux")

    def stop(self) -> None:
        super().stop()
        self._door.close()

    def _start(self) -> None:
        if not (UNPACKED / "usr/lib/cyrus/bin/master").exists():
            raise ServerMissingError("Cyrus is not unpacked; run: make servers")
        make_certificate(self.folder)
        # It serves as a user who may have no way into the folder of this checkout.
        shutil.copytree(UNPACKED / "usr/lib", self.folder / "lib")
        user, group = _who()
        programs = self.folder / "lib/cyrus/bin"
        (self.folder / "imapd.conf").write_text(IMAPD_CONF.format(folder=self.folder, user=user, group=group))
        ports = {"host": HOST, "port": self.port, "tls_port": self.tls_port}
        (self.folder / "cyrus.conf").write_text(CYRUS_CONF.format(folder=self.folder, programs=programs, **ports))
        for name in ("state", "state/db", "state/proc", "state/socket", "mail"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        if os.geteuid() == 0:
            for path in (*(self.folder / "state").rglob("*"), *map(self.folder.joinpath, ("state", "mail", "tls.key"))):
                shutil.chown(path, user, group)
        files = ["-C", f"{self.folder}/imapd.conf", "-M", f"{self.folder}/cyrus.conf", "-p", f"{self.folder}/pid"]
        self._run([str(programs / "master"), *files, "-D"], self.port)

    def _environment(self) -> dict[str, str]:
        libraries = next((self.folder / "lib").glob("*/libcyrus.so*")).parent
        return super()._environment() | {"LD_LIBRARY_PATH": str(libraries)}


class Door:
    """Answers Cyrus whether a password is right, as saslauthd does: four counted strings in, one out."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o777)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = self._listener.accept()
                with visitor, visitor.makefile("rb") as asked:
                    _, password, _, _ = (asked.read(int.from_bytes(asked.read(2))) for _ in range(4))
                    answer = b"OK" if password == PASSWORD.encode() else b"NO"
                    visitor.sendall(len(answer).to_bytes(2) + answer)


def _who() -> tuple[str, str]:
    if os.geteuid() == 0:
        return "mail", "mail"
    return pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
