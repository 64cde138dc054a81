"""HTML to the text a reader sees, and without the mail it quotes."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

MOST_HTML = 64 * 1024
_BREAK = "\ue000"
"""Stands for a line break while the blanks of the source, which are only blanks, are folded."""
_BLOCKS = "p,div,tr,li,h1,h2,h3,h4,h5,h6,blockquote,table,ul,ol,hr,section,article"
_UNSEEN = ["script", "style", "head", "title", "noscript", "template", "object", "svg"]
_QUOTES = (
    "div.gmail_quote, div.gmail_extra > div.gmail_quote, blockquote.gmail_quote, blockquote[type=cite],"
    "div.yahoo_quoted, div.protonmail_quote, blockquote.protonmail_quote, div.moz-cite-prefix,"
    "div.zmail_extra, div.tutanota_quote, blockquote.tutanota_quote, div#mail-editor-reference-message-container,"
    "blockquote#isReplyContent, div.ms-outlook-mobile-reference-message, div#yiv_quoted, blockquote[cite]"
)
_QUOTES_WITH_THE_REST = (
    "div#appendonsend, div#divRplyFwdMsg, div#OLK_SRC_BODY_SECTION, hr#stopSpelling, hr#zwchr,"
    "hr[data-marker=__DIVIDER__]"
)
"""Marks after which everything, up to the end of the document, is the quoted mail."""
_OPEN_TAGS = re.compile(r"<[a-zA-Z]")
_TAGS = re.compile(r"<[^<>]{0,2000}>")
MOST_TAGS = 20_000


def to_text(source: str) -> str:
    """Return the text a reader sees: blocks and breaks as lines, blanks folded."""
    tree = _tree(source)
    return _TAGS.sub(" ", source[:MOST_HTML]) if tree is None else _text(tree)


def own_text(source: str) -> str:
    """Return the text without the containers that mail programs put a quoted mail in."""
    tree = _tree(source)
    if tree is None:
        return _TAGS.sub(" ", source[:MOST_HTML])
    for mark in tree.css(_QUOTES_WITH_THE_REST):
        _drop_the_rest(mark)
    for node in tree.css(_QUOTES):
        node.decompose()
    return _text(tree)


def _tree(source: str) -> LexborHTMLParser | None:
    source = source[:MOST_HTML]
    # Tags nested by the ten thousand are an attack on whoever walks the tree.
    if sum(1 for _ in _OPEN_TAGS.finditer(source)) > MOST_TAGS:
        return None
    return LexborHTMLParser(source.replace(_BREAK, " "))


def _drop_the_rest(mark: LexborNode) -> None:
    """Remove the node and all that follows it in the document."""
    node: LexborNode | None = mark
    while node is not None and node.tag not in {"body", "html"}:
        following = node.next
        while following is not None:
            after = following.next
            following.decompose()
            following = after
        node = node.parent
    mark.decompose()


def _text(tree: LexborHTMLParser) -> str:
    tree.strip_tags(_UNSEEN)
    root = tree.body or tree.root
    if root is None:
        return ""
    for node in tree.css("pre"):
        node.replace_with((node.text() or "").replace("\n", _BREAK))
    for node in tree.css("br"):
        node.replace_with(_BREAK)
    for node in tree.css(_BLOCKS):
        node.insert_before(_BREAK)
        node.insert_after(_BREAK)
    text = " ".join(root.text().split())
    lines = (line.strip() for line in text.split(_BREAK))
    return _fold("\n".join(lines)).strip()


def _fold(text: str) -> str:
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text
