"""Bytes and header values to text, whatever they hold: nothing here raises."""

from __future__ import annotations

import codecs
import re
from binascii import Error as BinasciiError
from binascii import a2b_base64, a2b_qp
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]{0,4000})\?=")
_BLANKS_BETWEEN_WORDS = re.compile(r"(?<=\?=)\s+(?==\?[^?\s]{1,60}\?[bBqQ]\?)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200e\u200f\u2060\ufeff]")
_ADDRESS = re.compile(r"[^\s@<>()\[\]{},;:\\\"'|`]{1,64}@[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,8}", re.IGNORECASE)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_IN_ANGLES = re.compile(r"<([^<>\s]{1,998})>")

_WIDER = {
    "iso8859-1": "cp1252",
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
"""Charsets that mail names, and the superset of each that senders really mean (as browsers do)."""
_NOT_FOR_MAIL = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
"""Python codecs that are no charsets: slow on purpose-made input, or warning about it."""


def decode_bytes(raw: bytes, charset: str | None) -> tuple[str, str | None]:
    """Return the text of `raw` and, where its charset was unknown or wrong, a sentence about it."""
    codec = codec_of(charset or "ascii")
    if codec is not None:
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


def printable(text: str) -> str:
    """Return the text without control characters, invisible marks and lone surrogates."""
    text = _CONTROLS.sub("", text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def decode_header(value: str) -> str:
    """Return a header value on one line, its encoded words (RFC 2047) and raw 8-bit bytes decoded."""
    if not value.isascii():
        value = _without_surrogates(value)
    if "=?" in value:
        # Blanks between two encoded words are no text (RFC 2047, section 6.2).
        value = _ENCODED_WORD.sub(_decode_word, _BLANKS_BETWEEN_WORDS.sub("", value))
    return printable(" ".join(value.split()))


def _without_surrogates(value: str) -> str:
    # The email parser keeps 8-bit bytes as lone surrogates.
    try:
        return decode_bytes(value.encode("utf-8", "surrogateescape"), None)[0]
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace").decode("utf-8")


def _decode_word(word: re.Match[str]) -> str:
    charset, how, content = word[1].partition("*")[0], word[2].lower(), word[3]
    raw = decode_base64(content) if how == "b" else a2b_qp(content.encode("utf-8", "replace"), header=True)
    return decode_bytes(raw, charset)[0]


def decode_base64(content: str) -> bytes:
    """Return what base64 text holds, as far as it can be read."""
    letters = _NOT_BASE64.sub("", content)
    whole = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    try:
        return a2b_base64(whole + "=" * (-len(whole) % 4))
    except BinasciiError:
        return b""


def valid_address(value: str | None) -> str | None:
    """Return one clean address in lower case, or None where the value is none."""
    value = (value or "").strip().strip("<>").strip().strip(".")
    found = _ADDRESS.fullmatch(value)
    return found[0].lower() if found else None


def addresses_in(value: str) -> tuple[str, ...]:
    """Return the clean addresses a header value or a text holds, in lower case, in order, each once."""
    found = (each.rstrip(".").lower() for each in _ADDRESS.findall(value[:100_000]))
    return tuple(dict.fromkeys(found))


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
