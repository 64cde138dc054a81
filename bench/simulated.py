"""The simulated mail server of `bench.imap_server` as a private server: started, given mail, asked what it saw."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers.private import HOST, PrivateServer, free_ports, program

ROOT = Path(__file__).parent.parent
ANSWER_SECONDS = 60


class SimulatedServer(PrivateServer):
    """A mail server with the users box0 to box<mailboxes - 1>, over TLS on `tls_port` and in plain text on `port`.

    Args:
        mailboxes: how many.
        samples: the made mails; of more there are copies with numbers of their own.
        first: what the numbers in the made mails count from.
        host: the address that clients use; it listens there and on this machine's own.
    """

    def __init__(self, mailboxes: int, samples: Sequence[bytes], first: int = 0, host: str = HOST) -> None:
        super().__init__()
        self.mailboxes, self.samples, self.first, self.host = mailboxes, samples, first, host
        self.port, self.tls_port = free_ports(2)
        self.ca_file = str(self.folder / "tls.crt")
        self._control: socket.socket | None = None
        self._asking = threading.Lock()

    def deliver(self, mails: Sequence[tuple[int, int]]) -> list[tuple[int, float]]:
        """Put mails, pairs of mailbox and number, into the inboxes; return each one's UID and when it arrived."""
        return [(uid, at) for uid, at in self.ask("deliver", mails=list(mails))["delivered"]]

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Send a request over the control socket, whichever thread asks; return the answer."""
        with self._asking:
            return self._ask({"do": do, **more})

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if self._control is None:
            self._control = socket.socket(socket.AF_UNIX)
            self._control.settimeout(ANSWER_SECONDS)
            self._control.connect(str(self.folder / "control"))
        self._control.sendall(json.dumps(request).encode() + b"\n")
        said = b""
        while not said.endswith(b"\n"):
            piece = self._control.recv(1_048_576)
            if not piece:
                raise RuntimeError(f"the simulated server ended: {self.log.read_text()[-2000:]}")
            said += piece
        answer: dict[str, Any] = json.loads(said)
        return answer

    def memory_mb(self) -> float:
        """Return what the server holds in memory (RSS)."""
        assert self._process is not None  # noqa: S101 - whoever asks has started it
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)

    def down(self) -> None:
        if self._control:
            self._control.close()
            self._control = None
        super().down()

    def _environment(self) -> dict[str, str]:
        return dict(os.environ) | {"PYTHONPATH": str(ROOT)}

    def _start(self) -> None:
        mails = self.folder / "mails"
        mails.mkdir()
        for number, raw in enumerate(self.samples):
            (mails / f"{number}.eml").write_bytes(raw)
        _make_certificate(self.folder, sorted({HOST, self.host}))
        options = [f"--address={self.host}"] if self.host != HOST else []
        self._run(
            [
                sys.executable, "-W", "ignore", "-m", "bench.imap_server", "--mailboxes", str(self.mailboxes),
                "--port", str(self.port), "--tls-port", str(self.tls_port), "--folder", str(self.folder),
                "--first", str(self.first), *options,
            ],
            self.port,
        )  # fmt: skip


def _make_certificate(folder: Path, addresses: Sequence[str]) -> None:
    """Write tls.key and tls.crt; its elliptic curve makes a handshake cost a tenth of what RSA does."""
    names = ",".join(["DNS:localhost", *(f"IP:{address}" for address in addresses)])
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    subprocess.run(
        [
            program("openssl"), "req", "-x509", *key, "-days", "3650", "-subj", "/CN=localhost",
            "-addext", f"subjectAltName={names}", *files,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
