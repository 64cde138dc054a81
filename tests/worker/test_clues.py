"""What our own mail server says about a sender (RFC 8601), and which fields of ours are tokens."""

from __future__ import annotations

import pytest

from classifier.message import parse
from classifier.verdict import Bounce, BounceKind, OptOut
from worker.clues import clues_of
from worker.match import Family

MAIL = (
    b"From: Anna <Anna@client.example>\r\nTo: mila+x7f@outreach.example\r\nSubject: Re: hello\r\n%s\r\nPlease stop.\r\n"
)


@pytest.mark.parametrize(
    ("results", "authentic"),
    [
        ([], True),
        (["mx.us; dmarc=pass header.from=client.example"], True),
        (["mx.us; dmarc=fail (p=REJECT) header.from=client.example"], False),
        (["mx.us; spf=pass smtp.mailfrom=x; dkim=fail; dmarc=fail"], False),
        (["mx.us; dmarc=none; spf=fail; dkim=fail"], False),
        (["mx.us; dmarc=none; spf=fail; dkim=pass"], True),
        (["mx.us; spf=softfail"], True),
        (["mx.us; spf=fail", "other.example; dmarc=pass"], False),
        (["mx.us; none"], True),
    ],
)
def test_what_our_server_says_of_the_sender_is_believed(results: list[str], authentic: bool) -> None:
    headers = "".join(f"Authentication-Results: {each}\r\n" for each in results).encode()
    assert clues_of(parse(MAIL % headers), OptOut(), ()).authentic is authentic


def test_only_the_named_servers_word_counts() -> None:
    headers = b"Authentication-Results: forged.example; dmarc=pass\r\nAuthentication-Results: mx.us 1; dmarc=fail\r\n"
    parsed = parse(MAIL % headers)
    assert clues_of(parsed, OptOut(), {"mx.us"}).authentic is False
    assert clues_of(parsed, OptOut(), {"nobody.example"}).authentic is True


def test_a_reply_offers_sender_subject_thread_and_token() -> None:
    clues = clues_of(parse(MAIL % b"In-Reply-To: <2@us>\r\nReferences: <1@us> <2@us>\r\n"), OptOut(), ())
    assert (clues.family, clues.from_address, clues.subject) == (Family.REPLY, "anna@client.example", "Re: hello")
    assert clues.answers == ("2@us", "1@us")
    assert "x7f" in clues.tokens


def test_a_report_offers_the_returned_mail_before_its_own_thread_and_no_sender() -> None:
    bounce = Bounce(
        kind=BounceKind.HARD,
        recipients=("anna@client.example",),
        reason="user_unknown",
        original_message_ids=("1@us",),
        original_subject="hello",
    )
    clues = clues_of(parse(MAIL % b"In-Reply-To: <2@us>\r\n"), bounce, ())
    assert (clues.family, clues.from_address, clues.subject) == (Family.REPORT, None, "hello")
    assert (clues.answers, clues.addresses) == (("1@us", "2@us"), ("anna@client.example",))
