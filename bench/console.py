"""How long the console's pages take with a million recipients and five million events on PostgreSQL.

    python -m bench.console [--recipients 1000000] [--requests 200] [--url postgresql://...]

Fills a private PostgreSQL, starts the real console and asks for every page as a signed-in admin, one request after
another, each time for other filters, addresses, mails and places in the lists; for comparison also for a file, which
asks the database nothing. Prints a table and writes bench/console.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine, select, text

from models.migrate import upgrade
from models.session import open_engine, reading, refresh_statistics, transaction
from models.tables.people import Role, Team
from tests.servers import PrivatePostgres
from tests.servers.private import free_ports
from worker.act import Act
from worker.people.users import add_user
from worker.queries.figures import count_all

ROOT = Path(__file__).parent.parent
RECIPIENTS = 1_000_000
REQUESTS = 200
WARMING = 5
TARGET_MS = 100.0
TEAM, CAMPAIGNS, MAILBOXES = 1, 60, 200
NAME, PASSWORD = "bench@outreach.example", "a long enough password"
NOW = datetime.now(UTC).replace(microsecond=0)
START = NOW - timedelta(days=60)
NAMES = ("anna", "ben", "carla", "dmitri", "elena", "farid", "greta", "hartmann", "ines", "jun", "kofi", "lena")
STATUSES = ("Active", "Engaged", "Interested", "Not Interested", "Auto Response", "Out of Office", "Unsubscribed",
            "Unsubscribe link", "Bounced", "Removed", "Campaign Stopped", "Appointment Booked")  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """Milliseconds of one page, over all its requests."""

    page: str
    requests: int
    p50: float
    p95: float
    most: float


def fill(engine: Engine, recipients: int) -> None:
    """Make two teams, of which the first has nearly everything; what came back is spread over sixty days."""
    contacts = recipients * 6 // 10
    values = {
        "recipients": recipients, "contacts": contacts, "campaigns": CAMPAIGNS, "mailboxes": MAILBOXES,
        "start": START, "now": NOW,
        "names": list(NAMES), "statuses": list(STATUSES),
    }  # fmt: skip
    with transaction(engine) as session:
        session.execute(text("SELECT setseed(0.5)"))
        for statement in WORLD.split(";\n"):
            if statement.strip():
                session.execute(text(statement), values)
        add_user(session, TEAM, NAME, Role.ADMIN, Act("bench", NOW), PASSWORD)
    refresh_statistics(engine)
    count_all(engine, NOW)


WORLD = (ROOT / "bench" / "console.sql").read_text()


@contextmanager
def console(url: str) -> Iterator[httpx.Client]:
    """Run the real command and sign in."""
    (port,) = free_ports(1)
    environment = os.environ | {"INBOX_DATABASE_URL": url, "INBOX_LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(
        [sys.executable, "-m", "worker", "console", "--port", str(port)], env=environment, cwd=ROOT
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, follow_redirects=True) as client:
            _wait(client)
            token = _token(client.get("/sign-in").text)
            answer = client.post("/sign-in", data={"csrf": token, "name": NAME, "password": PASSWORD})
            if answer.url.path != "/":
                raise SystemExit(f"cannot sign in: {answer.url} {answer.text[:500]}")
            yield client
    finally:
        process.terminate()
        process.wait()


def _wait(client: httpx.Client) -> None:
    for _ in range(300):
        try:
            if client.get("/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("the console does not answer")


def _token(html: str) -> str:
    found = LexborHTMLParser(html).css_first("input[name=csrf]")
    return str(found.attributes["value"]) if found else ""


def pages(recipients: int, chance: random.Random) -> dict[str, Callable[[], str]]:
    """Return, for each page, what is asked for: another place of it each time."""
    contacts = recipients * 6 // 10

    def address(number: int) -> str:
        from hashlib import md5  # noqa: PLC0415 - as the database made them

        code = md5(str(number).encode()).hexdigest()[:6]  # noqa: S324 - no secret
        return f"{NAMES[number % 12]}.{code}@firm{number % 20_000}.example"

    def ours() -> int:
        number = chance.randrange(1, contacts)
        return number + 1 if number % 12 == 0 else number

    def words() -> str:
        return chance.choice([
            chance.choice(NAMES), f"firm{chance.randrange(20_000)}", address(ours()), "example", "nobody",
            f"{chance.choice(NAMES)} firm{chance.randrange(1_000)}",
        ])  # fmt: skip

    def asked(path: str, **query: object) -> str:
        return f"{path}?{urlencode(query)}"

    return {
        "the stylesheet (no database)": lambda: "/static/style.css",
        "overview": lambda: "/",
        "recipients": lambda: "/recipients",
        "recipients of a status": lambda: asked("/recipients", status=chance.choice(STATUSES)),
        "recipients of a campaign": lambda: asked("/recipients", campaign=f"c{chance.randrange(1, 12)}"),
        "recipients of both": lambda: asked(
            "/recipients", campaign=f"c{chance.randrange(1, 12)}", status=chance.choice(STATUSES)
        ),
        "recipients by words": lambda: asked("/recipients", words=words()),
        "contacts": lambda: "/contacts",
        "contacts by words": lambda: asked("/contacts", words=words()),
        "contacts under Do Not Email": lambda: asked("/contacts", standing="do not email"),
        "contacts under Do Not Email by words": lambda: asked("/contacts", standing="do not email", words=words()),
        "the story of an address": lambda: f"/contacts/by/{quote(address(ours()))}",
        "mail that matched nobody": lambda: asked("/messages", state="unmatched"),
        "one mail": lambda: f"/messages/{chance.randrange(2, recipients) // 2 * 2 + 1}",
        "review": lambda: "/review",
        "Do Not Email": lambda: "/do-not-email",
        "Do Not Email by words": lambda: asked("/do-not-email", words=words()),
        "mailboxes": lambda: "/mailboxes",
        "one mailbox": lambda: f"/mailboxes/{chance.randrange(1, MAILBOXES)}",
        "model": lambda: "/model",
        "labels": lambda: "/labels",
        "automations": lambda: "/automations",
        "webhooks": lambda: "/webhooks",
        "one endpoint": lambda: f"/webhooks/{chance.randrange(1, 6)}",
        "users": lambda: "/users",
    }


def measure(client: httpx.Client, page: str, where: Callable[[], str], requests: int) -> Figure:
    """Ask for a page again and again; where a list has a next page, every other time for that."""
    took: list[float] = []
    further = ""
    for number in range(-WARMING, requests):
        asked = further or where()
        start = time.perf_counter()
        answer = client.get(asked)
        spent = 1000 * (time.perf_counter() - start)
        if not answer.is_success:
            raise SystemExit(f"{asked}: {answer.status_code} {answer.text[:2000]}")
        if number >= 0:
            took.append(spent)
        following = LexborHTMLParser(answer.text).css_first("a[rel=next]") if not further else None
        further = str(following.attributes["href"]) if following else ""
    return Figure(page, requests, statistics.median(took), statistics.quantiles(took, n=20)[-1], max(took))


def measured(client: httpx.Client, asked: dict[str, Callable[[], str]], requests: int) -> Iterator[Figure]:
    for page, where in asked.items():
        figure = measure(client, page, where, requests)
        print(f"{page}: {figure.p95:.1f} ms", file=sys.stderr)
        yield figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=RECIPIENTS)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each page")
    parser.add_argument("--only", nargs="+", default=(), help="pages whose name begins so")
    parser.add_argument("--url", help="an empty PostgreSQL database to fill, or one that was filled by this before")
    options = parser.parse_args()
    with ExitStack() as stack:
        url = options.url or stack.enter_context(PrivatePostgres()).create_database("console")
        engine = open_engine(url)
        upgrade(engine)
        with reading(engine) as session:
            filled = session.scalar(select(Team.id).limit(1))
        if filled is None:
            start = time.perf_counter()
            fill(engine, options.recipients)
            print(f"filled in {time.perf_counter() - start:.0f} s", file=sys.stderr)
        asked = pages(options.recipients, random.Random(1))  # noqa: S311 - the same requests every time
        some = {page: where for page, where in asked.items() if page.startswith(tuple(options.only or ("",)))}
        with console(url) as client:
            figures = list(measured(client, some, options.requests))
        engine.dispose()
    if not options.only:
        (ROOT / "bench" / "console.json").write_text(json.dumps([asdict(each) for each in figures], indent=1) + "\n")
    print("| Page | p50 | p95 | most | under 100 ms at p95 |\n|---|---|---|---|---|")
    for each in figures:
        held = "yes" if each.p95 < TARGET_MS else "NO"
        print(f"| {each.page} | {each.p50:.1f} ms | {each.p95:.1f} ms | {each.most:.1f} ms | {held} |")


if __name__ == "__main__":
    main()
