"""Reads the cases of `own_words/`: whole bodies as mail programs write them, each with the sender's own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

FOLDER = Path(__file__).parent / "own_words"
MARK = "#### "
BLANK_AT_THE_END = "␠"
"""Stands for a blank at the end of a line, which editors would take away."""


@dataclass
class OwnWordsCase:
    name: str
    bodies: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def own(self) -> str:
        return self.bodies["own"]

    @property
    def raw(self) -> bytes:
        message = EmailMessage()
        message["From"], message["Subject"] = "Tom <tom@customer.example>", "Re: Your parcels"
        if "plain" in self.bodies:
            message.set_content(self.bodies["plain"], cte="quoted-printable")
            for name, value in self.parameters.items():
                message.set_param(name, value)
            if "html" in self.bodies:
                message.add_alternative(self.bodies["html"], subtype="html", cte="quoted-printable")
        else:
            message.set_content(self.bodies["html"], subtype="html", cte="quoted-printable")
        return bytes(message)


def read_cases() -> list[OwnWordsCase]:
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        found.extend(_cases_of(path))
    return found


def _cases_of(path: Path) -> list[OwnWordsCase]:
    cases: list[OwnWordsCase] = []
    into = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith(MARK):
            cases[-1].bodies[into] += line.replace(BLANK_AT_THE_END, " ") + "\n"
            continue
        head, *parameters = line.removeprefix(MARK).split(" ")
        if head not in {"plain", "html", "own"} or any("=" not in each for each in parameters):
            cases.append(OwnWordsCase(f"{path.stem}: {line.removeprefix(MARK)}"))
            continue
        into = head
        cases[-1].bodies[into] = ""
        if head == "plain":
            cases[-1].parameters = dict(each.split("=") for each in parameters)
    return cases
