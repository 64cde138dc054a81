"""Mails by attackers who want somebody banned, as a forger and a recipient write them."""

from __future__ import annotations

import json

MILA, STOP, MX = "mila@outreach.example", "stop@outreach.example", "mx.outreach.example"
ANNA, BEN, CARA, DAN = (f"{name}@client.example" for name in ("anna", "ben", "cara", "dan"))
REFUSED = f"{MX}; spf=fail smtp.mailfrom=evil.example; dkim=none; dmarc=fail header.from=client.example"


def mail(
    sender: str,
    body: str = "Please unsubscribe me.",
    *,
    subject: str = "Re: Question 1",
    results: str = "",
    more: str = "",
) -> bytes:
    """Return a mail to Mila; `results` and `more` are whole header lines."""
    head = f"From: {sender}\nTo: {MILA}\nSubject: {subject}\nMessage-ID: <m1@evil.example>\nMIME-Version: 1.0\n"
    return f"{results}{more}{head}\n{body}\n".encode().replace(b"\n", b"\r\n")


def judged_by(*fields: str) -> str:
    """Return Authentication-Results fields, the topmost first."""
    return "".join(f"Authentication-Results: {each}\n" for each in fields)


def parts(kind: str, *content: tuple[str, str], more: str = "", sender: str = "MAILER-DAEMON@mx.evil.example") -> bytes:
    """Return a multipart from a mail system, of (content type, content)."""
    between = "".join(f"--b\nContent-Type: {each}\n\n{text}\n" for each, text in content)
    return mail(
        sender,
        f"{between}--b--",
        subject="Undelivered Mail Returned to Sender",
        more=f'Return-Path: <>\nContent-Type: multipart/{kind}; boundary="b"\n{more}',
    )


def our_mail(message_id: str, to: str) -> str:
    return f"From: {MILA}\nTo: {to}\nSubject: Question 1\nMessage-ID: {message_id}\n\nHello"


def failed(*addresses: str) -> str:
    each = "Final-Recipient: rfc822; {}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\n"
    return "\n".join(["Reporting-MTA: dns; mx.evil.example\n", *(each.format(address) for address in addresses)])


def dsn(message_id: str, *addresses: str, more: str = "") -> bytes:
    return parts(
        "report; report-type=delivery-status",
        ("text/plain", "Your message could not be delivered."),
        ("message/delivery-status", failed(*addresses)),
        ("message/rfc822", our_mail(message_id, addresses[0])),
        more=more,
    )


def arf(message_id: str, address: str, more: str = "") -> bytes:
    return parts(
        "report; report-type=feedback-report",
        ("text/plain", "This is an abuse report."),
        ("message/feedback-report", f"Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: {address}\n"),
        ("message/rfc822", our_mail(message_id, address)),
        sender="fbl@evil.example",
        more=more,
    )


def ses(kind: str, list_name: str, address: str) -> bytes:
    about = {"bounceType": "Permanent", list_name: [{"emailAddress": address, "status": "5.1.1"}]}
    content = {"notificationType": kind, kind.lower(): about, "mail": {"messageId": "1", "commonHeaders": {}}}
    return mail("no-reply@sns.amazonaws.com", json.dumps(content), subject="AWS Notification Message")


FORGED: dict[str, bytes] = {
    "a delivery report about somebody we mailed, with an id that is not ours": dsn("<guess@us>", ANNA),
    "a delivery report about somebody we never mailed": dsn("<guess@us>", "zoe@client.example"),
    "a delivery report about everybody": dsn("<guess@us>", ANNA, BEN, CARA, DAN, "zoe@client.example"),
    "a delivery report that guesses at three thousand ids": dsn(
        " ".join(f"<{number}@us>" for number in range(3_000)) + " <anna-1-0@us>", ANNA
    ),
    "a delivery report in words": mail(
        "Mail Delivery Subsystem <mailer-daemon@evil.example>",
        f"Your message to {ANNA} could not be delivered:\n550 5.1.1 User unknown\n\n" + our_mail("<guess@us>", ANNA),
        subject="Delivery Status Notification (Failure)",
        more="Return-Path: <>\n",
    ),
    "failed recipients in a field": mail(
        "mailer-daemon@evil.example", "550 user unknown", more=f"Return-Path: <>\nX-Failed-Recipients: {ANNA}, {BEN}\n"
    ),
    "a complaint with an id that is not ours": arf("<guess@us>", ANNA),
    "a notification of Amazon about a bounce": ses("Bounce", "bouncedRecipients", ANNA),
    "a notification of Amazon about a complaint": ses("Complaint", "complainedRecipients", ANNA),
    "a receipt that says the mail was deleted unread": parts(
        "report; report-type=disposition-notification",
        ("text/plain", "Your message was deleted without being read."),
        (
            "message/disposition-notification",
            f"Final-Recipient: rfc822; {ANNA}\nOriginal-Message-ID: <guess@us>\nDisposition: manual-action; deleted\n",
        ),
    ),
    "an opt-out with a forged sender": mail(f"Anna <{ANNA}>", results=judged_by(REFUSED)),
    "a forger's field below that of our provider": mail(
        ANNA, results=judged_by(f"{MX}; spf=fail; dkim=none", f"{MX}; dmarc=pass header.from=client.example")
    ),
    "a forger's field for another method below": mail(
        ANNA, results=judged_by(f"{MX}; spf=fail; dkim=none", f"{MX}; dkim=pass header.d=client.example")
    ),
    "a forger's field of another server above": mail(ANNA, results=judged_by("mx.evil.example; dmarc=pass", REFUSED)),
    "a forger's words in a comment": mail(
        ANNA, results=judged_by(f"{MX} 1 (dmarc=pass); dmarc=fail (a comment; dmarc=pass) header.from=client.example")
    ),
    "a folded field with a version": mail(
        ANNA,
        results=f"Authentication-Results: {MX} 1;\n\tspf/1 = fail smtp.mailfrom=evil.example;\n\tdmarc\n\t=\n\tfail\n",
    ),
    "a forger's words as a sender's address": mail(
        ANNA, results=judged_by(f'{MX}; spf=fail smtp.mailfrom="; dmarc=pass; dkim=pass; "@evil.example; dmarc=none')
    ),
    "a forger's words as a sender's address that leaves a comment open": mail(
        ANNA,
        results=judged_by(
            f'{MX}; spf=fail (domain of ";dkim=pass;("@evil.example does not designate 192.0.2.1)'
            ' smtp.mailfrom=";dkim=pass;("@evil.example; dmarc=none'
        ),
    ),
    "a second sender that is authentic, and an open comment": mail(
        ANNA,
        subject="Re: Question 1\nFrom: x@evil.example",
        results=judged_by(f"{MX}; dmarc=pass header.from=evil.example; spf=pass smtp.mailfrom=(@evil.example"),
    ),
    "a signature of the forger's own domain": mail(
        ANNA, results=judged_by(f"{MX}; spf=fail smtp.mailfrom=evil.example; dkim=pass header.d=evil.example")
    ),
    "a second sender that is authentic": mail(
        ANNA,
        subject="Re: Question 1\nFrom: x@evil.example",
        results=judged_by(f"{MX}; dmarc=pass header.from=evil.example"),
    ),
    "a mail to our alias without a token": mail(ANNA, subject="unsubscribe", more=f"Cc: {STOP}\n"),
    "a mail to our alias with a made-up token": mail(
        ANNA, subject=f"unsubscribe {'a' * 40}", more=f"Delivered-To: {STOP}\n"
    ),
    "a mail to our alias with the token of a booking link": mail(
        "x@evil.example", subject="unsubscribe ANNAS-BOOKING", more=f"Cc: {STOP}\n"
    ),
    "a mail to our alias with a token signed by another key": mail(
        "x@evil.example", subject="unsubscribe FORGED-LINK", more=f"Cc: {STOP}\n"
    ),
    "a mail to our alias with Anna's token turned into Ben's": mail(
        "x@evil.example", subject="unsubscribe TURNED-LINK", more=f"Cc: {STOP}\n"
    ),
    "the button of a mail program": mail(ANNA, "", subject="unsubscribe", more="X-Apple-Unsubscribe: true\n"),
    "a guess at plus addresses": mail(
        ANNA,
        subject="hello",
        more="Cc: " + ", ".join(f"mila+x{number}@outreach.example" for number in range(500)) + "\n",
    ),
    "an answer address": mail("x@evil.example", more=f"Reply-To: {ANNA}\nSender: {ANNA}\nReturn-Path: <{ANNA}>\n"),
    "an address for a name": mail(f'"{ANNA}" <x@evil.example>'),
    "a sender behind a second bracket": mail(f"<{ANNA}> <x@evil.example>"),
    "a Cyrillic letter in the address": mail("<\u0430nna@client.example>"),
    "a Cyrillic letter in the domain": mail("<anna@\u0441lient.example>"),
    "a wide letter in the address": mail("<\uff41nna@client.example>"),
    "a small letter of another script": mail("<mi\u212ae@client.example>"),
    "an invisible mark in the address": mail("<an\u00adna@client.example>"),
    "hundreds of references": mail(
        ANNA, subject="hello", more="References: <anna-1-0@us>\n" + "".join(f" <{n}@us>\n" for n in range(600))
    ),
    "an id of ours in the words alone": mail(
        "x@evil.example", "Please unsubscribe <anna-1-0@us>.\n\n" + our_mail("<anna-1-0@us>", ANNA)
    ),
    "a header field in a subject": mail(
        "x@evil.example", subject="=?utf-8?q?hello=0D=0AIn-Reply-To=3A_=3Canna-1-0=40us=3E?="
    ),
    "a header field in the words": mail("x@evil.example", "\nIn-Reply-To: <anna-1-0@us>\n\nPlease unsubscribe me."),
    "a report inside a report inside a mail": parts(
        "mixed",
        ("text/plain", "See below."),
        (
            "message/rfc822",
            dsn("<anna-1-0@us>", ANNA).decode().replace("\r\n", "\n").replace("--b", "--c").replace('"b"', '"c"'),
        ),
        sender="x@evil.example",
        more="User-Agent: Mail\n",
    ),
}
"""What a forger sends; it may make a person look, and give nobody a status."""

OWN = "In-Reply-To: <anna-1-0@us>\n"
LINK = {"subject": "unsubscribe ANNAS-LINK", "more": f"Cc: {STOP}\n"}
INSIDE: dict[str, bytes] = {
    "a delivery report about another": dsn("<anna-1-0@us>", BEN),
    "a delivery report about both": dsn("<anna-1-0@us>", BEN, ANNA),
    "a delivery report about a whole domain": dsn("<anna-1-0@us>", "postmaster@client.example", BEN, CARA),
    "a complaint about another": arf("<anna-1-0@us>", BEN),
    "an opt-out in the name of another": mail(BEN, more=OWN),
    "an opt-out in the name of another, whom our provider does not believe": mail(
        BEN, more=OWN, results=judged_by(REFUSED)
    ),
    "an opt-out in the name of somebody never mailed, whom our provider does not believe": mail(
        "zoe@client.example", more=OWN, results=judged_by(REFUSED)
    ),
    "the own link in the name of another": mail(BEN, **LINK),
    "the own link in the name of another, whom our provider does not believe": mail(
        BEN, **LINK, results=judged_by(REFUSED)
    ),
    "the own token in the name of another": mail(BEN, more="Delivered-To: mila+x7fq2mzk@outreach.example\n"),
    "a shared id in the name of the other, whom our provider does not believe": mail(
        DAN, more="In-Reply-To: <shared@us>\n", results=judged_by(REFUSED)
    ),
    "a delivery report about the other of a shared id, which our provider does not believe": dsn(
        "<shared@us>", DAN, more=judged_by(f"{MX}; dmarc=fail header.from=mx.evil.example")
    ),
    "ids of two people": mail(ANNA, more="In-Reply-To: <anna-1-0@us>\nReferences: <shared@us> <ben-1-0@elsewhere>\n"),
}
"""What Anna sends to hurt others; herself she may take off the list."""
