from __future__ import annotations

from base64 import b64decode, b64encode
from email import message_from_bytes
from email.message import Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.decode import decode_base64_body
from classifier.message import parse
from classifier.mime import read_headers, read_message
from classifier.own_words.words import own_words

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
@settings(max_examples=150)
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
        ("boundary=Ab(foo)", "Ab"),
        ("(a (nested) one) boundary=(x)ab", "ab"),
        (r'(\) still) boundary="a(b"', "a(b"),
    ],
)
def test_a_parameter_is_read_in_every_notation(parameters: str, expected: str | None) -> None:
    entity = read_message(f"Content-Type: multipart/mixed; {parameters}\n\nx".encode())
    assert entity.parameter("boundary") == expected


def test_a_boundary_that_begins_like_another_is_another() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=ab\n\n--ab\nContent-Type: multipart/mixed; boundary=abc\n\n"
        b"--abc\n\nfirst\n--abc--\n--ab\n\nsecond\n--ab--\nepilogue\n"
    )
    assert [part.text.strip() for part in parse(raw).parts] == ["first", "second"]


def test_a_part_below_a_closing_delimiter_is_read() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst\n--b--\nbetween\n--b\n\nsecond\n--b--\nepilogue"
    assert [part.text.strip() for part in parse(raw).parts] == ["first", "second"]
    assert parse(raw).text.split() == ["first", "second"]


@pytest.mark.parametrize(
    "body",
    [
        "Yes please\n--b\nContent-Type: image/png\n\nx\n--b--\n",
        "--b\nContent-Type: image/png\n\nx\n--b--\nYes please\n",
        "--b\nContent-Type: text/html\n\n<html></html>\n--b--\nYes please\n",
        "--b--\nYes please\n",
        "This is a multi-part message in MIME format.\n\nYes please\n--b\n\n\n--b--\n",
        "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n\n--c--\nYes please\n--b--\n",
    ],
)
def test_words_around_the_parts_count_where_no_part_holds_any(body: str) -> None:
    parsed = parse(f"Content-Type: multipart/mixed; boundary=b\n\n{body}".encode())
    assert "Yes please" in parsed.text
    assert "MIME" not in parsed.text


def test_words_around_the_parts_are_a_programs_where_a_part_holds_some() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\nbefore\n--b\n\nmine\n--b--\nafter\n"
    assert parse(raw).text.strip() == "mine"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("Content-Transfer-Encoding: (x) base64", ("text/plain", "Hello")),
        ('Content-Transfer-Encoding: "base64"', ("text/plain", "Hello")),
        ("Content-Transfer-Encoding: 'BASE64' (y)", ("text/plain", "Hello")),
        ("Content-Transfer-Encoding: base64, 8bit", ("text/plain", "Hello")),
        ("Content-Transfer-Encoding: base64\nContent-Type: (x) text/html", ("text/html", "Hello")),
        ('Content-Transfer-Encoding: base64\nContent-Type: "text/html"', ("text/html", "Hello")),
        ("Content-Transfer-Encoding: base64\nContent-Type: text/html(x); charset=utf-8", ("text/html", "Hello")),
    ],
)
def test_comments_and_quotes_in_a_field_are_no_part_of_its_value(fields: str, expected: tuple[str, str]) -> None:
    (part,) = parse(f"{fields}\n\nSGVsbG8=\n".encode()).parts
    assert (part.content_type, part.text) == expected


@pytest.mark.parametrize("disposition", ["(x) attachment", '"attachment"; filename=a', "Attachment(x)"])
def test_a_disposition_is_read_without_its_comments(disposition: str) -> None:
    assert parse(f"Content-Disposition: {disposition}\n\nx".encode()).parts[0].disposition == "attachment"


@pytest.mark.parametrize(
    ("declared", "seen"),
    [
        ("'ab'", "ab"),
        ("'ab'", "'ab'"),
        ("Ab(foo)", "Ab"),
        ("Ab(foo)", "Ab(foo)"),
        ("abcd", "ABCD"),
        ("one", "another"),
        ('""', "another"),
    ],
)
def test_the_boundary_that_delimits_the_parts_is_the_boundary(declared: str, seen: str) -> None:
    raw = (
        f"Content-Type: multipart/mixed; boundary={declared}\n\n--{seen}\nContent-Type: text/plain\n\nfirst\n"
        f"--{seen}\nContent-Type: text/plain\n\nsecond\n--{seen}--\n"
    )
    assert [part.text.strip() for part in parse(raw.encode()).parts] == ["first", "second"]


@pytest.mark.parametrize(("declared", "seen"), [("'ab'", "ab"), ("abcd", "ABCD")])
def test_the_boundary_is_known_by_its_letters_above_parts_without_a_header(declared: str, seen: str) -> None:
    raw = f"Content-Type: multipart/mixed; boundary={declared}\n\n--{seen}\n\nfirst\n--{seen}\n\nsecond\n--{seen}--\n"
    assert [part.text.strip() for part in parse(raw.encode()).parts] == ["first", "second"]


@pytest.mark.parametrize(
    "stray", ["X-Note sent by gateway", "=====", "warning: \nX-Note sent", "<a@b.example>", "one\nX-A: b\ntwo"]
)
def test_a_stray_line_within_the_header_does_not_end_it(stray: str) -> None:
    parsed = parse(f"Received: from a by b\n{stray}\nFrom: a@b.example\nSubject: x\n\nHello\n".encode())
    assert (parsed.from_address, parsed.subject, parsed.text) == ("a@b.example", "x", "Hello\n")


@pytest.mark.parametrize(
    "body",
    [
        "Hello there\nFrom: a@b.example\n",
        "Hello there\nhow are you\nFrom: a@b.example\n\nBye\n",
        "Hello there\nFrom: a@b.example\nand more\n\nBye\n",
        "--b\nFrom: a@b.example\n\nBye\n",
    ],
)
def test_a_body_that_follows_without_a_blank_line_is_a_body(body: str) -> None:
    parsed = parse(f"Subject: x\n{body}".encode())
    assert (parsed.from_address, parsed.text) == (None, body)


@pytest.mark.parametrize(
    "lead", ["\ufeff", "\n\n", "\r\n \t\r\n", "\ufeff\n", "\nFrom a@b.example Wed\n", "\n>From a Wed\n"]
)
def test_what_stands_before_the_header_is_skipped(lead: str) -> None:
    parsed = parse(f"{lead}Subject: x\n\nbody".encode())
    assert (parsed.subject, parsed.text) == ("x", "body")
    inner = f"Content-Type: message/rfc822\n\n{lead}Subject: x\n\nbody".encode()
    assert parse(inner).parts[0].headers.get("subject") == "x"
    assert parse(inner).parts[-1].text == "body"


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


FOOTER = "_______________________________________________\nList mailing list\nlist@lists.example\n"


@pytest.mark.parametrize(
    "footer", [FOOTER, "\n" + FOOTER, "-- \nSent through gateway.example\n", "\nThis mail was scanned.\n"]
)
@pytest.mark.parametrize(
    ("words", "charset"),
    [
        ("Yes please", "utf-8"),
        ("Grüße aus Köln", "iso-8859-1"),
        ("你好我们谈谈", "gb2312"),
        ("Ja", "utf-16"),
        ("Yes, do.", "utf-8"),
    ],
)
def test_a_footer_below_base64_is_dropped(footer: str, words: str, charset: str) -> None:
    encoded = b64encode(words.encode(charset)).decode()
    raw = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: base64\n\n{encoded}\n{footer}"
    assert parse(raw.encode()).text == words


@pytest.mark.parametrize(
    "words",
    ["unsubscribe", "STOP!", "stop", "Stop", "UNSUBSCRIBE", "remove", "Hallo\n\nbitte keine Mails mehr an mich", "No."],
)
@pytest.mark.parametrize("charset", ["utf-8", "us-ascii", "iso-8859-1"])
def test_a_word_labelled_base64_stays_a_word(words: str, charset: str) -> None:
    raw = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: base64\n\n{words}\n"
    assert parse(raw.encode()).text.strip() == words


@pytest.mark.parametrize("words", ["HEY", "Hi", "Yes please"])
def test_base64_in_pieces_is_read_to_its_end(words: str) -> None:
    encoded = b64encode(words.encode()).decode()
    raw = f"Content-Transfer-Encoding: base64\n\n{encoded}\n{encoded}\n"
    assert parse(raw.encode()).text == words * 2


ATTACHED_ALONE = (
    b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment\n\nmine\n"
    b"--b\nContent-Type: image/png\n\n--b--\n"
)


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Disposition: attachment; filename=a.txt\n\nmine\n",
        b"Content-Type: text/plain; name=a.txt\n\nmine\n",
        b"Content-Type: text/html; name=a.html\n\n<p>mine</p>\n",
        ATTACHED_ALONE,
    ],
)
def test_the_only_text_is_the_senders_whatever_its_name(raw: bytes) -> None:
    parsed = parse(raw)
    assert parsed.text.strip() == "mine"
    assert own_words(parsed).text == "mine"


def test_a_file_beside_a_text_is_a_file_although_the_text_is_empty() -> None:
    raw = mixed("\n", "Content-Type: text/plain; name=a.txt\n\nfile").encode()
    assert parse(raw).text.strip() == ""


def mixed(*parts: str, kind: str = "mixed", boundary: str = "b") -> str:
    body = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\n\n{body}--{boundary}--\n"


def plain(words: str) -> str:
    return f"Content-Type: text/plain; charset=utf-8; format=flowed\n\n{words}"


def page(words: str) -> str:
    return f"Content-Type: text/html\n\n<html><body><p>{words}</p></body></html>"


@pytest.mark.parametrize(
    ("raw", "own"),
    [
        (mixed(page("Yes please"), plain("Scanned by gateway.example")), "Yes please"),
        (mixed(mixed(page("Yes please"), kind="related", boundary="c"), plain("Scanned")), "Yes please"),
        (mixed(mixed(plain(""), page("Yes please"), kind="alternative", boundary="c"), plain("Scanned")), "Yes please"),
        (mixed(page(""), page("Yes please"), plain("Scanned")), "Yes please"),
        (mixed(page(""), plain("Yes please")), "Yes please"),
        (mixed(plain("Yes please"), page("Scanned")), "Yes please"),
        (mixed(plain("Yes please"), page("<b>Yes</b> please"), kind="alternative"), "Yes please"),
        (mixed(page("<b>Yes</b> please"), plain("Yes please"), kind="alternative"), "Yes please"),
        (
            mixed(plain("Yes"), mixed(page("Yes"), plain("Scanned"), boundary="c"), kind="alternative"),
            "Yes\nScanned",
        ),
        (mixed(page(""), page("Yes please"), kind="alternative"), "Yes please"),
    ],
)
def test_plain_text_is_preferred_to_the_same_words_in_html_alone(raw: str, own: str) -> None:
    assert own_words(parse(raw.encode())).text == own


def test_a_reader_sees_what_a_gateway_wrote_below_the_html() -> None:
    parsed = parse(mixed(page("Yes please"), plain("Scanned by gateway.example")).encode())
    assert (parsed.plain, parsed.plain_type) == ("", "text/plain")
    assert parsed.text.split("\n") == ["Yes please", "Scanned by gateway.example"]


@pytest.mark.parametrize("charset", ["cp037", "cp500", "utf-16", "utf-16le", "utf-32", "UTF-16BE"])
def test_plain_letters_are_read_whatever_charset_is_named(charset: str) -> None:
    raw = f"Subject: =?{charset}?q?Stop?=\nContent-Type: text/plain; charset={charset}\n\nPlease stop".encode()
    assert (parse(raw).text, parse(raw).subject) == ("Please stop", "Stop")


@pytest.mark.parametrize("charset", ["cp037", "utf-16", "utf-16le", "utf-32", "utf-7", "iso-2022-jp"])
def test_what_is_in_a_charset_unlike_ascii_is_read_by_it(charset: str) -> None:
    raw = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: base64\n\n".encode()
    assert parse(raw + b64encode("Please stop".encode(charset))).text == "Please stop"


def test_a_sign_amid_base64_is_damage_and_no_end() -> None:
    encoded = b64encode(b"Yes, please. Call me on Friday, or else on Monday." * 3)
    assert decode_base64_body(encoded[:70] + b"!" + encoded[70:]) == b64decode(encoded)
