"""Loads all that judging takes by being imported: for the process that those are forked from which judge side by side.

It is the one module of which importing does something. What it loads (the encoder, the languages, the patterns) takes
a second and a half and 150 MB, and the forked share it.
"""

from __future__ import annotations

import gc
import threading
from datetime import UTC, datetime

from classifier.context import JudgeContext
from classifier.judge import judge
from classifier.language import language_of
from classifier.meaning import encoder_here
from classifier.message import parse

_HEAD = b"From: One <one@there.example>\nTo: us@here.example\nMessage-ID: <1@there.example>\n"
_REPLY = b"Subject: Re: Hello\n\nThank you, could we talk on Thursday?\n\nOn Monday, us@here.example wrote:\n> Hello\n"
_ABSENCE = b"Subject: Out of office\nAuto-Submitted: auto-replied\n\nI am out of the office until 3 March.\n"
_BOUNCE = b"""Subject: Undelivered mail
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x

The mail could not be delivered.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; there.example

Final-Recipient: rfc822; one@there.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--x--
"""


def _warm() -> None:
    # Unpacking the languages' model leaves a second CPU free time for the encoder.
    languages = threading.Thread(target=language_of, args=["hello"])
    languages.start()
    if encode := encoder_here():
        encode(["hello"])
    languages.join()
    nobody: frozenset[str] = frozenset()
    context = JudgeContext(
        own_addresses=nobody,
        opt_out_aliases=nobody,
        trusted_authserv_ids=nobody,
        arrived_at=datetime(2026, 1, 1, tzinfo=UTC),
        classifier=None,
    )
    for body in (_REPLY, _ABSENCE, _BOUNCE):
        judge(parse(_HEAD + body), context)
    gc.collect()
    gc.freeze()


_warm()
