"""What our own mail server says about a sender (RFC 8601), and which fields of ours are tokens."""

from __future__ import annotations

import pytest

from classifier.message import parse
from classifier.verdict import Bounce, BounceKind, OptOut
from worker.match import Family
from worker.matching.authentic import is_authentic
from worker.matching.clues import clues_of

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
        (["mx.us; spf=permerror; dkim=temperror; dmarc=temperror"], True),
        (["MX.US; SPF=Fail; DKIM=None; DMARC=None"], False),
        (["mx.us; dmarc=fail; arc=pass (i=1 spf=pass dkim=pass dmarc=pass fromdomain=client.example)"], False),
        (["mx.us; dmarc=pass; arc=fail (i=1 (nested) dmarc=fail)"], True),
        (["mx.us; dmarc=fail header.from=client.example; spf=pass smtp.mailfrom=dmarc=pass@evil.example"], False),
        (['mx.us; dmarc=fail; spf=none smtp.mailfrom="a; dmarc=pass; b"@evil.example'], False),
        (['mx.us; spf=none smtp.mailfrom="@evil.example; dmarc=fail header.from=client.example'], False),
        (["mx.us; spf=none (helo=:( smtp.helo=x; dmarc=fail header.from=client.example"], False),
        (["mx.us; dkim=pass header.d=client.example; dkim=fail header.d=list.example; spf=fail"], True),
        (['mx.us 1; dkim/1=fail reason="bad signature"; spf/1 = fail smtp.mailfrom=x'], False),
        (["spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=x; dkim=none; dmarc=fail action=oreject"], False),
        (["mx.us;\r\n\tdkim=fail;\r\n\tspf=fail smtp.mailfrom=x"], False),
        ([""], True),
        (['mx.us; dmarc=pass header.from="client.example"'], True),
        (['mx.us; dmarc=pass header.from="evil.example"'], False),
        (["mx.us; dmarc=pass header.from=client.example."], True),
        (['mx.us; dmarc=none; spf=fail; dkim=pass header.i="@client.example"'], True),
        (['mx.us; dmarc=none; spf=fail; dkim=pass header.i="x@client.example"@evil.example'], False),
        (["mx.us; dmarc=none; spf=fail smtp.mailfrom=;dkim=pass;(@evil.example"], False),
        (["mx.us; dmarc=pass header.from=client.example; spf=none smtp.mailfrom=(@client.example"], True),
    ],
)
def test_what_our_server_says_of_the_sender_is_believed(results: list[str], authentic: bool) -> None:
    headers = "".join(f"Authentication-Results: {each}\r\n" for each in results).encode()
    assert clues_of(parse(MAIL % headers), OptOut(), ()).authentic is authentic


@pytest.mark.parametrize(
    ("judged", "authentic"),
    [
        ("xn--mller-kva.example", True),
        ("m\u00fcller.example", True),
        ("xn--mllr-0pa.example", False),
        ("xn--\u00fc", False),
    ],
)
def test_a_domain_of_letters_is_the_same_in_both_ways_it_is_written(judged: str, authentic: bool) -> None:
    assert is_authentic([f"mx.us; dmarc=pass header.from={judged}"], (), "anna@m\u00fcller.example") is authentic


def test_only_the_named_servers_word_counts() -> None:
    headers = b"Authentication-Results: forged.example; dmarc=pass\r\nAuthentication-Results: mx.us 1; dmarc=fail\r\n"
    parsed = parse(MAIL % headers)
    assert clues_of(parsed, OptOut(), {"mx.us"}).authentic is False
    assert clues_of(parsed, OptOut(), {"nobody.example"}).authentic is True


@pytest.mark.parametrize(
    ("methods", "authentic"),
    [
        (("spf=fail", "dkim=pass"), True),
        (("spf=fail", "dkim=fail"), False),
        (("dmarc=none", "spf=fail"), False),
        (("spf=pass", "dmarc=fail"), False),
    ],
)
def test_one_field_for_each_method_is_read_as_one(methods: tuple[str, str], authentic: bool) -> None:
    for order in (methods, methods[::-1]):
        headers = "".join(f"Authentication-Results: mx.us; {each}\r\n" for each in order).encode()
        assert clues_of(parse(MAIL % headers), OptOut(), {"mx.us"}).authentic is authentic


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
