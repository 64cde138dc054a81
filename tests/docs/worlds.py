"""What a page finds when its story begins: files, settings, what was done before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.docs.mails import NOTICE
from tests.docs.pages import ROOT, blocks

REPLY: Final = '{"id": "reply-1", "subject": "Re: our offer", "text": "Yes, please call me."}\n'
RULES: Final = next(each.text for each in blocks(ROOT / "docs/automations.md") if each.language == "json")
SENDS: Final = """\
campaign,to,sent_at,message_ids
spring,anna@client.example,2026-05-04T09:30:00Z,<s-1@outreach.example>
nurture,boris@shop.example,2026-05-04T09:31:00Z,<s-2@outreach.example>
"""
MAILED: Final = "inbox-worker sends import sends.csv"
LABELS: Final = "class,text\nInterested,Please call me on Tuesday.\nNot Interested,We have no use for it.\n"
TOKEN: Final = (
    "inbox-worker tokens add reader --scope view > token",
    'printf "Authorization: Bearer %s" "$(cat token)" > auth',
)


@dataclass(frozen=True)
class World:
    """The beginning of a story."""

    before: tuple[str, ...] = ()
    """Lines that are run first, and are no part of the page."""
    files: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    """Words of the page that stand for something of the reader's."""


WORLDS: Final = {
    "README.md": World(files={"notice.eml": NOTICE}),
    "docs/automations.md": World(
        before=(
            MAILED,
            "inbox-worker webhooks add crm https://crm.example/hooks/inbox",
        ),
        files={"sends.csv": SENDS, "rules.json": RULES},
    ),
    "docs/bounces.md": World(words={"FOLDER": str(ROOT / "tests/data/bounces")}),
    "docs/console.md": World(
        before=(MAILED, "inbox-worker recipients set-status anna@client.example Interested", *TOKEN),
        files={"sends.csv": SENDS},
    ),
    "docs/integrate.md": World(),
    "docs/train.md": World(before=("inbox-worker labels import labels.csv",), files={"labels.csv": LABELS}),
    "docs/operate.md": World(before=("mkdir backups",), words={"/backups": "backups"}),
    "docs/replies.md": World(files={"replies.jsonl": REPLY}, words={"FILE": "replies.jsonl"}),
}
ELSE: Final = World(before=(MAILED,), files={"sends.csv": SENDS})
"""Of every other page: Anna and Boris were mailed."""
