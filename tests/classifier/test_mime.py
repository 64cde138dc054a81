from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.message import parse
from classifier.mime import read_headers, read_message

WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=["Cs", "Cc", "Cf"]), max_size=80
)
TEXTS = st.builds(
    lambda text, charset, kind: MIMEText(text, kind, charset),
    WORDS,
    st.sampled_from(["utf-8", "utf-16"]),
    st.sampled_from(["plain", "html", "x-odd"]),
)


def multipart(kind: str, children: list[Message]) -> Message:
    message = MIMEMultipart(kind)
    for child in children:
        message.attach(MIMEMessage(child) if kind == "digest" else child)
    return message


MESSAGES = st.recursive(
    TEXTS,
    lambda inner: st.builds(
        multipart, st.sampled_from(["mixed", "alternative", "digest"]), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


def leaves(message: Message) -> list[tuple[str, str]]:
    if message.is_multipart():
        return [leaf for child in message.get_payload() for leaf in leaves(child)]  # type: ignore[union-attr]
    text = message.get_payload(decode=True).decode(message.get_content_charset() or "ascii")  # type: ignore[union-attr]
    return [(message.get_content_type(), text)]


@given(MESSAGES, st.sampled_from([b"\n", b"\r\n"]))
@settings(max_examples=150, deadline=None)
def test_a_sound_message_has_the_parts_that_the_standard_library_reads(message: Message, line_end: bytes) -> None:
    raw = message.as_bytes()
    ours = parse(raw.replace(b"\n", line_end)).parts
    read = [(part.content_type, part.text) for part in ours if part.content_type != "message/rfc822"]
    assert [(kind, text.rstrip("\n")) for kind, text in read] == [
        (kind, text.rstrip("\n")) for kind, text in leaves(message_from_bytes(raw))
    ]


def test_a_field_folded_over_lines_is_one_value() -> None:
    headers = read_headers("Subject: one\n two\n\tthree\nX-Empty:\nSubject: four\n")
    assert headers.all("subject") == ["one two three", "four"]
    assert headers.get("x-empty") == ""
    assert headers.get("missing") is None


def test_a_line_that_is_no_field_ends_the_header() -> None:
    parsed = parse(b"Subject: x\nHello there, no blank line above\nFrom: a@b.example\n")
    assert parsed.subject == "x"
    assert parsed.from_address is None
    assert parsed.text.startswith("Hello there")


def test_a_leading_mbox_line_is_dropped() -> None:
    assert parse(b"From a@b.example Wed Jun  3 09:00:00 2026\nSubject: x\n\nbody").subject == "x"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ('boundary="a b"; charset=x', "a b"),
        (r'boundary="a\"b"', 'a"b'),
        ("boundary=a-b", "a-b"),
        ("boundary*0=a; boundary*1=b", "ab"),
        ("boundary*=us-ascii'en'a%2Bb", "a+b"),
        ('BOUNDARY = "ab"', "ab"),
        ("boundary", None),
        ('boundary="ab', "ab"),
    ],
)
def test_a_parameter_is_read_in_every_notation(parameters: str, expected: str | None) -> None:
    entity = read_message(f"Content-Type: multipart/mixed; {parameters}\n\nx".encode())
    assert entity.parameter("boundary") == expected


def test_a_boundary_that_begins_like_another_is_another() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=ab\n\n--ab\nContent-Type: multipart/mixed; boundary=abc\n\n"
        b"--abc\n\nfirst\n--abc--\n--ab\n\nsecond\n--ab--\nepilogue\n--ab\n\nnot read\n"
    )
    assert [part.text.strip() for part in parse(raw).parts] == ["first", "second"]


def test_an_embedded_message_is_read_although_a_server_encoded_it() -> None:
    raw = (
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/rfc822\n"
        b"Content-Transfer-Encoding: base64\n\nTWVzc2FnZS1JRDogPHMxQG91ci5leGFtcGxlPgoKSGVsbG8=\n--b--\n"
    )
    message, text = parse(raw).parts
    assert message.headers.get("message-id") == "<s1@our.example>"
    assert (text.text, text.embedded) == ("Hello", True)


def test_words_labelled_base64_stay_words() -> None:
    raw = b"Content-Transfer-Encoding: base64\n\nPlease call me on Monday, I am in the office then.\n"
    assert parse(raw).text.strip() == "Please call me on Monday, I am in the office then."


def test_a_character_cut_in_two_between_encoded_words_is_whole_again() -> None:
    parsed = parse(b"Subject: =?utf-8?B?R3LDvA==?= =?utf-8?B?w58=?= =?utf-8?Q?e_=C3?= =?utf-8?Q?=BC?=\n\nx")
    assert parsed.subject == "Grüße ü"


def test_japanese_shows_by_its_escapes_although_nothing_names_it() -> None:
    assert parse(b"Subject: x\n\n\x1b$B$3$s$K$A$O\x1b(B\n").text.strip() == "こんにちは"
