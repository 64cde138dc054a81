"""Names and notes that try to be more than text, wherever people or other systems may give some."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine

from config.settings import read
from models.events import DneReason, Status
from models.session import transaction
from models.tables.mailboxes import Mailbox, SignIn
from models.tables.outside import WebhookEndpoint
from models.tables.people import Role
from tests.keys import VAULT
from worker.act import Act
from worker.acts.automations import automation_of, keep_automation
from worker.acts.campaigns import put_campaign
from worker.acts.do_not_email import add_dne
from worker.acts.joining import join
from worker.acts.mailbox_columns import new_columns
from worker.acts.mailboxes import add_mailbox
from worker.acts.person import resolve_review
from worker.daemon.due import failure, write_results
from worker.people.api_tokens import add_token
from worker.people.users import add_user
from worker.queries.story import list_reviews
from worker.rules import rules_of
from worker.webhooks.dispatch import dispatch
from worker.webhooks.endpoints import add_endpoint, pause_endpoint

HOSTILE = '"><script>document.title="owned"</script><img src=x onerror=document.title="owned">'
BANNED = "hostile-entry@client.example"
KEY = "hostile"
"""Of the campaign that is named so."""


def name_everything(engine: Engine, team_id: int, recipient_id: int) -> None:
    """Let a user, a token, a campaign, a rule, an endpoint, an entry, a label and an error be named like this."""
    at = datetime.now(UTC)
    act, rules = Act(HOSTILE, at, HOSTILE), rules_of(read(), team_id)
    endpoint = WebhookEndpoint(team_id=team_id, name=HOSTILE, url=f"https://crm.example/{HOSTILE}", types=[])
    rule = {"name": HOSTILE, "when": {"link": HOSTILE}, "then": [{"do": "call", "endpoint": HOSTILE}]}
    with transaction(engine) as session:
        add_user(session, team_id, HOSTILE, Role.VIEWER, act, None)
        add_token(session, team_id, HOSTILE, act)
        add_endpoint(session, endpoint, VAULT, at)
        put_campaign(session, team_id, KEY, {"name": HOSTILE})
        keep_automation(session, team_id, KEY, automation_of(rule), None, act)
        join(session, rules, KEY, [BANNED], act)
        add_dne(session, team_id, {BANNED: HOSTILE}, DneReason.MANUAL, act)
        # About the hostile mail, which came last.
        *_, question = sorted(list_reviews(session, team_id, recipient_id=recipient_id), key=lambda each: each["id"])
        resolve_review(session, rules, question["id"], Status.INTERESTED, act)
        mailbox_id = add_mailbox(session, team_id, _mailbox(), VAULT, act)
        revision = session.get_one(Mailbox, mailbox_id).revision
        pause_endpoint(session, team_id, HOSTILE, at)
    dispatch(engine, at)
    write_results(engine, {mailbox_id: failure(OSError(HOSTILE), 3, at, at, revision)})


def _mailbox() -> dict[str, object]:
    return new_columns("ill@outreach.example", SignIn.PASSWORD, {"host": "127.0.0.1", "password": "x"})
