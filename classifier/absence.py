"""What an automatic answer says: away, gone for good, or merely received; and whom to write to instead."""

from __future__ import annotations

import re

from classifier.asking import asks_to_stop
from classifier.automatic import says_absence, why_automatic
from classifier.context import Case
from classifier.decode import addresses_in
from classifier.return_date import return_date
from classifier.verdict import Absence, AutoResponse, Evidence, OptOut

_AWAY = re.compile(
    # English
    r"\bout of (?:the |my )?office\b|\booo\b|\bon (?:\w+ )?(?:annual |parental |maternity |paternity |sick |"
    r"medical |family |study |extended |bereavement )?(?:leave|vacation|holidays?|pto|sabbatical|honeymoon|"
    r"break)\b"
    r"|\b(?:am|be|i'm|is|are|will be|being|currently|presently|temporarily) (?:currently |now |still |"
    r"temporarily )?(?:away|travell?ing|abroad|unavailable|not in the office|absent|offline|out (?:until|till|"
    r"from|on|this|today|for|and|all)|not available|on the road)\b"
    r"|\baway from (?:my|the) (?:desk|office|e-?mail|mail|computer|keyboard)|\b(?:limited|no|intermittent|little|"
    r"without) (?:\w+ )?access to (?:my |the )?(?:e-?mail|mail|phone|internet)|\b(?:back|return(?:ing)?) (?:in|to|"
    r"at) (?:the |my )?(?:office|work|desk)"
    r"|\bi (?:will|shall|'ll) (?:be (?:back|returning)|return)\b|\bi'll be (?:back|returning|out)|\b(?:when|once|"
    r"after|until|till) i (?:return|get back|am back|'m back)|\b(?:up)?on my return|\boffices? (?:is|are|"
    r"will be) closed|\bclosed (?:for|from|until|between|over|on)\b|\bannual leave|\bmaternity leave"
    # Deutsch
    r"|\bnicht (?:im|in dem) (?:buro|haus|hause|office)|\babwesen|\burlaub|\belternzeit|\bmutterschutz|"
    r"\bwieder (?:im buro|erreichbar|da\b|zuruck|fur sie|personlich)|\bausser haus|\bnicht (?:erreichbar|anwesend|"
    r"am platz)|\bbetriebsferien|\bdienstreise|\bbetriebsurlaub|\bzuruck bin\b|\bbin .{0,40}\bzuruck\b|\berkrankt|"
    r"\bkrankheitsbedingt"
    # Français
    r"|\babsente?\b|\babsence\b|\ben (?:conges?|vacances|deplacement|rtt|arret)|\bde retour\b|"
    r"\bconge (?:de )?(?:maternite|paternite|parental)|\bhors du bureau|\bpas au bureau|\bfermeture annuelle|"
    r"\bbureaux? (?:est|sont|sera|seront) fermes?|\ba mon retour"
    # Español
    r"|\bfuera de (?:la |mi )?oficina|\bausente\b|\bausencia\b|\bvacaciones\b|\bbaja (?:por|medica|maternal|"
    r"paternal)|\bpermiso (?:de|por)\b|\b(?:regreso|regresare|vuelvo|volvere|estare de (?:vuelta|regreso)|"
    r"a mi (?:regreso|vuelta))\b|\bde viaje\b|\bcerrad[oa]s? (?:por|del|desde|hasta)"
    # Italiano
    r"|\bfuori (?:ufficio|sede)|\bassente\b|\bassenza\b|\bin (?:ferie|vacanza|viaggio|trasferta|congedo|maternita|"
    r"malattia)\b|\bferie\b|\b(?:rientrero|tornero|saro di ritorno|al mio (?:rientro|ritorno)|rientro il)\b|"
    r"\bchius[oi] (?:per|dal|fino)"
    # Português
    r"|\bfora d[oe] (?:meu )?escritorio|\b(?:de|em|minhas) ferias\b|\bferias\b|\blicenca\b|\b(?:regressarei|"
    r"regresso|retornarei|retorno|voltarei|estarei de volta|no meu (?:regresso|retorno))\b|\bem viagem\b"
    # Nederlands
    r"|\bafwezig|\bniet (?:op|in) (?:het )?kantoor|\b(?:op|met|wegens) (?:\w+ )?(?:vakantie|verlof|zakenreis|"
    r"reis)\b|\bvakantie\b|\bverlof\b|\b(?:weer|terug) (?:aanwezig|bereikbaar|op kantoor|te bereiken)|"
    r"\bben ik (?:weer )?terug|\bgesloten (?:van|tot|wegens)|\bniet (?:aanwezig|bereikbaar)"
    # Polski
    r"|\bpoza biurem|\bnieobecn|\burlop|\b(?:wroce|wracam|po powrocie|bede (?:ponownie )?dostepn|"
    r"ponownie dostepn)|\bnie ma mnie\b|\bdelegacj|\bzwolnieni"
    # Svenska, dansk, norsk
    r"|\bfranvarande|\bsemester|\bpa ferie|\bfravaer|\bikke (?:pa|til stede)|\btillbaka (?:pa|den)|\bpermisjon|"
    r"\bforaldraledig"
)
_GONE = re.compile(
    r"\bno longer (?:with|at|works?|working|employed|part of|a member|in (?:this|the) (?:role|position|company)|"
    r"with us|here|available at this)|\b(?:has|have|'ve|i've) (?:now )?left\b|\bleft (?:the )?(?:company|"
    r"organi[sz]ation|firm|business|team)|\b(?:has|have|i am|is|i'm) (?:now )?retired\b|\bmoved on (?:from|to)"
    r"|\b(?:address|mailbox|account|inbox|e-?mail)\b.{0,40}\b(?:no longer|not) (?:\w+ )?(?:monitored|in use|used|"
    r"active|valid|checked|attended|read)|\bmy (?:e-?mail|address) (?:address )?has changed|"
    r"\bnew e-?mail address\b"
    r"|\bnicht mehr (?:\w+ ){0,6}(?:tatig|beschaftigt|unternehmen|angestellt|im hause|erreichbar unter|aktiv|"
    r"gultig|gelesen|verwendet)|\bausgeschieden|\bunternehmen (?:\w+ ){0,3}verlassen|\bim ruhestand|\bin rente\b|"
    r"\bneue (?:e-?mail-?)?adresse"
    r"|\bne (?:fait|fais|travaille) plus\b|\ba quitte\b|\bj'ai quitte\b|\bn'est plus (?:en poste|dans|chez|valide|"
    r"utilisee?|active|consultee?|salariee?|collaborat)|\bplus partie (?:de|des)\b"
    r"|\bya no (?:trabaj|forma|labor|esta (?:en|con)|pertenece)|\bdejo? (?:de trabajar|la empresa)|"
    r"\bnon (?:lavor[ao]|fa|fa parte|e|sono) piu\b|\bha lasciato\b|\b(?:nao|ja nao) (?:trabalh|faz|esta|pertence|"
    r"integra)\w* mais\b|\bja nao (?:trabalh|faz|integra|colabora)|\bdesligad[oa] da empresa"
    r"|\bniet (?:meer|langer) (?:\w+ ){0,3}(?:werkzaam|in dienst|bij|actief|in gebruik)|\b(?:nie pracuj|"
    r"juz nie pracuj)\w*|\bnie jest juz|\bnie pracuje juz|\bslutat\b.{0,30}\b(?:foretag|hos|pa)|"
    r"\barbetar inte langre"
)
_CUE = re.compile(
    r"contact|reach|write|e-?mail|direct|forward|send|assist|urgent|instead|colleague|address|wenden|kontakt|"
    r"schreiben|erreichen|dringend|vertret|adress|an meine|"
    r"ecrire|joindre|adresser|remplac|urgence|dirig|escrib|urgen|rivolg|scriv|sostitu|encaminh|contat|mail naar|"
    r"bereik|vervang|pisac|prosz|kontakt|spraw|to:|at:",
)
_BEFORE = 160
"""Characters before an address in which a word must say what it is for."""


def automatic_answer(case: Case) -> Absence | AutoResponse | OptOut | None:
    """Judge an answer that a machine wrote: absence, opt-out in its own words, or any other automatic answer."""
    why = why_automatic(case.parsed, case.folded_subject)
    if why is None:
        return None
    evidence = Evidence("automatic_answer", why)
    if words := asks_to_stop(case.folded, by_machine=True):
        asked = Evidence("opt_out_words", words)
        return OptOut(visible_text=case.text, language=case.language, by_machine=True, evidence=(evidence, asked))
    back = return_date(case.folded, case.language, case.context.arrived_at.date(), case.folded_subject)
    contact = new_contact(case)
    gone = _GONE.search(case.folded)
    away = _AWAY.search(case.folded)
    if (gone and not back) or not (gone or away or says_absence(case.folded_subject)):
        said = Evidence("automatic_answer", f"says {gone[0]!r}" if gone else "no word of an absence")
        return AutoResponse(
            new_contact=contact, visible_text=case.text, language=case.language, evidence=(evidence, said)
        )
    said = Evidence("absence", f"says {away[0]!r}" if away else "its subject")
    return Absence(
        return_date=back, new_contact=contact, visible_text=case.text, language=case.language, evidence=(evidence, said)
    )


def says_away(text: str) -> bool:
    """Say whether the folded words are those of an absence notice."""
    return bool(_AWAY.search(text))


def new_contact(case: Case) -> str | None:
    """Return the address the notice sends us to: another than its own, where a word says what it is for."""
    known = {case.parsed.from_address, *case.context.own_addresses, *case.parsed.to_addresses}
    for address in addresses_in(case.folded):
        at = case.folded.find(address)
        if address not in known and _CUE.search(case.folded, max(0, at - _BEFORE), at):
            return address
    return None
