"""Says what is wrong with a rule that somebody wrote, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

Place = tuple[int | str, ...]

FORK, ACTION = "Branch", "tagged-union["
"""How the validation names the two forms that a step may have."""

PLAINER = {
    "too_short": "at least one is needed",
    "string_too_short": "must not be empty",
    "int_parsing": "is no whole number",
}
"""What is said of kinds of mistakes that a person makes in a form."""


def mistakes(error: ValidationError) -> list[str]:
    """Return every mistake behind its place; a step with "do" is an action, and its mistakes as a fork are left out."""
    all_ = error.errors()
    forks = {each["loc"][:-1] for each in all_ if each["type"] == "union_tag_not_found"}
    places = {each["loc"] for each in all_}
    return [
        f"{_place(each['loc'])}: {_says(each['type'], each['msg'])}".removeprefix(": ")
        for each in all_
        if each["type"] != "union_tag_not_found"
        and all(begin in forks for begin in _forks_on(each["loc"]))
        # A list whose steps are all wrong is said to be empty too.
        and not (each["type"] == "too_short" and any(_is_inside(place, each["loc"]) for place in places))
    ]


def _says(kind: str, message: str) -> str:
    return PLAINER.get(kind, message.removeprefix("Value error, "))


def _forks_on(place: Place) -> Iterator[Place]:
    return (place[:at] for at, name in enumerate(place) if name == FORK)


def _is_inside(place: Place, outer: Place) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _place(place: Sequence[int | str]) -> str:
    """Return the way to a place as the person wrote it: keys, and numbers that count from 1."""
    said: list[str] = []
    before: int | str = ""
    for each in place:
        # Behind the name of the form stands which action it is.
        of_form = str(each).startswith(ACTION) or each == FORK or str(before).startswith(ACTION)
        if not of_form:
            said.append(str(each + 1 if isinstance(each, int) else each))
        before = each
    return " ".join(said)
