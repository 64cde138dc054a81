"""A whole installation for browsers: the demo's mail, users of each role, what is hostile, and the console itself."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from sqlalchemy import Engine, select

from models.session import open_engine, reading, transaction
from models.tables.mail import InboundMessage
from models.tables.mailing import Contact, Recipient, SentMessageId
from models.tables.people import Role, User
from models.tables.standing import RecipientEvent
from tests.console.hostility import HOSTILE, name_everything
from tests.console.test_console_process import Machine
from tests.console.visiting import PASSWORD, hashed
from tests.journey.here import run_here
from worker.act import Act
from worker.people.teams import add_team
from worker.people.users import add_user

CHROMIUM = "/usr/bin/chromium"
PATIENCE = 20_000
"""Milliseconds after which something will not happen any more, on a machine that has much else to do."""
PACE = 100
"""Milliseconds between two keys, as a person types: a field that was only just drawn may not be listened to yet."""
OURS = 1
OTHERS = "others"
"""The team that has nothing, and may see nothing of the first."""


class Installation(Machine):
    """The machine of a team that has been working for some weeks: what `inbox-worker demo` shows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(folder))
            run_here(self.environment, "demo")
        (self.database,) = folder.glob("inbox-worker-demo-*/demo.sqlite")
        self.environment["INBOX_DATABASE_URL"] = f"sqlite:///{self.database}"
        self.engine = open_engine(self.environment["INBOX_DATABASE_URL"])
        self._add_users()

    @staticmethod
    def name(role: Role, team: str = "default") -> str:
        return f"{role.value.replace(' ', '-')}@{team}.example"

    def add_user(self, name: str, role: Role, team_id: int = OURS) -> None:
        with transaction(self.engine) as session:
            user_id = add_user(session, team_id, name, role, Act("test", datetime.now(UTC)), None)
            session.get_one(User, user_id).password_hash = hashed()

    def _add_users(self) -> None:
        with transaction(self.engine) as session:
            others = add_team(session, OTHERS).id
        for role in Role:
            self.add_user(self.name(role), role)
        self.add_user(self.name(Role.ADMIN, OTHERS), Role.ADMIN, others)


class HostileInstallation(Installation):
    """One in which a mail and whatever has a name try to be more than text."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._take_in_what_is_hostile()
        name_everything(self.engine, OURS, hostile_mail(self.engine)[1])

    def _take_in_what_is_hostile(self) -> None:
        """Take in a reply of somebody we mailed that tries everything to be more than text."""
        with reading(self.engine) as session:
            message_id = session.scalars(select(SentMessageId.message_id).order_by(SentMessageId.message_id)).first()
        folder = self.folder / "hostile"
        folder.mkdir()
        quoted = HOSTILE.replace('"', '\\"')
        text = (
            f'From: "{quoted}" <hostile@client.example>\nTo: mila@outreach.example\nSubject: Re: {HOSTILE}\n'
            f"Message-ID: <hostile@client.example>\nIn-Reply-To: <{message_id}>\n"
            f"Date: {format_datetime(datetime.now(UTC))}\n"
            "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n"
            f"<p>We would love to hear more. {HOSTILE} &lt;script&gt;document.title='owned'&lt;/script&gt;</p>"
            f"<blockquote>{HOSTILE}</blockquote>\n"
        )
        (folder / "hostile.eml").write_text(text)
        run_here(self.environment, "backfill", "mila@outreach.example", "--eml", str(folder))


def hostile_mail(engine: Engine) -> tuple[int, int, str]:
    """Return the hostile mail's id, and of the recipient that it answers for the id and the address."""
    query = (
        select(InboundMessage.id, Recipient.id, Contact.address)
        .join(RecipientEvent, RecipientEvent.message_id == InboundMessage.id)
        .join(Recipient, Recipient.id == RecipientEvent.recipient_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .where(InboundMessage.from_address == "hostile@client.example")
    )
    with reading(engine) as session:
        message, recipient, address = session.execute(query).one()
        return message, recipient, address


@dataclass
class Visits:
    """Opens windows for people, and notes whatever their pages complain of: scripts, the security policy."""

    installation: Installation
    open: Callable[..., BrowserContext]
    complaints: list[str] = field(default_factory=list)
    _at_home: dict[tuple[Role, str], Page] = field(default_factory=dict)

    def of(self, role: Role, team: str = "default") -> Page:
        """Return the window of somebody of this role that every test may use; signing in takes its time."""
        if (role, team) not in self._at_home:
            self._at_home[role, team] = self.window(role, team)
        return self._at_home[role, team]

    def window(self, role: Role | None = Role.ADMIN, team: str = "default", **more: Any) -> Page:
        """Return a new window in which somebody of this role is signed in; None: nobody."""
        page = self.open(**more).new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        if role is not None:
            self.sign_in(page, self.installation.name(role, team))
        return page

    @staticmethod
    def sign_in(page: Page, name: str) -> None:
        page.goto("/sign-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Overview").wait_for()

    def _hear(self, message: ConsoleMessage) -> None:
        # A refused request is told there too, by the browser and by htmx; that is no fault of the page.
        refused = "status of 4" in message.text or "Response Status Error Code 4" in message.text
        if message.type in {"error", "warning"} and not refused:
            self.complaints.append(message.text)


@contextmanager
def chromium(installation: Installation) -> Iterator[Visits]:
    """Drive Debian's Chromium against a running console."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright, installation.console():
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield Visits(installation, lambda **more: browser.new_context(base_url=installation.url, **more))
        finally:
            browser.close()
