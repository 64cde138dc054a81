"""How Exchange begins the subject of an answer to an invitation, in the languages we read; folded when compiled."""

from __future__ import annotations

SUBJECTS: dict[str, tuple[str, ...]] = {
    "ACCEPTED": (
        "accepted",
        "zugesagt|angenommen",
        "acceptée?",
        "aceptad[oa]",
        "accettat[oa]",
        "aceite|aceit[oa]",
        "geaccepteerd|toegezegd|aanvaard",
        "zaakceptowano|zaakceptowane|przyjęto",
    ),
    "TENTATIVE": (
        "tentative|tentatively accepted",
        "mit vorbehalt|mit vorbehalt (?:zugesagt|angenommen)|vorläufig (?:zugesagt|angenommen)",
        "provisoire|acceptée? provisoirement",
        "provisional|tentativ[oa]|aceptad[oa] provisionalmente",
        "provvisori[oa]|accettat[oa] provvisoriamente|forse",
        "provisóri[oa]|tentativa|aceit[eo] provisoriamente",
        "voorlopig|onder voorbehoud|voorlopig geaccepteerd|misschien",
        "wstępna akceptacja|wstępnie zaakceptowano|niezobowiązująco",
    ),
    "DECLINED": (
        "declined",
        "abgelehnt",
        "refusée?|déclinée?",
        "rechazad[oa]|declinad[oa]",
        "rifiutat[oa]|declinat[oa]",
        "recusad[oa]|rejeitad[oa]",
        "geweigerd|afgewezen|afgeslagen",
        "odrzucono|odrzucone",
    ),
    "COUNTER": (
        "new time proposed",
        "neue (?:uhr)?zeit vorgeschlagen|neuer terminvorschlag|andere zeit vorgeschlagen",
        "nouvelle heure proposée|nouvel horaire proposé",
        "nueva hora propuesta",
        "nuova ora proposta|proposta (?:di )?nuova ora|nuovo orario proposto",
        "nova hora proposta|novo horário proposto",
        "nieuwe tijd voorgesteld|nieuw tijdstip voorgesteld",
        "zaproponowano nową godzinę|zaproponowano nowy termin|proponowana nowa godzina",
    ),
}
