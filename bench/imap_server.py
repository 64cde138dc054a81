"""A light mail server for load: one process that simulates thousands of mailboxes, in plain text and over TLS.

    python -m bench.imap_server --mailboxes 10000 --port 1143 --tls-port 1993 --folder FOLDER [--address ADDRESS ...]

FOLDER holds tls.crt and tls.key, and the made mails as mails/0.eml and so on. Users are box0, box1 and so on, with the
password of all test servers. On the unix socket FOLDER/control each line is a JSON object with `do`: `deliver` puts
`mails`, pairs of mailbox and number, into their inboxes; `totals` and `each` tell what was asked of the server, as
`bench.imap_boxes` counts it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import ssl
from asyncio import sslproto
from pathlib import Path
from typing import Any

from bench.imap_boxes import MOST_OCTETS, Boxes, Texts
from bench.imap_talk import Talk
from tests.servers.private import HOST

TLS_BUFFER = 16_384
"""Octets; asyncio's own quarter of a megabyte for each connection would be gigabytes."""
BACKLOG = 4_096
CONTROL_LINE = 64 * 1024 * 1024


def read_texts(folder: Path, first: int) -> Texts:
    """Read the made mails, whose line ends are those of the wire afterwards."""
    paths = sorted(folder.glob("*.eml"), key=lambda path: int(path.stem))
    samples = [path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in paths]
    if not samples or max(map(len, samples)) > MOST_OCTETS:
        raise SystemExit(f"{folder}: there must be mails, of {MOST_OCTETS} octets at most")
    return Texts(samples, first)


def answer(boxes: Boxes, request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked for over the control socket."""
    if request["do"] == "deliver":
        return {"delivered": [boxes.deliver(box, number) for box, number in request["mails"]]}
    return boxes.totals() if request["do"] == "totals" else dict(boxes.each())


async def control(boxes: Boxes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests until the other end leaves."""
    while line := await reader.readline():
        writer.write(json.dumps(answer(boxes, json.loads(line))).encode() + b"\n")
        await writer.drain()
    writer.close()


async def serve(boxes: Boxes, options: argparse.Namespace) -> None:
    """Listen until the process is ended."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Each connection is one, and what processes usually may open is a thousand.
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sslproto.SSLProtocol.max_size = TLS_BUFFER
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.folder / "tls.crt", options.folder / "tls.key")
    loop, hosts = asyncio.get_running_loop(), [HOST, *options.address]
    await asyncio.start_unix_server(
        lambda reader, writer: control(boxes, reader, writer), options.folder / "control", limit=CONTROL_LINE
    )
    await loop.create_server(lambda: Talk(boxes), hosts, options.tls_port, ssl=context, backlog=BACKLOG)
    plain = await loop.create_server(lambda: Talk(boxes), hosts, options.port, backlog=BACKLOG)
    await plain.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mailboxes", type=int, default=10_000)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--address", action="append", default=[], help=f"where it listens besides {HOST}")
    parser.add_argument("--first", type=int, default=0, help="what the numbers in the made mails count from")
    options = parser.parse_args()
    texts = read_texts(options.folder / "mails", options.first)
    asyncio.run(serve(Boxes(options.mailboxes, texts), options))


if __name__ == "__main__":
    main()
