"""Large messages read in part, on a real Dovecot: what matters of them is the same as in the whole."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.servers import PASSWORD, PrivateDovecot
from tests.worker.large_mails import ATTACHMENT, CRLF, bounce_with_original, lines, message, multipart, part, pdf
from worker.imap import fetch as reading
from worker.imap import partial
from worker.imap.account import Account
from worker.imap.fetched import FetchedMessage
from worker.imap.structure import StructureError, read_structure
from worker.mailbox import connect

pytestmark = pytest.mark.server

KEPT = 64 * 1024
MESSAGES = ("message/rfc822", "message/delivery-status", "message/feedback-report")


def through(dovecot: PrivateDovecot, user: str, raw: bytes) -> FetchedMessage:
    """Deliver a message and fetch it."""
    uid = dovecot.deliver(user, raw)
    account = Account("localhost", dovecot.port, user, PASSWORD, "plain")
    with connect(account, "mila") as imap:
        state = imap.select("INBOX")
        ((fetched,),) = imap.fetch(imap.new_uids(state, uid - 1))
    return fetched


def parts(message: Message) -> Iterator[Message]:
    """Yield the parts of a message that are no multiparts, not those of messages in it."""
    if message.get_content_maintype() != "multipart":
        yield message
        return
    for each in below(message):
        yield from parts(each)


def below(message: Message) -> list[Message]:
    """Return the messages or parts right below one."""
    payload = message.get_payload()
    assert isinstance(payload, list)
    return [each for each in payload if isinstance(each, Message)]


def types(message: Message) -> list[str]:
    return [each.get_content_type() for each in parts(message)]


def text(message: Message) -> bytes:
    content = message.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def test_a_bounce_that_returns_a_huge_original_is_understood(dovecot: PrivateDovecot, imap_user: str) -> None:
    text_and_pdf = [part("text/plain", b"Dear Gone,\r\n"), *[pdf()] * 18]
    original = message(multipart("mixed", "inner", text_and_pdf), "Our offer", "sent-1@outreach.example")
    bounce = bounce_with_original(original)
    assert len(bounce) > 5_000_000
    fetched = through(dovecot, imap_user, bounce)
    assert fetched.size == len(bounce)
    assert len(fetched.raw) < 10_000
    parsed = message_from_bytes(fetched.raw)
    assert parsed.get_content_type() == "multipart/report"
    assert types(parsed) == ["text/plain", "message/delivery-status", "message/rfc822"]
    words, status, returned = parts(parsed)
    assert b"not known here" in text(words)
    assert [block["Final-Recipient"] for block in below(status)][1] == "rfc822; gone@partner.example"
    (header,) = below(returned)
    assert header["Message-ID"] == "<sent-1@outreach.example>"
    assert header["Subject"] == "Our offer"
    assert len(fetched.omitted) == 1
    assert fetched.omitted[0].startswith("message/rfc822")


def test_attachments_are_left_out_and_say_so(dovecot: PrivateDovecot, imap_user: str) -> None:
    alternative = multipart(
        "alternative", "b1", [part("text/plain", b"Yes, please."), part("text/html", b"<p>Yes, please.")]
    )
    notes = part("text/plain", b"minutes", 'Content-Disposition: attachment; filename="minutes.txt"')
    invitation = part("text/calendar; method=REPLY", b"BEGIN:VCALENDAR", "Content-Disposition: attachment")
    fetched = through(dovecot, imap_user, message(multipart("mixed", "b", [alternative, pdf(), notes, invitation])))
    parsed = message_from_bytes(fetched.raw)
    assert types(parsed) == ["text/plain", "text/html", "application/pdf", "text/plain", "text/calendar"]
    plain, html, paper, minutes, answer = parts(parsed)
    assert [text(each) for each in (plain, html, paper, minutes, answer)] == [
        b"Yes, please.",
        b"<p>Yes, please.",
        b"",
        b"",
        b"BEGIN:VCALENDAR",
    ]
    assert paper["X-Inbox-Worker-Omitted"] == f"application/pdf; {len(ATTACHMENT)} bytes"
    assert minutes["X-Inbox-Worker-Omitted"] == "text/plain; 7 bytes"
    assert plain["X-Inbox-Worker-Omitted"] is None
    assert fetched.omitted == (f"application/pdf, {len(ATTACHMENT)} bytes", "text/plain, 7 bytes")


def test_the_only_text_is_kept_although_it_is_named_as_a_file(dovecot: PrivateDovecot, imap_user: str) -> None:
    words = part("text/plain", b"Please take me off.", 'Content-Disposition: attachment; filename="text.txt"')
    fetched = through(dovecot, imap_user, message(multipart("mixed", "b", [words, pdf()])))
    assert [text(each) for each in parts(message_from_bytes(fetched.raw))] == [b"Please take me off.", b""]
    assert fetched.omitted == (f"application/pdf, {len(ATTACHMENT)} bytes",)


def test_the_header_block_stays_as_it_is(dovecot: PrivateDovecot, imap_user: str) -> None:
    raw = message(multipart("mixed", "b", [part("text/plain", b"Hello"), pdf()]), subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    raw = b"X-Odd: folded\r\n\tonce\r\n" + raw
    fetched = through(dovecot, imap_user, raw)
    header, _, _ = raw.partition(b"\r\n\r\n")
    assert fetched.raw.startswith(header + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("7bit", b"line of text\r\n" * 20_000, b"line of text\r\n" * 20_000),
        ("8bit", "é".encode() * 100_000, "é".encode() * 100_000),
        # The 65536th octet is the first of two.
        ("8bit", b"-" + "é".encode() * 100_000, b"-" + "é".encode() * 100_000),
        ("quoted-printable", b"=C3=A9" * 40_000, "é".encode() * 40_000),
        ("base64", base64.encodebytes(b"abcdefg" * 40_000), b"abcdefg" * 40_000),
        ("base64", base64.b64encode(b"abcdefg" * 40_000), b"abcdefg" * 40_000),
        # Lines of 15 octets: the 65536th is the first of four that hide three.
        ("base64", b"YWJjZGVmZ2hp \r\n" * 15_000, b"abcdefghi" * 15_000),
    ],
)
def test_a_huge_text_keeps_its_beginning(
    dovecot: PrivateDovecot, imap_user: str, encoding: str, body: bytes, expected: bytes
) -> None:
    fields = f"Content-Transfer-Encoding: {encoding}"
    single = through(dovecot, imap_user, message(part("text/plain; charset=utf-8", body, fields)))
    inside = part("text/plain; charset=utf-8", body, fields)
    within = through(dovecot, imap_user, message(multipart("mixed", "b", [inside, pdf()])))
    for fetched in (single, within):
        first = next(parts(message_from_bytes(fetched.raw)))
        assert expected.startswith(text(first).rstrip(b"\n"))
        assert len(text(first)) > KEPT // 4
        # The octets of one character may be cut in two only where an encoding hides them.
        assert encoding == "quoted-printable" or text(first).decode()
        assert fetched.omitted[0].startswith("text/plain, ")


def test_a_huge_text_in_another_alphabet_keeps_its_octets(dovecot: PrivateDovecot, imap_user: str) -> None:
    body = "é".encode("latin-1") * 200_000
    fields = "Content-Transfer-Encoding: 8bit"
    fetched = through(dovecot, imap_user, message(part("text/plain; charset=iso-8859-1", body, fields)))
    (only,) = parts(message_from_bytes(fetched.raw))
    assert text(only).rstrip(b"\n") == body[:KEPT]


def test_a_huge_text_without_mime_keeps_its_beginning(dovecot: PrivateDovecot, imap_user: str) -> None:
    raw = lines("From: nora@partner.example", "Subject: All of it") + CRLF + b"and so on\r\n" * 20_000
    fetched = through(dovecot, imap_user, raw)
    assert raw.startswith(fetched.raw)
    assert KEPT < len(fetched.raw) < KEPT + 200
    assert fetched.omitted


def test_a_message_in_a_message_keeps_its_header_alone(dovecot: PrivateDovecot, imap_user: str) -> None:
    forwarded = message(
        multipart("mixed", "x", [part("text/plain", b"hidden"), pdf()]), "Inner", "inner@partner.example"
    )
    outer = multipart("mixed", "b", [part("text/plain", b"See below"), part("message/rfc822", forwarded)])
    nested = multipart("mixed", "a", [part("text/plain", b"Hello"), outer])
    parsed = message_from_bytes(through(dovecot, imap_user, message(nested)).raw)
    assert types(parsed) == ["text/plain", "text/plain", "message/rfc822"]
    *_, returned = parts(parsed)
    (inner,) = below(returned)
    assert inner["Message-ID"] == "<inner@partner.example>"
    assert b"hidden" not in parsed.as_bytes()


def test_a_mail_that_is_one_attachment_keeps_its_header(dovecot: PrivateDovecot, imap_user: str) -> None:
    raw = message(pdf())
    fetched = through(dovecot, imap_user, raw)
    assert fetched.raw == raw[: raw.index(b"\r\n\r\n") + 4]
    assert fetched.omitted == (f"application/pdf, {len(ATTACHMENT)} bytes",)


def test_a_nest_too_deep_falls_back_to_its_beginning(dovecot: PrivateDovecot, imap_user: str) -> None:
    nest = part("text/plain", b"line\r\n" * 40_000)
    for depth in range(90):
        nest = multipart("mixed", f"level{depth}-", [nest])
    raw = message(nest)
    fetched = through(dovecot, imap_user, raw)
    assert raw.startswith(fetched.raw)
    assert len(fetched.raw) > 100_000
    assert fetched.omitted == (f"everything behind the first {len(fetched.raw)} bytes",)


def test_a_header_that_contradicts_the_server_falls_back_to_the_beginning(
    dovecot: PrivateDovecot, imap_user: str
) -> None:
    """A line that is no field ends the header for some readers, and not for others."""
    whole = message(multipart("mixed", "b", [part("text/plain", b"Hello"), pdf()]))
    raw = b"From: nora@partner.example\r\nno field at all\r\n" + whole
    fetched = through(dovecot, imap_user, raw)
    assert raw.startswith(fetched.raw)


@pytest.mark.parametrize("boundary", ["boundary*=b; boundary*0=b", f"boundary=b; boundary*{'9' * 5_000}=b"])
def test_a_header_at_which_the_standard_library_fails_falls_back_to_the_beginning(
    dovecot: PrivateDovecot, imap_user: str, boundary: str
) -> None:
    whole = message(multipart("mixed", "b", [part("text/plain", b"Hello"), pdf()]))
    raw = whole.replace(b'boundary="b"', boundary.encode())
    fetched = through(dovecot, imap_user, raw)
    assert raw.startswith(fetched.raw)
    assert len(fetched.raw) > KEPT
    assert fetched.omitted == (f"everything behind the first {len(fetched.raw)} bytes",)


def test_hundreds_of_texts_are_not_all_read(dovecot: PrivateDovecot, imap_user: str) -> None:
    texts = [part("text/plain", f"text {number}\r\n".encode() * 300) for number in range(60)]
    fetched = through(dovecot, imap_user, message(multipart("mixed", "b", texts)))
    found = [text(each) for each in parts(message_from_bytes(fetched.raw))]
    assert len(found) == 60
    assert [bool(each) for each in found] == [True] * 32 + [False] * 28


# -- The property: whatever a mail is made of, what is kept equals the whole's.

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30)
TEXTS = st.lists(WORDS, max_size=5).map(lambda words: "".join(f"{word}\r\n" for word in words))


@st.composite
def text_parts(draw: st.DrawFn) -> bytes:
    content = draw(TEXTS).encode()
    encoding = draw(st.sampled_from(["8bit", "base64", "quoted-printable"]))
    coders = {"8bit": lambda body: body, "base64": base64.encodebytes, "quoted-printable": quopri.encodestring}
    body = coders[encoding](content).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    kind = draw(st.sampled_from(["text/plain", "text/html", "text/calendar", "text/rfc822-headers"]))
    return part(f"{kind}; charset=utf-8", body, f"Content-Transfer-Encoding: {encoding}")


STATUS = st.sampled_from(["failed", "delayed"]).map(
    lambda action: part("message/delivery-status", lines("Reporting-MTA: dns; mx", "", f"Action: {action}"))
)
FEEDBACK = st.just(part("message/feedback-report", lines("Feedback-Type: abuse", "Version: 1")))
LEAVES = st.one_of(text_parts(), STATUS, FEEDBACK, st.just(pdf()), st.builds(bytes))


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> bytes:
    if depth == 0 or draw(st.booleans()):
        return draw(LEAVES) or part(
            "message/rfc822", message(draw(trees(depth - 1)) if depth else part("text/plain", b"x"))
        )
    kind = draw(st.sampled_from(["mixed", "alternative", "related", "report; report-type=delivery-status"]))
    number = draw(st.integers(0, 10**9))
    return multipart(kind, f"={number}_{depth}'()+?", draw(st.lists(trees(depth - 1), min_size=1, max_size=3)))


def digest(message: Message) -> list[tuple[object, ...]]:
    """Return what must not change: every part's type, the content of those we read, the headers of messages in it."""
    found: list[tuple[object, ...]] = []
    for each in parts(message):
        kind = each.get_content_type()
        if kind in MESSAGES:
            found.append((kind, [inner.items() for inner in below(each)]))
        elif kind.startswith("text/"):
            found.append((kind, each.get_content_charset(), each["Content-Transfer-Encoding"], text(each)))
        else:
            found.append((kind,))
    return found


@given(tree=trees())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_what_is_kept_equals_the_whole(dovecot: PrivateDovecot, tree: bytes) -> None:
    raw = message(tree)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "WHOLE_BYTES", 10)
        fetched = through(dovecot, "property", raw)
    assert fetched.omitted
    assert not fetched.omitted[0].startswith("everything")
    assert digest(message_from_bytes(fetched.raw)) == digest(message_from_bytes(raw))


# -- Servers that tell nonsense.

LEAF = (b"text", b"plain", None, None, None, b"7bit", 5, 1)


@pytest.mark.parametrize(
    "structure",
    [
        None,
        (),
        b"text",
        (b"text", b"plain"),
        ([], b"mixed", (LEAF, None)),
        ([LEAF, None], b"mixed"),
        (LEAF,) * 600,
    ],
)
def test_nonsense_for_a_structure_is_told_apart(structure: object) -> None:
    with pytest.raises(StructureError):
        partial.rebuild(partial.plan(structure, b"Subject: x\r\n\r\n"), lambda _: b"")


def test_missing_words_in_a_structure_do_no_harm() -> None:
    root = read_structure(((None, None, None, None, None, None, None), LEAF, 7))
    assert [(each.section, each.type, each.size) for each in root.walk()] == [
        ("", "multipart/mixed", 0),
        ("1", "text/plain", 0),
        ("2", "text/plain", 5),
    ]


def test_a_section_the_server_keeps_back_is_no_guess() -> None:
    plan = partial.plan(LEAF, b"Subject: x\r\n\r\n")
    assert plan.items == ["BODY.PEEK[1]<0.65536>"]
    with pytest.raises(StructureError):
        partial.rebuild(plan, lambda _: None)
