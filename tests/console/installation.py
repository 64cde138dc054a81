"""A whole installation for browsers: the demo's mail, users of each role, a hostile mail, and the console itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, sync_playwright
from sqlalchemy import select

from models.people import Role
from models.session import open_engine, reading
from models.tables import Contact, InboundMessage, Recipient, RecipientEvent, SentMessageId
from tests.console.test_console_process import Machine

PASSWORD = "correct horse battery"
CHROMIUM = "/usr/bin/chromium"
OTHERS = "others"
"""The team that has nothing, and may see nothing of the first."""
HOSTILE = '"><script>document.title="owned"</script><img src=x onerror=document.title="owned">'


class Installation(Machine):
    """The machine of a team that has been working for some weeks: what `inbox-worker demo` shows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment["TMPDIR"] = str(folder)
        self._call("demo")
        (self.database,) = folder.glob("inbox-worker-demo-*/demo.sqlite")
        self.environment["INBOX_DATABASE_URL"] = f"sqlite:///{self.database}"
        self._call("teams", "add", OTHERS)
        for role in Role:
            self.add_user(self.name(role), role)
        self.add_user(self.name(Role.ADMIN, OTHERS), Role.ADMIN, OTHERS)
        self._take_in_what_is_hostile()

    @staticmethod
    def name(role: Role, team: str = "default") -> str:
        return f"{role.value.replace(' ', '-')}@{team}.example"

    def add_user(self, name: str, role: Role, team: str = "default") -> None:
        file = self.folder / "password"
        file.write_text(PASSWORD)
        self._call("users", "add", name, "--role", role.value, "--team", team, "--password-file", str(file))

    def _take_in_what_is_hostile(self) -> None:
        """Take in a reply of somebody we mailed that tries everything to be more than text."""
        engine = open_engine(self.environment["INBOX_DATABASE_URL"])
        with reading(engine) as session:
            message_id = session.scalars(select(SentMessageId.message_id).order_by(SentMessageId.message_id)).first()
        engine.dispose()
        folder = self.folder / "hostile"
        folder.mkdir()
        quoted = HOSTILE.replace('"', '\\"')
        text = (
            f'From: "{quoted}" <hostile@client.example>\nTo: mila@outreach.example\nSubject: Re: {HOSTILE}\n'
            f"Message-ID: <hostile@client.example>\nIn-Reply-To: <{message_id}>\nDate: {format_datetime(datetime.now(UTC))}\n"
            "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n"
            f"<p>We would love to hear more. {HOSTILE} &lt;script&gt;document.title='owned'&lt;/script&gt;</p>"
            f"<blockquote>{HOSTILE}</blockquote>\n"
        )
        (folder / "hostile.eml").write_text(text)
        self._call("backfill", "mila@outreach.example", "--eml", str(folder))

    def hostile(self) -> tuple[int, str]:
        """Return the id of the hostile mail, and the address of the recipient that it answers for."""
        query = (
            select(InboundMessage.id, Contact.address)
            .join(RecipientEvent, RecipientEvent.message_id == InboundMessage.id)
            .join(Recipient, Recipient.id == RecipientEvent.recipient_id)
            .join(Contact, Contact.id == Recipient.contact_id)
            .where(InboundMessage.from_address == "hostile@client.example")
        )
        engine = open_engine(self.environment["INBOX_DATABASE_URL"])
        try:
            with reading(engine) as session:
                row = session.execute(query).one()
                return row.id, row.address
        finally:
            engine.dispose()

    def _call(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "worker", *words],
            env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@dataclass
class Visits:
    """Opens windows for people, and notes whatever their pages complain of: scripts, the security policy."""

    installation: Installation
    open: Callable[..., BrowserContext]
    complaints: list[str] = field(default_factory=list)

    def window(self, role: Role | None = Role.ADMIN, team: str = "default", **more: Any) -> Page:
        """Return a window in which somebody of this role is signed in; None: nobody."""
        page = self.open(**more).new_page()
        page.set_default_timeout(10_000)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        if role is not None:
            page.goto("/sign-in")
            page.get_by_label("Name").fill(self.installation.name(role, team))
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("heading", name="Overview").wait_for()
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        # A refused request is told there too; that is no fault of the page.
        if message.type in {"error", "warning"} and "status of 4" not in message.text:
            self.complaints.append(message.text)


@contextmanager
def chromium(installation: Installation) -> Iterator[Visits]:
    """Drive Debian's Chromium against a running console."""
    with sync_playwright() as playwright, installation.console():
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield Visits(installation, lambda **more: browser.new_context(base_url=installation.url, **more))
        finally:
            browser.close()
