"""Fills the places of a mail template, so that dates are always recent and quoted mail is always what we sent."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import date, datetime
from email.utils import format_datetime
from html import escape
from textwrap import indent

_PLACE = re.compile(r"\{([a-z_]+)\}")
_MONTHS = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
_BASE64_LINE = 76


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace every {place} of the template by its value; a place without a value is a KeyError."""
    return _PLACE.sub(lambda place: values[place[1]], template)


def long_date(day: date, language: str) -> str:
    """Write a day as people do: 9 March 2026, 9. März 2026, 9 mars 2026, 9 de marzo de 2026."""
    month = _MONTHS[language].split()[day.month - 1]
    patterns = {"de": "{day}. {month} {year}", "es": "{day} de {month} de {year}"}
    return patterns.get(language, "{day} {month} {year}").format(day=day.day, month=month, year=day.year)


def date_values(day: date, name: str) -> dict[str, str]:
    """Return a day in every style the templates use: {name_long_en}, {name_short_de}, ..."""
    return {f"{name}_long_{language}": long_date(day, language) for language in _MONTHS} | {
        f"{name}_short_de": f"{day:%d.%m.%Y}",
    }


def quotes(sender: str, recipient: str, subject: str, sent_at: datetime, body: str) -> dict[str, str]:
    """Return a mail of ours as mail programs quote it below an answer."""
    name, _, address = sender.partition(" <")
    address = address.rstrip(">")
    quoted = indent(body.rstrip("\n"), "> ", lambda _: True)
    en, fr, es = (long_date(sent_at.date(), language) for language in ("en", "fr", "es"))
    attribution_en = f"On {en} at {sent_at:%H:%M}, {sender} wrote:"
    return {
        "quoted_en": f"{attribution_en}\n{quoted}",
        "quoted_de": f"Am {sent_at:%d.%m.%Y} um {sent_at:%H:%M} schrieb {name}:\n{quoted}",
        "quoted_fr": f"Le {fr} à {sent_at:%H:%M}, {sender} a écrit :\n{quoted}",
        "quoted_es": f"El {es} a las {sent_at:%H:%M}, {sender} escribió:\n{quoted}",
        "quoted_outlook_en": (
            f"From: {sender}\nSent: {en} {sent_at:%H:%M}\nTo: {recipient}\nSubject: {subject}\n\n{body}".rstrip("\n")
        ),
        "quoted_outlook_de": (
            f"Von: {name} [mailto:{address}]\nGesendet: {sent_at:%d.%m.%Y %H:%M}\n"
            f"An: {recipient}\nBetreff: {subject}\n\n{body}".rstrip("\n")
        ),
        "quoted_html": (
            f"<div>{escape(attribution_en)}<br>\n<blockquote>\n"
            + escape(body.rstrip("\n")).replace("\n", "<br>\n")
            + "\n</blockquote></div>"
        ),
    }


def attachment(size: int) -> str:
    """Return `size` bytes of a made-up file in base64, the same ones each time."""
    text = base64.b64encode(hashlib.shake_256(b"sample").digest(size)).decode()
    return "\n".join(text[start : start + _BASE64_LINE] for start in range(0, len(text), _BASE64_LINE))


def header_date(moment: datetime) -> str:
    """Return a moment as header fields write it (RFC 5322, section 3.3)."""
    return format_datetime(moment)
