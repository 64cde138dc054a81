"""HTML to the text a reader sees, and with quote marks before the lines it quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from selectolax.lexbor import LexborHTMLParser, LexborNode

from classifier.own_words.quotes import PERHAPS_QUOTED

MOST_HTML = 64 * 1024
MOST_TAGS = 20_000
FEW_TAGS = 1_500
"""Below this number nothing can be nested too deeply for a parser."""
DEEPEST = 500
"""Blocks nested deeper than this are an attack: the work of a parser grows with their square."""

_BREAK, _OPEN_PERHAPS, _CLOSE, _REST = "\ue000", "\ue001", "\ue002", "\ue003"
"""Marks that stand in the text for a line break, for the ends of what may be a quotation, and for one without end."""
_QUOTED = f"{_BREAK}> \u2026{_BREAK}"
"""Stands for a quotation: where it was is all that matters."""
_OUTERMOST = "blockquote:not(blockquote *)"
_MARKS = (_BREAK, _OPEN_PERHAPS, _CLOSE, _REST, PERHAPS_QUOTED)
_EDGES = re.compile(f"([{_OPEN_PERHAPS}{_CLOSE}{_REST}])")
# A table has its breaks from its rows: what stands between the cells is moved out of it by every parser.
_BLOCK_NAMES = "p|div|li|h[1-6]|blockquote|ul|ol|section|article|pre|dl|dd|dt|br|hr"
# Both cases are spelt out, which is a third faster than to ignore the case.
_BLOCKS = re.compile(rf"<(?=/?(?:{_BLOCK_NAMES}|{_BLOCK_NAMES.upper()})\b|(?:table|TABLE)\b)")
_UNSEEN = ("script", "style", "noscript", "template", "object", "svg", "textarea", "select")
_HIDDEN = "[style*='display:none'], [style*='display: none']"
_QUOTES = {
    "quot": {
        "gmail_quote": "div.gmail_quote:not(:has(blockquote)):not(:has(div.gmail_attr))",
        "yahoo_quoted": "div[class*=yahoo_quoted]",
        "quoted-content": "div[name=quote]",
        "protonmail_quote": "div.protonmail_quote:not(:has(blockquote))",
        "tutanota_quote": "div.tutanota_quote:not(:has(blockquote))",
        "__quoted_text__": "div[data-marker=__QUOTED_TEXT__]",
    },
    "gmail_attr": {"": "div.gmail_attr:has(+ blockquote)"},
    "moz-cite-prefix": {"": "div.moz-cite-prefix"},
    "moz-forward-container": {"": "div.moz-forward-container"},
    "zmail_extra": {"": "div.zmail_extra:not(:has(blockquote))"},
    "reference-message": {
        "editor-reference": "div#mail-editor-reference-message-container",
        "outlook-mobile": "div.ms-outlook-mobile-reference-message",
    },
    "messagereplysection": {"": "div[name=messageReplySection]:not(:has(blockquote))"},
    "hs_reply": {"": "div.hs_reply:not(:has(blockquote))"},
}
"""What each mail program puts a quoted mail in, by words that its source then holds, in lower case.

The outer words are few, so that a mail that quotes nothing is asked little. A container that holds blockquotes is no
quotation as a whole: between them stand the answers.
"""
_REST_IS_QUOTED = {
    "appendonsend": {"": "div#appendonsend"},
    "divrplyfwdmsg": {"": "div#divRplyFwdMsg"},
    "olk_src_body_section": {"": "#OLK_SRC_BODY_SECTION"},
    "zwchr": {"": "hr#zwchr"},
}
"""Marks after which everything, up to the end of the document, is the quoted mail."""
_SIGNATURES = {
    "signature": {
        "gmail_signature": "div.gmail_signature, span.gmail_signature_prefix",
        "ms-outlook-mobile": "div.ms-outlook-mobile-signature, div#ms-outlook-mobile-signature",
        'id="signature': "div#Signature, div#signature",
        "moz-": "div.moz-signature, pre.moz-signature",
        "protonmail_": "div.protonmail_signature_block",
        "composer_": "div#composer_signature",
        "messagesignature": "div[name=messageSignatureSection]",
        "front-": "div.front-signature",
        "applemail": "div#AppleMailSignature, div.AppleMailSignature",
        "hs_signature": "div.hs_signature, div#hs_signature",
        "sh-signature": "div.sh-signature",
        "yahoo": "div[class*=yahoo_signature], div[class*=yahoo-signature]",
        "signatureblock": "div[data-signatureblock]",
    },
    "zm-_id_-sgn": {"": "div[id='Zm-_Id_-Sgn']"},
    "__sig_": {"": "div[data-marker^=__SIG]"},
    "dab4fad8-2dd7": {"": "div#DAB4FAD8-2DD7-40BB-A1B8-4E2AA1F9FDF2"},
}
"""What each mail program puts a signature in, or a virus scanner its advertisement."""
_QUOTING = re.compile(r"\b(?:cite|type)\b|quot|cite|border-left(?!:\s*(?:none|0))", re.IGNORECASE)
_INDENTING = re.compile(r"border:\s*(?:none|0)", re.IGNORECASE)
_TAG_NAMES = re.compile(r"<(/?[a-zA-Z][a-zA-Z0-9]{0,15})")
_UNCLOSED = frozenset(
    {"p", "li", "td", "tr", "th", "br", "img", "hr", "meta", "link", "input", "col", "dd", "dt", "option"}
)
"""Elements that have no end, or whose end is often left out: they are not nested."""
_TAGS = re.compile(r"<[^<>]{0,2000}>")


def to_text(source: str) -> str:
    """Return the text a reader sees: blocks and breaks as lines, blanks folded."""
    source = _without_marks(source)
    tree = _tree(source)
    text = _TAGS.sub(" ", source) if tree is None else _text(tree, _lowered(source))
    return _fold(text.replace(_BREAK, "\n").split("\n"))


def own_text(source: str, *, with_signatures: bool = False) -> str:
    """Return the text with a quote mark before each line that lies in a container of a quoted mail.

    Signatures that lie in containers of their own are left out unless they are asked for.
    """
    source = _without_marks(source)
    tree = _tree(source)
    if tree is None:
        return _fold(_TAGS.sub(" ", source).split("\n"))
    lowered = _lowered(source)
    for selector in () if with_signatures else _present(_SIGNATURES, lowered):
        for node in tree.css(selector):
            node.replace_with(_BREAK)
    _mark_quotes(tree, lowered)
    return _fold(_marked_lines(_text(tree, lowered)))


def _without_marks(source: str) -> str:
    source = source[:MOST_HTML]
    for mark in _MARKS:
        source = source.replace(mark, " ")
    return source


def _lowered(source: str) -> str:
    """Return the source for looking up names of elements and classes, which are ASCII."""
    return source.encode("ascii", "replace").decode("ascii").lower()


def _present(selectors: dict[str, dict[str, str]], lowered: str) -> list[str]:
    return [
        selector
        for stem, its in selectors.items()
        if stem in lowered
        for word, selector in its.items()
        if word in lowered
    ]


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
    # Blockquotes come after the containers, some of which are known by the blockquote they hold.
    for selector in _present(_QUOTES, lowered):
        for node in tree.css(selector):
            node.replace_with(_QUOTED)
    if "<blockquote" in lowered:
        _mark_blockquotes(tree)
    for selector in _present(_REST_IS_QUOTED, lowered):
        for node in tree.css(selector):
            node.insert_before(_BREAK + _REST)


def _mark_blockquotes(tree: LexborHTMLParser) -> None:
    others = [node for node in tree.css(_OUTERMOST) if not _replaced(node)]
    if not others:
        return
    # Inside of a blockquote that only indents, or may do so, there may be one that quotes.
    for node in tree.css("blockquote"):
        if not _replaced(node) and not _INDENTING.search(_attributes(node)):
            node.insert_before(_BREAK + _OPEN_PERHAPS)
            node.insert_after(_CLOSE + _BREAK)


def _replaced(node: LexborNode) -> bool:
    if quotes := bool(_QUOTING.search(_attributes(node))):
        node.replace_with(_QUOTED)
    return quotes


def _attributes(node: LexborNode) -> str:
    return " ".join(f"{name} {value}" for name, value in node.attributes.items())


def _marked_lines(text: str) -> list[str]:
    """Write what may be a quotation, and what follows a mark without end, as lines with quote marks."""
    if not _EDGES.search(text):
        return text.split(_BREAK)
    lines: list[str] = []
    depth, to_the_end = 0, False
    for piece in _EDGES.split(text):
        if piece in {_OPEN_PERHAPS, _CLOSE}:
            depth += 1 if piece == _OPEN_PERHAPS else -1
        elif piece == _REST:
            to_the_end = True
        else:
            mark = "> " if to_the_end else PERHAPS_QUOTED if depth > 0 else ""
            lines.extend(mark + stripped if (stripped := line.strip()) else "" for line in piece.split(_BREAK))
    return lines


def _text(tree: LexborHTMLParser, lowered: str) -> str:
    """Return the text with marks for the breaks, blanks folded."""
    for name in _UNSEEN:
        if "<" + name in lowered:
            tree.strip_tags([name])
    if "display:" in lowered and "none" in lowered:
        for node in tree.css(_HIDDEN):
            node.replace_with(" ")
    root = tree.body or tree.root
    if root is None:
        return ""
    _break_lines(tree, lowered)
    return " ".join(root.text().split())


def _break_lines(tree: LexborHTMLParser, lowered: str) -> None:
    """Mark the breaks that the source alone does not tell: those of preformatted text and of tables."""
    if "<pre" in lowered:
        for node in tree.css("pre"):
            node.replace_with((node.text() or "").replace("\n", _BREAK))
    if "<tr" in lowered:
        for node in tree.css("td, th"):
            node.insert_after(" ")
        for node in tree.css("tr"):
            node.insert_before(_BREAK)
            node.insert_after(_BREAK)


def _fold(lines: Iterable[str]) -> str:
    text = "\n".join(line.strip() for line in lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()
