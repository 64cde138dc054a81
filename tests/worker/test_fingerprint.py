"""The second key: the same mail is the same, another mail is another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.writing.fingerprint import content_hash, has_message_id

MAIL = b"Message-ID: <1@client.example>\r\nFrom: anna@client.example\r\n\r\nYes, please.\r\n"
BARE = b"From: anna@client.example\r\nSubject: hello\r\n\r\nYes, please.\r\n"


def of(raw: bytes) -> str:
    return content_hash(raw, len(raw))


def test_line_ends_do_not_matter() -> None:
    assert of(MAIL) == of(MAIL.replace(b"\r\n", b"\n"))
    assert of(BARE) == of(BARE.replace(b"\r\n", b"\n"))


def test_what_mailbox_files_write_into_the_header_does_not_matter() -> None:
    kept = b"From anna@client.example Mon May  4 09:00:00 2026\nStatus: RO\nX-UID: 7\n" + MAIL.replace(b"\r\n", b"\n")
    assert of(kept) == of(MAIL)


def test_the_header_block_alone_identifies_a_mail_with_message_id() -> None:
    header = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert has_message_id(header)
    assert content_hash(header, 10**6, whole=False) == of(MAIL)


def test_mails_without_message_id_differ_by_their_body() -> None:
    assert not has_message_id(BARE)
    assert of(BARE) != of(BARE.replace(b"Yes", b"No"))


def test_a_message_id_in_the_body_is_none() -> None:
    assert not has_message_id(b"Subject: x\r\n\r\nMessage-ID: <1@x>\r\n")


def test_quoted_from_lines_of_mbox_files_do_not_matter() -> None:
    assert of(BARE + b"From here on\n") == of(BARE + b">From here on\n")


@given(st.binary(max_size=300))
def test_any_bytes_have_a_fingerprint(raw: bytes) -> None:
    assert len(of(raw)) == 64
