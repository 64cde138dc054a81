"""Bytes and header values to text, whatever they hold: nothing here raises."""

from __future__ import annotations

import codecs
import re
from binascii import a2b_base64, a2b_qp
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

import idna

_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]{0,4000})\?=")
_ENCODED_WORDS = re.compile(
    rf"{_ENCODED_WORD.pattern}(?:\s*{_ENCODED_WORD.pattern})*".replace("([^", "(?:[^").replace("([b", "(?:[b")
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200e\u200f\u2060\ufeff]")
UNWRITTEN = r"\x00-\x1f\x7f\ud800-\udfff"
"""Of a pattern's class: what no address holds and no database keeps: control characters, halves of surrogate pairs."""
_LOCAL = r"\w!#$%&*+/=?^~.\-"
_ADDRESS = re.compile(
    rf"(?<![{_LOCAL}\u00c0-\u024f])(?<![{_LOCAL}\u00c0-\u024f]['\u2019])([{_LOCAL}]['{_LOCAL}]{{0,63}})"
    r"@([a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,8})(?![\u00c0-\u024f])",
    re.IGNORECASE | re.ASCII,
)
"""An address within a text: letters of other scripts around it are words that stand there without a blank.

The tail of a local part is none, whether an apostrophe stands before it or the whole is too long; an apostrophe that
follows no letter is a quote around the address.
"""
_WHOLE_ADDRESS = re.compile(
    rf"(\"(?:[^\"\\{UNWRITTEN}]|\\[^{UNWRITTEN}]){{1,62}}\""
    rf"|[^\s@<>()\[\]{{}},;:\\\"'|`{UNWRITTEN}][^\s@<>()\[\]{{}},;:\\\"|`{UNWRITTEN}]{{0,63}})"
    r"@([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})"
)
"""A value that is an address and nothing else: any letters (RFC 6531), and a quoted local part."""
_KELVIN = "\u212a"
"""The one letter beyond ASCII whose small letter is one of ASCII alone."""
_AROUND = " \t\r\n<>'."
"""What stands around an address and is none of it."""
_CONTROL_BYTES = bytes({*range(0x20), 0x7F} - set(b"\t\n\r"))
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_PADDED = _BASE64 + b"="
_NOT_PADDED = bytes(set(range(256)) - set(_PADDED))
_MOST_PIECES = 200
_WORD = re.compile(rb"[A-Za-z][a-z]{0,40}|[A-Z]{1,40}")
_WORDS_LIKELY = 20
_IN_ANGLES = re.compile(r"<([^<>\s]{1,998})>")

_WIDER = {
    "iso8859-1": "cp1252",
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}
"""Charsets that mail names, and the superset of each that senders really mean (as browsers do)."""
_OF_ASCII = frozenset({"us-ascii", "ascii", "utf-8", "utf8", "iso-8859-1", "iso-8859-15", "windows-1252"})
"""Charsets in which text of seven bits is what it looks like: most mail."""
_JAPANESE = "iso2022_jp_ext"
"""The one charset that shows by itself, by its escape sequences (RFC 1468)."""
MOST_HEADER = 100_000
_NOT_FOR_MAIL = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
"""Python codecs that are no charsets: slow on purpose-made input, or warning about it."""


def decode_bytes(raw: bytes, charset: str | None) -> tuple[str, str | None]:
    """Return the printable text of `raw` and, where its charset was unknown or wrong, a sentence about it."""
    if raw.isascii() and (charset is None or charset.lower() in _OF_ASCII):
        if b"\x1b$" in raw:
            return printable(raw.decode(_JAPANESE, "replace")), None
        return raw.translate(None, _CONTROL_BYTES).decode("ascii"), None
    text, problem = _decode(raw, charset)
    return printable(text), problem


def _decode(raw: bytes, charset: str | None) -> tuple[str, str | None]:
    codec = codec_of(charset or "ascii")
    if codec is not None and (_is_like_ascii(codec) or not _is_plain(raw)):
        try:
            return raw.decode(codec), None
        except (UnicodeError, ValueError):
            pass
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    if charset is None:
        return text, None
    why = "unknown" if codec is None else "wrong"
    return text, f"{why} charset {printable(charset)[:40]!r}"


@lru_cache(256)
def codec_of(charset: str) -> str | None:
    """Return the Python codec to decode a charset of mail with, or None where there is none."""
    try:
        name = codecs.lookup(charset.strip().strip("\"'").removesuffix("-i")).name
        "".encode(name)  # Refuses codecs that are no text encodings, like zip.
    except (LookupError, ValueError):
        return None
    return None if name.replace("-", "_") in _NOT_FOR_MAIL else _WIDER.get(name, name)


@lru_cache(256)
def _is_like_ascii(codec: str) -> bool:
    """Say whether seven bits mean the same in a charset as in ASCII: not in UTF-16, nor in EBCDIC."""
    return b"Aa0".decode(codec, "ignore") == "Aa0"


def _is_plain(raw: bytes) -> bool:
    """Say whether the bytes are ASCII, whatever the label: text of a charset unlike it has NULs or high bytes."""
    return raw.isascii() and b"\0" not in raw


def printable(text: str) -> str:
    """Return the text without control characters, invisible marks and lone surrogates."""
    if text.isprintable():
        return text
    text = _CONTROLS.sub("", text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def decode_header(raw: bytes) -> str:
    """Return a header value on one line, its encoded words (RFC 2047) and raw 8-bit bytes decoded."""
    if raw.isascii() and b"=?" not in raw and b"\x1b" not in raw:
        return " ".join(raw[:MOST_HEADER].translate(None, _CONTROL_BYTES).decode("ascii").split())
    return decode_words(decode_bytes(raw[:MOST_HEADER], None)[0])


def decode_words(value: str) -> str:
    """Return a header value on one line, its encoded words (RFC 2047) decoded."""
    if "=?" in value:
        # Blanks between two encoded words are no text (RFC 2047, section 6.2).
        value = _ENCODED_WORDS.sub(_decode_words, value)
    return printable(" ".join(value.split()))


def _decode_words(found: re.Match[str]) -> str:
    """Decode neighbouring words; programs cut characters in two between words of one charset."""
    pieces: list[tuple[str, bytes]] = []
    for word in _ENCODED_WORD.finditer(found[0]):
        charset, content = word[1].partition("*")[0].lower(), word[3].encode("utf-8", "replace")
        raw = decode_base64(content) if word[2] in "bB" else a2b_qp(content, header=True)
        if pieces and pieces[-1][0] == charset:
            raw = pieces.pop()[1] + raw
        pieces.append((charset, raw))
    return "".join(decode_bytes(raw, charset)[0] for charset, raw in pieces)


def decode_base64(content: bytes) -> bytes:
    """Return what base64 text holds, as far as it can be read."""
    letters = content.translate(None, _NOT_BASE64)
    whole = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return a2b_base64(whole + b"=" * (-len(whole) % 4))


def decode_base64_body(content: bytes) -> bytes:
    """Return what a body in base64 holds, and words that are labelled so by mistake as they are.

    A footer that lists and gateways append in plain words is dropped: the sender wrote none of it.
    """
    encoded = _base64_lines(content) if content.translate(None, _PADDED + b"\n") else content
    letters = encoded.translate(None, _NOT_PADDED)
    if not letters:
        return content
    # Programs that encode line by line, or text by text, end each piece with padding.
    decoded = b"".join(decode_base64(each) for each in letters.split(b"=", _MOST_PIECES) if each)
    words = all(_WORD.fullmatch(each) for each in encoded.split())
    return content if words and (len(letters) % 4 or not _is_readable(decoded)) else decoded


def _base64_lines(content: bytes) -> bytes:
    """Return the lines before the first that holds words: base64 has no blanks and no signs, but for damage."""
    at = 0
    for line in content.split(b"\n"):
        if len(line.strip().translate(None, _PADDED)) > len(line) // _WORDS_LIKELY:
            break
        at += len(line) + 1
    return content[:at]


def _is_readable(raw: bytes) -> bool:
    try:
        return raw.translate(None, _CONTROL_BYTES) == raw and bool(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def decode_quoted_printable(content: bytes) -> bytes:
    """Return what quoted-printable text holds; what is no escape stays as it is."""
    return a2b_qp(content) if b"=" in content else content


def valid_address(value: str | None) -> str | None:
    """Return one clean address in its normal form, or None where the value is none."""
    value = (value or "").strip(_AROUND)
    if value.endswith('"'):
        # No domain ends with a quote, whereas a local part may begin with one.
        value = value.strip(_AROUND + '"')
    found = _WHOLE_ADDRESS.fullmatch(value)
    return _normal(found[1], found[2]) if found else None


def normal_address(text: str) -> str:
    """Return an address somebody typed in its normal form; what is no address in lower case."""
    return valid_address(text) or text.strip().lower()


def addresses_in(value: str) -> tuple[str, ...]:
    """Return the clean addresses a header value or a text holds, in their normal form, in order, each once."""
    found = (_normal(*each) for each in _ADDRESS.findall(value[:100_000])) if "@" in value else ()
    return tuple(dict.fromkeys(each for each in found if each))


def normal_domain(domain: str) -> str | None:
    """Return a domain as DNS has it (RFC 5890: A-labels, lower case), or None where it cannot be one."""
    domain = domain.strip().rstrip(".")
    if domain.isascii():
        return domain.lower() or None
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def _normal(local: str, domain: str) -> str | None:
    """Write an address the one way in which two of them are compared."""
    plain = normal_domain(domain)
    return f"{_lower(local)}@{plain}" if plain else None


def _lower(local: str) -> str:
    """Return a local part in lower case; the Kelvin sign is no K of ASCII, or one mailbox would pass for another."""
    return _KELVIN.join(piece.lower() for piece in local.split(_KELVIN))


def address_and_name(value: str) -> tuple[str | None, str]:
    """Split a From value into its first address and the name shown beside it."""
    before, angle, rest = value.rpartition("<")
    if angle and (address := valid_address(rest.partition(">")[0])):
        return address, before.strip().strip("\"'").strip()
    found = addresses_in(value)
    return (found[0] if found else None), ""


def message_ids(value: str) -> tuple[str, ...]:
    """Return the ids of Message-ID, In-Reply-To or References, without angle brackets, as given otherwise."""
    ids = _IN_ANGLES.findall(value)
    if not ids:
        # Some programs leave the brackets out; words of a phrase are no ids.
        ids = [each.strip("<>") for each in value.split() if "@" in each]
    return tuple(dict.fromkeys(ids))


def date_of(value: str | None) -> datetime | None:
    """Return a Date value as aware UTC, or None where it cannot be read."""
    if not value or len(value) > 200:  # noqa: PLR2004 - no date is that long
        return None
    try:
        moment = parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
