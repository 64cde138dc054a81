"""The sample mailbox is what its index says, every day anew, and the product makes of it what must follow."""

from __future__ import annotations

import email
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.verdict import NAMES
from models.events import Status
from tests.worker.commanding import Commands
from worker.demo import sample as sample_module
from worker.demo.sample import BASE, MAILBOX, MAILS, Sample, SampleMail, expected_statuses, load
from worker.demo.server import serving
from worker.demo.template import fill
from worker.sending.sends_file import read_sends

NOW = datetime(2027, 1, 4, 6, 30, tzinfo=UTC)
RESERVED = re.compile(r"(?:.+\.)?(?:example|test|example\.(?:com|org|net))")
ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
BY_MAIL = set(Status) - {Status.UNSUBSCRIBE_LINK, Status.CAMPAIGN_STOPPED, Status.APPOINTMENT_BOOKED}
UNTIED = {"weak-match", "forged-sender", "from-alone"}
"""They are about a send and name nothing of it."""


@pytest.fixture(scope="module")
def sample() -> Sample:
    return load(NOW)


def parsed(mail: SampleMail) -> Message:
    return email.message_from_bytes(mail.raw)


def by_name(sample: Sample, name: str) -> SampleMail:
    return next(mail for mail in sample.inbox if mail.name == name)


def ids_in(message: Message) -> set[str]:
    return {found for name in ("In-Reply-To", "References") for found in str(message[name] or "").split()}


def text_of(message: Message) -> str:
    return message.get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_every_mail_is_well_formed(sample: Sample) -> None:
    for mail in (*sample.inbox, *sample.sent):
        for part in parsed(mail).walk():
            assert not part.defects, (mail.name, part.defects)
        assert b"\r\n\r\n" in mail.raw
        assert mail.raw.count(b"\n") == mail.raw.count(b"\r\n")


def test_every_mail_has_the_header_fields_of_real_mail(sample: Sample) -> None:
    for mail in sample.inbox:
        message = parsed(mail)
        for name in ("Return-Path", "Received", "Date", "From", "To", "Subject", "Message-ID"):
            assert message[name], (mail.name, name)


def test_no_message_id_occurs_twice(sample: Sample) -> None:
    inbox = Counter(parsed(mail)["Message-ID"] for mail in sample.inbox)
    sent = Counter(message_id for send in sample.sends for message_id in send.message_ids)
    assert set((inbox + sent).values()) <= {1, 2}
    assert {message_id for message_id, count in (inbox + sent).items() if count == 2} == {
        parsed(by_name(sample, "own-copy"))["Message-ID"]
    }


def test_what_claims_to_answer_a_send_names_its_message_id(sample: Sample) -> None:
    for mail in sample.inbox:
        known = set(mail.answers.message_ids) if mail.answers else {"<no-such-mail@ghostmail.test>"}
        # A follow-up of our own answers the mail before it.
        assert mail.verdict == "outgoing" or ids_in(parsed(mail)) <= known, mail.name


def test_all_that_acts_names_our_mail_or_carries_our_token(sample: Sample) -> None:
    for mail in sample.inbox:
        if mail.answers and mail.name not in UNTIED:
            token = mail.answers.token or "\0"
            named = any(each.encode() in mail.raw for each in mail.answers.message_ids)
            assert named or token in parsed(mail)["To"], mail.name


def test_the_untied_mails_name_nothing_of_ours(sample: Sample) -> None:
    ours = [each.encode() for send in sample.sends for each in send.message_ids]
    for mail in sample.inbox:
        if mail.name in UNTIED or mail.answers is None:
            assert not any(each in mail.raw for each in ours), mail.name


def test_a_send_of_two_message_ids_is_answered_by_the_one_the_world_saw(sample: Sample) -> None:
    mail = by_name(sample, "bounce-hard-exchange")
    assert mail.answers is not None
    written, seen = mail.answers.message_ids
    assert seen.encode() in mail.raw
    assert written.encode() not in mail.raw
    copies = {copy.name: parsed(copy)["Message-ID"] for copy in sample.sent}
    assert copies[mail.answers.send_id] == written


def test_everybody_lives_at_a_reserved_domain(sample: Sample) -> None:
    for mail in (*sample.inbox, *sample.sent):
        text = mail.raw.decode() if mail.name != "interested-attachment" else mail.raw[:4_000].decode()
        for domain in ADDRESS.findall(text):
            assert RESERVED.fullmatch(domain.lower()), (mail.name, domain)


def test_mail_comes_after_the_send_it_is_about_and_before_now(sample: Sample) -> None:
    for mail in sample.inbox:
        assert mail.arrived_at < NOW
        assert mail.answers is None or mail.answers.sent_at < mail.arrived_at, mail.name


def test_the_dates_of_a_mail_agree_with_its_arrival(sample: Sample) -> None:
    for mail in sample.inbox:
        message = parsed(mail)
        assert parsedate_to_datetime(message["Received"].rpartition(";")[2].strip()) == mail.arrived_at, mail.name
        assert timedelta(0) <= mail.arrived_at - parsedate_to_datetime(message["Date"]) < timedelta(minutes=15)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_whatever_the_day_the_newest_mail_is_of_yesterday(now: datetime) -> None:
    newest = load(now).inbox[-1].arrived_at
    assert (now.astimezone(UTC).date() - newest.date()).days == 1


def test_day_by_day_everything_comes_once_and_before_the_day_is_over(sample: Sample) -> None:
    days = list(sample.days())
    for name in ("sends", "inbox", "sent"):
        assert Counter(getattr(sample, name)) == Counter(each for _, day in days for each in getattr(day, name))
    dates = [moment.date() for moment, _ in days]
    assert dates == [dates[0] + timedelta(days=number) for number in range(len(days))]
    for moment, day in days:
        for at in (*(send.sent_at for send in day.sends), *(mail.arrived_at for mail in (*day.inbox, *day.sent))):
            assert moment - timedelta(days=1) < at < moment < NOW


def test_the_time_of_day_and_the_zone_of_now_change_nothing() -> None:
    assert load(NOW) == load(NOW.replace(hour=23)) == load(NOW.astimezone())


def test_nothing_is_left_to_fill_in(sample: Sample) -> None:
    for mail in (*sample.inbox, *sample.sent):
        assert not re.search(rb"\{[a-z_]+\}", mail.raw), mail.name


def test_a_place_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        fill("Hello {nowhere}", {"name": "Anna"})


def test_absences_that_last_name_a_day_ahead_and_those_that_are_over_a_day_past(sample: Sample) -> None:
    named = {mail.name: mail.back for mail in sample.inbox if mail.back}
    assert named.keys() == {"absence-dated", "absence-german", "absence-over", "absence-before-interest"}
    for name in ("absence-dated", "absence-german"):
        assert named[name] > NOW.date()
    # The sequence runs again on the working day after.
    assert named["absence-over"] < NOW.date() - timedelta(days=4)


def test_a_notice_writes_the_day_as_its_language_does(sample: Sample) -> None:
    english, german, wordy = (by_name(sample, f"absence-{name}") for name in ("dated", "german", "before-interest"))
    assert english.back
    assert german.back
    assert wordy.back
    assert f"back on\r\n{english.back.day} {english.back:%B %Y}" in text_of(parsed(english))
    assert f"ab dem {german.back:%d.%m.%Y} wieder" in text_of(parsed(german))
    assert f"{wordy.back.day}. Januar {wordy.back.year} nicht" in text_of(parsed(wordy))


def test_people_quote_what_we_wrote(sample: Sample) -> None:
    quoting = [mail for mail in sample.inbox if b"> Hello" in mail.raw]
    assert len(quoting) > 8
    for mail in quoting:
        assert b'> Not for you? Answer with "unsubscribe"' in mail.raw, mail.name


def test_reports_are_what_their_standards_ask_for(sample: Sample) -> None:
    kinds = {
        "receipt-read": ("disposition-notification", "message/disposition-notification"),
        "complaint": ("feedback-report", "message/feedback-report"),
    }
    for mail in sample.inbox:
        if mail.verdict not in {"bounce", "receipt", "complaint"} or mail.name in {
            "bounce-hard-qmail",
            "bounce-hard-token",
        }:
            continue
        message = parsed(mail)
        kind, part = kinds.get(mail.name, ("delivery-status", "message/delivery-status"))
        assert message.get_content_type() == "multipart/report", mail.name
        assert message.get_param("report-type") == kind
        assert part in [each.get_content_type() for each in message.walk()], mail.name
        assert parseaddr(message["Return-Path"])[1] == ""


def test_one_mail_is_too_large_to_be_fetched_whole(sample: Sample) -> None:
    large = [mail.name for mail in sample.inbox if len(mail.raw) > 128 * 1024]
    assert large == ["interested-attachment"]


def test_the_index_and_the_mails_are_complete(sample: Sample) -> None:
    assert {path.stem for path in MAILS.glob("*.eml")} == {mail.name for mail in sample.inbox}
    for mail in sample.inbox:
        assert mail.story, mail.name
        assert mail.verdict is None or mail.verdict in NAMES.values()
        assert (mail.expect is None) == (mail.answers is None)


def test_every_status_that_mail_can_cause_is_there() -> None:
    assert set(expected_statuses().values()) == BY_MAIL


def test_every_kind_of_verdict_is_there(sample: Sample) -> None:
    assert {mail.verdict for mail in sample.inbox} - {None} == set(NAMES.values())


def test_the_mails_of_one_recipient_expect_the_same_end(sample: Sample) -> None:
    statuses = expected_statuses()
    for mail in sample.inbox:
        if mail.answers:
            assert statuses[mail.answers.campaign, mail.answers.to] is mail.expect, mail.name


def test_every_recipient_is_expected_to_end_somewhere(sample: Sample) -> None:
    assert set(expected_statuses()) == {(send.campaign, send.to) for send in sample.sends}


def test_the_sends_can_be_imported(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "sends.jsonl"
    path.write_text(sample.sends_file())
    read = read_sends(path, {MAILBOX: 7})
    assert [(send.send_id, send.to, send.sent_at, send.token) for send in read] == [
        (send.send_id, send.to, send.sent_at, send.token) for send in sample.sends
    ]
    assert all(len(send.message_ids) in {1, 2} for send in read)


def test_the_sent_folder_holds_a_copy_of_every_send(sample: Sample) -> None:
    for send, copy in zip(sample.sends, sample.sent, strict=True):
        message = parsed(copy)
        assert (message["To"].partition("<")[2].rstrip(">"), message["Subject"]) == (send.to, send.subject)
        assert parsedate_to_datetime(message["Date"]) == copy.arrived_at == send.sent_at


def test_the_files_of_sends_are_dated_around_the_base_day() -> None:
    rows = [json.loads(line) for line in (sample_module.HERE / "sends.jsonl").read_text().splitlines()]
    base = datetime(BASE.year, BASE.month, BASE.day, tzinfo=UTC)
    assert all(timedelta(0) < base - datetime.fromisoformat(row["sent_at"]) < timedelta(days=15) for row in rows)


def test_polling_the_sample_ends_in_every_expected_status_and_review(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INBOX_REVIEW_SHARE", "0")
    sample = load(datetime.now(UTC))
    with serving(sample.inbox, sample.sent) as server:
        run.done(
            "mailboxes", "add", MAILBOX, "--host", server.host, "--port", str(server.port), "--security", "plain",
            "--username", server.username, "--password-file", run.file("secret", server.password),
            "--opt-out-alias", sample_module.OPT_OUT_ALIAS, "--authserv-id", sample_module.AUTHSERV_ID,
        )  # fmt: skip
        run.done("sends", "import", run.file("sends.jsonl", sample.sends_file()))
        run.done("poll", MAILBOX)
    rows = run.done("recipients", "list", "--json", "--limit", "1000").rows
    assert {(row["campaign"], row["address"]): row["status"] for row in rows} == expected_statuses()
    reviews = run.done("review", "list", "--json").rows
    assert {row["address"] for row in reviews} == {mail.about for mail in sample.inbox if mail.review}
