from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.decode import addresses_in, valid_address
from classifier.judge import judge
from classifier.message import ParsedMessage, parse
from classifier.part import MOST_PARTS
from classifier.present import as_card, as_json
from tests.classifier.letters import context, judged, letter, report


def read_all(parsed: ParsedMessage) -> None:
    """Touch everything a reader may touch, and judge it."""
    for name in ("message_id", "in_reply_to", "references", "from_address", "from_name", "to_addresses", "subject"):
        getattr(parsed, name)
    for name in ("date", "received_at", "text", "html", "authentication_results", "problems"):
        getattr(parsed, name)
    verdict = judge(parsed, context())
    as_json({"file": "x"}, parsed, verdict)
    as_card({"file": "x"}, parsed, verdict)


def test_an_ordinary_mail_is_read() -> None:
    raw = letter(
        "Grüße\n",
        subject="=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?= =?utf-8?b?IGF1cyBL?= =?utf-8?b?w7Zsbg==?=",
        sender='"Reed, Tom" <Tom.Reed@Customer.Example>',
        In_Reply_To="<s1@our-outreach.example>",
        References="<s0@our-outreach.example>\n <s1@our-outreach.example>",
        Delivered_To="<Lena+abc@our-outreach.example>",
        Received="from a by b; Wed, 3 Jun 2026 11:00:00 +0200",
        Date="Wed, 3 Jun 2026 10:59:58 +0200",
    )
    parsed = parse(raw)
    assert parsed.subject == "Re: Grüße aus Köln"
    assert (parsed.from_address, parsed.from_name) == ("tom.reed@customer.example", "Reed, Tom")
    assert (parsed.message_id, parsed.in_reply_to) == ("r1@customer.example", "s1@our-outreach.example")
    assert parsed.references == ("s0@our-outreach.example", "s1@our-outreach.example")
    assert parsed.to_addresses == ("lena@our-outreach.example", "lena+abc@our-outreach.example")
    assert parsed.received_at == datetime(2026, 6, 3, 9, 0, tzinfo=UTC)
    assert parsed.text.strip() == "Grüße"
    assert parsed.problems == ()


def test_html_alone_becomes_text() -> None:
    parsed = parse(letter("<style>p{}</style><p>Yes,&nbsp;please</p><p>Tom<br>Reed</p>", content_type="text/html"))
    assert parsed.text.split() == ["Yes,", "please", "Tom", "Reed"]
    assert "Tom\nReed" in parsed.text


def test_attachments_and_embedded_mails_are_nobodys_words() -> None:
    body = (
        "--b\nContent-Type: text/plain\n\nmine\n"
        "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nattached\n"
        "--b\nContent-Type: message/rfc822\n\nSubject: inner\n\nembedded\n--b--\n"
    )
    parsed = parse(letter(body, content_type='multipart/mixed; boundary="b"'))
    assert parsed.text.strip() == "mine"
    assert [part.embedded for part in parsed.parts] == [False, False, False, True]


def test_what_was_left_out_is_said() -> None:
    assert parse(letter("x"), omitted=("an image of 3 MB",)).problems == ("left out: an image of 3 MB",)


@pytest.mark.parametrize(
    ("charset", "body", "expected"),
    [
        ("x-klingon", b"caf\xc3\xa9", "café"),
        ("us-ascii", b"caf\xe9", "café"),
        ("iso-8859-1", b"\x93quoted\x94", "“quoted”"),
        ("utf-7", b"Hi +AGEA4Q-", "Hi aá"),
        ("idna", b"xn--caf-dma", "xn--caf-dma"),
        ("zip", b"caf\xc3\xa9", "café"),
        ("unicode_escape", rb"\x41\q", r"\x41\q"),
        ("a\x00b", b"plain", "plain"),
    ],
)
def test_any_charset_gives_text(charset: str, body: bytes, expected: str) -> None:
    raw = f"From: a@b.example\nContent-Type: text/plain; charset={charset}\n\n".encode() + body
    assert parse(raw).text.strip() == expected


def test_broken_base64_gives_what_it_holds() -> None:
    raw = letter("SGVsbG8gd29ybGQ\n!!!", Content_Transfer_Encoding="base64")
    assert parse(raw).text == "Hello world"


def test_raw_eight_bit_headers_are_read() -> None:
    parsed = parse("Subject: Grüße\nFrom: Jörg <j@b.example>\n\nx".encode())
    assert (parsed.subject, parsed.from_name) == ("Grüße", "Jörg")
    assert parse("Subject: Grüße\n\nx".encode("latin-1")).subject == "Grüße"


NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(1_000))
ODD_MAILS = {
    "empty": b"",
    "no headers": b"\n\nhello",
    "only NULs": b"\0" * 5_000,
    "nested multiparts": NESTED + b"\nhello",
    "nested and long": NESTED + b"hello\n" * 400_000,
    "nested messages": b"Content-Type: message/rfc822\n\n" * 1_000 + b"hello",
    "many parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_000,
    "one long line": b"Subject: x\n\n" + b"On 1.1.2026 a@b.example " * 40_000,
    "many brackets": b"From: " + b"<" * 50_000 + b"\nSubject: " + b"=?utf-8?q?" * 5_000 + b"\n\nx",
    "a bounce of one line": b"From: MAILER-DAEMON@a.example\nSubject: failure notice\n\n"
    + b"user unknown 550 " * 20_000,
    "a bounce with a line of blanks": b"Subject: Delivery Failure\nFrom: postmaster@a.example\n\n"
    b"Could not deliver message to the following recipient(s):\nReason: 550" + b" " * 190_000,
    "quotes without end": b"From: a@b.example\n\n" + b"> > > > x\n" * 100_000,
    "introductions": b"From: a@b.example\n\n" + b"On Monday the\n" * 50_000,
    "tags": b"Content-Type: text/html\n\n" + b"<div><blockquote><p>" * 30_000,
    "open tags": b"Content-Type: text/html\n\n" + b"<" * 60_000,
    "fifty megabytes": b"Subject: big\n\n" + b"0123456789abcde\n" * (50 * 65_536),
    "a winmail.dat": letter(
        "--b\nContent-Type: text/plain\n\nYes please\n--b\nContent-Type: application/ms-tnef; name=winmail.dat\n"
        "Content-Transfer-Encoding: base64\n\neJ8+IgAAAAAA\n--b--\n",
        content_type="multipart/mixed; boundary=b",
    ),
    "an endless header": b"Subject: " + b"x" * 5_000_000 + b"\n" + b"X-A: b\n" * 50_000 + b"\nhello",
    "an endless boundary": b'Content-Type: multipart/mixed; boundary="' + b"-" * 50_000 + b'"\n\n' + b"-" * 500_000,
    "boundaries alike": b"".join(
        b"Content-Type: multipart/mixed; boundary=%b\n\n--%b\n" % (b"B" * i, b"B" * i) for i in range(1, 30)
    )
    + (b"--" + b"B" * 30 + b"\n") * 60_000,
    "encoded messages": b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" * 30
    + b"hello world =3D yes\n" * 600_000,
    "lines that are no fields": b"Subject: x\n" + b"no field\nX-A: b\n" * 100_000,
    "comments without end": b"Content-Type: " + b"(\\(" * 30_000 + b"\n\nx",
    "a boundary that opens itself": b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
    b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 2_000,
}


@pytest.mark.parametrize("name", ODD_MAILS)
def test_mail_made_to_hurt_is_read_and_judged(name: str) -> None:
    parsed = parse(ODD_MAILS[name])
    read_all(parsed)
    assert len(parsed.text) <= 64 * 1024
    assert len(parsed.parts) <= 1_000


def test_what_a_bomb_made_us_skip_is_said() -> None:
    assert parse(ODD_MAILS["nested multiparts"]).problems
    assert parse(ODD_MAILS["fifty megabytes"]).problems
    assert parse(ODD_MAILS["many parts"]).problems
    assert parse(ODD_MAILS["boundaries alike"]).problems
    assert parse(ODD_MAILS["encoded messages"]).problems


@given(st.binary(max_size=2_000))
@settings(max_examples=150)
def test_any_bytes_are_read_and_judged(raw: bytes) -> None:
    read_all(parse(raw))


WELL_FORMED = [
    letter("Please remove me from your list.\n\nOn Mon, 1 Jun 2026 at 10:00, Lena <l@o.example> wrote:\n> Hello\n"),
    letter("<p>Hi</p><div class=gmail_quote>x</div>", content_type="text/html; charset=utf-8"),
    report("Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n"),
    letter("I am away until 12.06.2026", Auto_Submitted="auto-replied"),
]


@given(st.sampled_from(WELL_FORMED), st.lists(st.tuples(st.integers(0, 900), st.binary(max_size=6)), max_size=5))
@settings(max_examples=200)
def test_damaged_mail_is_read_and_judged(raw: bytes, changes: list[tuple[int, bytes]]) -> None:
    for at, replacement in changes:
        raw = raw[:at] + replacement + raw[at + len(replacement) :]
    read_all(parse(raw))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("o'brien@x.example", "o'brien@x.example"),
        ("Pat O'Brien <o'brien@x.example>", "o'brien@x.example"),
        ("'o'brien@x.example'", "o'brien@x.example"),
        ("<'o'brien@x.example'>", "o'brien@x.example"),
        ("Pat <\"'pat@x.example'\">", "pat@x.example"),
        ("'Pat' <'pat@x.example'>", "pat@x.example"),
        ('"pat@x.example"', "pat@x.example"),
        ('<"pat jones"@x.example>', '"pat jones"@x.example'),
    ],
)
def test_an_apostrophe_belongs_to_an_address_and_quotes_around_one_do_not(value: str, expected: str) -> None:
    assert parse(letter(sender=value)).from_address == expected


def test_a_name_keeps_its_apostrophe() -> None:
    assert parse(letter(sender="Pat O'Brien <o'brien@x.example>")).from_name == "Pat O'Brien"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to o'brien@x.example.", ("o'brien@x.example",)),
        ("write to 'o'brien@x.example', please", ("o'brien@x.example",)),
        ("'pat@x.example','kim@x.example'", ("pat@x.example", "kim@x.example")),
        ("o\u2019brien@x.example", ()),
        ("a" * 60 + "=" + "b" * 60 + "@x.example", ()),
        ("a" * 60 + "/" + "b" * 10 + "@x.example", ()),
        ("请联系pat@x.example谢谢", ("pat@x.example",)),
    ],
)
def test_the_tail_of_an_address_is_no_address(text: str, expected: tuple[str, ...]) -> None:
    assert addresses_in(text) == expected
    assert parse(letter(To=text)).to_addresses == expected


@pytest.mark.parametrize("label", ["Final-Recipient: rfc822; {}", "Final-Recipient: '{}'"])
def test_a_report_about_an_address_with_an_apostrophe_names_it(label: str) -> None:
    named = label.format("o'brien@x.example")
    fields = f"Reporting-MTA: dns; mx\n\n{named}\nAction: failed\nStatus: 5.1.1\n"
    assert judged(report(fields)).recipients == ("o'brien@x.example",)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("It failed.", {"X_Failed_Recipients": "o'brien@x.example"}),
        ("The following address failed:\n\n  o'brien@x.example\n    550 user unknown\n", {}),
        ("<o'brien@x.example>: 550 user unknown\n", {}),
        ("Delivery to 'o'brien@x.example' failed: 550 user unknown\n", {}),
    ],
)
def test_a_notice_about_an_address_with_an_apostrophe_names_it(body: str, fields: dict[str, str]) -> None:
    raw = letter(body, sender="MAILER-DAEMON@mx.example", subject="Mail delivery failed", **fields)
    assert judged(raw).recipients == ("o'brien@x.example",)  # type: ignore[union-attr]


@pytest.mark.parametrize("letter_of_it", ["\0", "\x1b", "\x7f", "\ud800"])
@pytest.mark.parametrize(
    "address",
    ["{}tom@customer.example", "to{}m@customer.example", '"t{}m"@customer.example', '"t\\{}m"@customer.example'],
)
def test_what_no_database_keeps_is_in_no_address(address: str, letter_of_it: str) -> None:
    assert valid_address(address.format("ö")) == address.format("ö")
    assert valid_address(address.format(letter_of_it)) is None


def test_more_parts_than_are_looked_at_are_left_out_and_said() -> None:
    half = MOST_PARTS // 2
    inner = "--o\nContent-Type: multipart/mixed; boundary=i\n\n" + "--i\n\nword\n" * (half + 1) + "--i--\n"
    parsed = parse(letter(f"{inner}{inner}--o--\n", content_type="multipart/mixed; boundary=o"))
    assert len(parsed.parts) == MOST_PARTS
    assert f"more than {MOST_PARTS} parts" in parsed.problems
