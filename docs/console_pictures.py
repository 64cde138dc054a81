"""Draws the pictures of docs/console.md anew: the demo's data, and what people add to it, in Debian's Chromium.

python -m docs.console_pictures
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page

from config.settings import read
from models.session import transaction
from models.tables.mailboxes import Mailbox, SignIn
from models.tables.outside import WebhookEndpoint
from models.tables.people import Role
from tests.console.installation import OURS, Installation, Visits, chromium
from tests.keys import VAULT
from worker.act import Act
from worker.acts.automations import automation_of, put_automations
from worker.acts.mailbox_columns import new_columns
from worker.acts.mailboxes import add_mailbox
from worker.acts.reviewing import settle
from worker.daemon.due import failure, write_results
from worker.errors import MailboxError, Trouble
from worker.queries.story import list_reviews
from worker.rules import rules_of
from worker.webhooks.dispatch import dispatch
from worker.webhooks.endpoints import add_endpoint

HERE = Path(__file__).parent
WINDOW = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
NAME = "mila"
PAGES = {
    "overview": "/",
    "recipients": "/recipients",
    "contact": "/contacts/by/steve.wong%40juniperlane.example",
    "review": "/review",
    "do-not-email": "/do-not-email",
    "mailboxes": "/mailboxes",
    "model": "/model/default",
    "automations": "/automations",
    "webhooks": "/webhooks",
}
RULES = (
    {"name": "wants to see it", "when": {"link": "/tour", "class": ["Interested"]},
     "then": [{"do": "call", "endpoint": "crm"}, {"do": "stop"}]},
    {"name": "nurture the silent", "when": {"days_without_reply": 10, "status": ["Active"]},
     "then": [{"if": {"opens": 3}, "then": [{"do": "call", "endpoint": "crm"}], "else": [{"do": "stop"}]}]},
)  # fmt: skip
ENDPOINTS = (
    WebhookEndpoint(team_id=OURS, name="crm", url="https://crm.outreach.example/inbox", types=[]),
    WebhookEndpoint(team_id=OURS, name="pager", url="https://pager.outreach.example/17", types=["alarm.opened"]),
)
ILL = MailboxError(
    "ben@outreach.example at imap.outreach.example:993: the server refuses the password: [AUTHENTICATIONFAILED]"
    " Invalid credentials; give the right one",
    permanent=True,
    trouble=Trouble.SIGN_IN,
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder))
        furnish(installation)
        with chromium(installation) as visits:
            page = window(visits, viewport=WINDOW)
            for name, path in PAGES.items():
                take(page, path, f"console-{name}")
            take(window(visits, viewport=PHONE, color_scheme="dark"), "/recipients", "console-phone")


def furnish(installation: Installation) -> None:
    """Let people do what they do within some days: rules, endpoints, answers; and a mailbox that fails."""
    at = datetime.now(UTC)
    act, rules = Act(NAME, at, None), rules_of(read(), OURS)
    installation.add_user(NAME, Role.ADMIN)
    with transaction(installation.engine) as session:
        for endpoint in ENDPOINTS:
            add_endpoint(session, endpoint, VAULT, at)
        put_automations(session, OURS, "spring-launch", [automation_of(each) for each in RULES], act)
        for row in list_reviews(session, OURS)[-2:]:
            settle(session, rules, row["id"], "Engaged", act)
        columns = new_columns("ben@outreach.example", SignIn.PASSWORD, {"host": "127.0.0.1", "password": "x"})
        mailbox_id = add_mailbox(session, OURS, columns, VAULT, act)
        revision = session.get_one(Mailbox, mailbox_id).revision
    dispatch(installation.engine, at)
    write_results(installation.engine, {mailbox_id: failure(ILL, 3, at, at, revision)})


def window(visits: Visits, **more: object) -> Page:
    page = visits.window(None, **more)
    visits.sign_in(page, NAME)
    return page


def take(page: Page, path: str, name: str) -> None:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=HERE / f"{name}.png")
    print(HERE / f"{name}.png")


if __name__ == "__main__":
    main()
