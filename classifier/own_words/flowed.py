"""Text with soft line breaks (format=flowed, RFC 3676) as it was typed."""

from __future__ import annotations

from classifier.own_words.quotes import PERHAPS_QUOTED

SIGNATURE = "-- "


def unflow(text: str, *, delete_space: bool = False) -> str:
    """Join lines that were broken softly, within one depth of quotation, and take off the stuffed blanks.

    Args:
        text: the body of a text/plain part with format=flowed.
        delete_space: what the part says with DelSp=yes: the blank before a soft break was put there by the program.
    """
    # A program that deletes blanks writes two where one is meant; some only say that they delete them.
    delete_space = delete_space and ("  \n" in text or not text.isascii())
    joined: list[str] = []
    # The pieces of the line that is being joined, and its depth; pieces are joined once, so the work stays linear.
    pieces: list[str] = []
    depth = 0
    for line in text.split("\n"):
        its_depth, content = _unquoted(line)
        if pieces and its_depth != depth:
            joined.append(_line(depth, pieces))
            pieces = []
        depth = its_depth
        soft = content.endswith(" ") and content != SIGNATURE
        pieces.append(content[:-1] if soft and delete_space else content)
        if not soft:
            joined.append(_line(depth, pieces))
            pieces = []
    if pieces:
        joined.append(_line(depth, pieces))
    return "\n".join(joined)


def _unquoted(line: str) -> tuple[int, str]:
    content = line.lstrip(">")
    return len(line) - len(content), content.removeprefix(" ")


def _line(depth: int, pieces: list[str]) -> str:
    text = "".join(pieces)
    if depth:
        return ">" * depth + " " + text
    # A typed ">" was stuffed with a blank so that it is not taken for a quote mark; it needs another guard now.
    return PERHAPS_QUOTED + text if text.startswith(">") else text
