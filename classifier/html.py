"""HTML to the text a reader sees, and with quote marks before the lines it quotes."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

from classifier.quotes import PERHAPS_QUOTED

MOST_HTML = 64 * 1024
MOST_TAGS = 20_000
FEW_TAGS = 1_000
"""Below this number nothing can be nested too deeply for a parser."""
DEEPEST = 500
"""Blocks nested deeper than this are an attack: the work of a parser grows with their square."""

_BREAK, _OPEN, _OPEN_PERHAPS, _CLOSE, _REST = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
"""Marks that stand in the text for a line break, for the two ends of a quotation, and for a quotation without end."""
_MARKS = re.compile("[\ue000-\ue005]")
_EDGES = re.compile("([\ue001-\ue004])")
# A table has its breaks from its rows: what stands between the cells is moved out of it by every parser.
_BLOCKS = re.compile(
    r"<(?=/?(?:p|div|li|h[1-6]|blockquote|ul|ol|section|article|pre|dl|dd|dt)\b|(?:br|hr|table)\b)", re.I
)
_UNSEEN = ("script", "style", "head", "title", "noscript", "template", "object", "svg", "textarea", "select")
_HIDDEN = "[style*='display:none'], [style*='display: none']"
_QUOTES = {
    "blockquote": "blockquote",
    "gmail_attr": "div.gmail_attr:has(+ blockquote)",
    "moz-cite-prefix": "div.moz-cite-prefix",
    "moz-forward-container": "div.moz-forward-container",
    "gmail_quote": "div.gmail_quote:not(:has(blockquote)):not(:has(div.gmail_attr))",
    "yahoo_quoted": "div[class*=yahoo_quoted]",
    "quoted-content": "div[name=quote]",
    "protonmail_quote": "div.protonmail_quote:not(:has(blockquote))",
    "tutanota_quote": "div.tutanota_quote",
    "zmail_extra": "div.zmail_extra:not(:has(blockquote))",
    "mail-editor-reference-message-container": "div#mail-editor-reference-message-container",
    "ms-outlook-mobile-reference-message": "div.ms-outlook-mobile-reference-message",
    "messagereplysection": "div[name=messageReplySection]:not(:has(blockquote))",
    "__quoted_text__": "div[data-marker=__QUOTED_TEXT__]",
    "__headers__": "div[data-marker=__HEADERS__]",
    "hs_reply": "div.hs_reply:not(:has(blockquote))",
}
"""What each mail program puts a quoted mail in, by a word that its source then holds, in lower case.

A container that holds blockquotes is no quotation as a whole: between them stand the answers.
"""
_REST_IS_QUOTED = {
    "appendonsend": "div#appendonsend",
    "divrplyfwdmsg": "div#divRplyFwdMsg",
    "olk_src_body_section": "#OLK_SRC_BODY_SECTION",
    "stopspelling": "hr#stopSpelling",
    "zwchr": "hr#zwchr",
    "__divider__": "hr[data-marker=__DIVIDER__]",
}
"""Marks after which everything, up to the end of the document, is the quoted mail."""
_SIGNATURES = {
    "gmail_signature": "div.gmail_signature, span.gmail_signature_prefix",
    "ms-outlook-mobile-signature": "div.ms-outlook-mobile-signature, div#ms-outlook-mobile-signature",
    'id="signature': "div#Signature, div#signature",
    "moz-signature": "div.moz-signature, pre.moz-signature",
    "protonmail_signature_block": "div.protonmail_signature_block",
    "composer_signature": "div#composer_signature",
    "messagesignaturesection": "div[name=messageSignatureSection]",
    "front-signature": "div.front-signature",
    "zm-_id_-sgn": "div[id='Zm-_Id_-Sgn']",
    'data-marker="__sig': "div[data-marker^=__SIG]",
    "applemailsignature": "div#AppleMailSignature, div.AppleMailSignature",
    "hs_signature": "div.hs_signature, div#hs_signature",
    "sh-signature": "div.sh-signature",
    "yahoo_signature": "div[class*=yahoo_signature], div[class*=yahoo-signature]",
    "dab4fad8": "div#DAB4FAD8-2DD7-40BB-A1B8-4E2AA1F9FDF2",
}
"""What each mail program puts a signature in, or a virus scanner its advertisement."""
_QUOTING = re.compile(r"\b(?:cite|type)\b|quot|cite|border-left(?!:\s*(?:none|0))", re.I)
_INDENTING = re.compile(r"border:\s*(?:none|0)", re.I)
_TAG_NAMES = re.compile(r"<(/?[a-zA-Z][a-zA-Z0-9]{0,15})")
_UNCLOSED = frozenset(
    {"p", "li", "td", "tr", "th", "br", "img", "hr", "meta", "link", "input", "col", "dd", "dt", "option"}
)
"""Elements that have no end, or whose end is often left out: they are not nested."""
_TAGS = re.compile(r"<[^<>]{0,2000}>")


def to_text(source: str) -> str:
    """Return the text a reader sees: blocks and breaks as lines, blanks folded."""
    source = _MARKS.sub(" ", source[:MOST_HTML])
    tree = _tree(source)
    return _fold(_TAGS.sub(" ", source) if tree is None else _text(tree, source.lower()).replace(_BREAK, "\n"))


def own_text(source: str) -> str:
    """Return the text with a quote mark before each line that lies in a container of a quoted mail.

    Signatures that lie in containers of their own are left out, unless nothing else was written.
    """
    source = _MARKS.sub(" ", source[:MOST_HTML])
    tree = _tree(source)
    if tree is None:
        return _fold(_TAGS.sub(" ", source))
    lowered = source.lower()
    for selector in _present(_SIGNATURES, lowered):
        for node in tree.css(selector):
            node.decompose()
    _mark_quotes(tree, lowered)
    return _fold("\n".join(_marked_lines(_text(tree, lowered))))


def _present(selectors: dict[str, str], lowered: str) -> list[str]:
    return [selector for word, selector in selectors.items() if word in lowered]


def _tree(source: str) -> LexborHTMLParser | None:
    # Tags by the ten thousand, or nested without end, are an attack on whoever walks the tree.
    if source.count("<") > FEW_TAGS and _is_an_attack(source):
        return None
    return LexborHTMLParser(_BLOCKS.sub(_BREAK + "<", source))


def _is_an_attack(source: str) -> bool:
    depth = 0
    for number, tag in enumerate(_TAG_NAMES.findall(source)):
        closing = tag.startswith("/")
        if number > MOST_TAGS or depth > DEEPEST:
            return True
        if tag.lstrip("/").lower() not in _UNCLOSED:
            depth = max(0, depth - 1) if closing else depth + 1
    return depth > DEEPEST


def _mark_quotes(tree: LexborHTMLParser, lowered: str) -> None:
    for selector in _present(_QUOTES, lowered):
        for node in tree.css(selector):
            opening = _OPEN
            if selector == "blockquote":
                attributes = " ".join(f"{name} {value}" for name, value in node.attributes.items())
                if not _QUOTING.search(attributes):
                    opening = "" if _INDENTING.search(attributes) else _OPEN_PERHAPS
            if opening:
                node.insert_before(_BREAK + opening)
                node.insert_after(_CLOSE + _BREAK)
    for selector in _present(_REST_IS_QUOTED, lowered):
        for node in tree.css(selector):
            node.insert_before(_BREAK + _REST)


def _marked_lines(text: str) -> list[str]:
    """Write the quotations of a text with marks at their two ends as lines with quote marks, however deep."""
    if not _EDGES.search(text):
        return [line.strip() for line in text.split(_BREAK)]
    lines: list[str] = []
    outer: list[str] = []
    prefix, to_the_end = "", False
    for piece in _EDGES.split(text):
        if piece == _CLOSE:
            prefix = outer.pop() if outer else ""
        elif piece in {_OPEN, _OPEN_PERHAPS}:
            outer.append(prefix)
            prefix = PERHAPS_QUOTED if piece == _OPEN_PERHAPS and not prefix else "> "
        elif piece == _REST:
            to_the_end = True
        else:
            mark = "> " if to_the_end else prefix
            lines.extend(mark + stripped if (stripped := line.strip()) else "" for line in piece.split(_BREAK))
    return lines


def _text(tree: LexborHTMLParser, lowered: str) -> str:
    """Return the text with marks for the breaks, blanks folded."""
    for name in _UNSEEN:
        if "<" + name in lowered:
            tree.strip_tags([name])
    if "display:" in lowered and "none" in lowered:
        for node in tree.css(_HIDDEN):
            node.decompose()
    root = tree.body or tree.root
    if root is None:
        return ""
    if "<pre" in lowered:
        for node in tree.css("pre"):
            node.replace_with((node.text() or "").replace("\n", _BREAK))
    if "<tr" in lowered:
        for node in tree.css("td, th"):
            node.insert_after(" ")
        for node in tree.css("tr"):
            node.insert_before(_BREAK)
            node.insert_after(_BREAK)
    return " ".join(root.text().split())


def _fold(text: str) -> str:
    text = "\n".join(line.strip() for line in text.split("\n"))
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()
