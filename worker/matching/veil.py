"""What comes in about somebody who was erased: it counts, and is written under the name that stands for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from worker.match import Clues
from worker.matching.known_sends import Sent
from worker.secrets.pseudonyms import Pseudonyms, is_pseudonym, pseudonyms
from worker.writing.locks import lock_team
from worker.writing.record import Judged
from worker.writing.suppression import erased

TELLING = 5
"""So long is the part before the @ of an address that is found also where it stands alone."""


def tells(text: str | None, addresses: Sequence[str]) -> bool:
    """Say whether a text holds one of the addresses, also as VERP writes it, or the telling part before its @."""
    plain = (text or "").casefold()
    return bool(plain) and any(
        each in plain
        or each.replace("@", "=") in plain
        or (len(local := each.rpartition("@")[0]) >= TELLING and local in plain)
        for each in addresses
    )


def veiled_sends(session: Session, team_id: int, sends: Sequence[Sent]) -> list[Sent]:
    """Return sends so that those to somebody who was erased hold nothing that says to whom they went."""
    hidden = pseudonyms(session)
    if hidden is None:
        return list(sends)
    names = erased(session, team_id, {send.to for send in sends})
    return [
        _veiled_send(send, names.get(send.to, send.to), hidden)
        if send.to in names or is_pseudonym(send.to)
        else send
        for send in sends
    ]  # fmt: skip


def _veiled_send(send: Sent, name: str, hidden: Pseudonyms) -> Sent:
    kept = tuple(each for each in send.message_ids if not tells(each, [send.to]))
    return replace(send, to=name, send_id=hidden.hide(send.send_id), message_ids=kept, subject="", token=None)


def veiled_mail(session: Session, team_id: int, batch: Sequence[Judged]) -> list[Judged]:
    """Return judged mail so that what is from or about somebody who was erased names them by what stands for them.

    So it finds its recipient, and no address of theirs is learnt anew.

    Raises:
        InputError: somebody was erased, and the key to tell who cannot be opened.
    """
    # Who is erased at this moment is erased before this mail is written, or after it.
    lock_team(session, team_id, exclusive=False)
    if pseudonyms(session) is None:
        return list(batch)
    named = {
        address
        for each in batch
        for address in (each.from_address, *((each.clues.from_address, *each.clues.addresses) if each.clues else ()))
        if address
    }
    names = erased(session, team_id, named)
    return [_veiled_mail(each, names) for each in batch] if names else list(batch)


def _veiled_mail(judged: Judged, names: Mapping[str, str]) -> Judged:
    sender = names.get(judged.from_address or "", judged.from_address)
    return replace(judged, from_address=sender, clues=_veiled_clues(judged.clues, names) if judged.clues else None)


def _veiled_clues(clues: Clues, names: Mapping[str, str]) -> Clues:
    sender = names.get(clues.from_address or "", clues.from_address)
    return replace(clues, from_address=sender, addresses=tuple(names.get(each, each) for each in clues.addresses))


def hider(session: Session) -> Callable[[str], str]:
    """Return what gives the id by which somebody's send or booking is known once they were erased."""
    hidden = pseudonyms(session)
    return hidden.hide if hidden else str
