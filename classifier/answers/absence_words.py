"""Words of absence notices, a row or more for each language.

The tables hold regular expressions in natural spelling; they are folded like the text they search (lower case, no
accents), so they use no class in capitals.
"""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

from classifier.phrases import Rows

AWAY: Rows = {
    "en": (
        (
            r"\bout of (?:the |my )?office\b|\booo\b|\baway from the office|\bnot in the office\b|\b(?:back|"
            r"return(?:ing)?) (?:in|to|at) (?:the |my )?office|\boffices? (?:is|are|will be) closed"
        ),
        r"\bout of town\b|\baway from (?:my|the) (?:desk|keyboard|computer)|\bback at my desk",
        (
            r"\bon (?:\w{1,20} )?(?:annual |parental |maternity |paternity |sick |medical |family |study |extended |"
            r"bereavement )?(?:leave|vacation|holidays?|pto|sabbatical|honeymoon|break|travel)\b|\b(?:annual|maternity|"
            r"paternity|parental) leave\b|\btaking vacation\b"
        ),
        (
            r"\b(?:am|be|i'm|is|are|will be|being|currently|presently|temporarily) (?:currently |now |still |"
            r"temporarily )?(?:away|travell?ing|abroad|unavailable|absent|offline|out (?:until|till|from|on|this|today|"
            r"for|and|all)|not available|on the road)\b|\baway from (?:my )?(?:e-?mail|mail)"
        ),
        (
            r"\b(?:limited|no|intermittent|little|without|sporadic) (?:\w{1,20} )?access to (?:my |"
            r"the )?(?:e-?mail|mail|phone|internet)|\bnot be (?:reading|checking) my (?:e-?mail|mail|messages)"
        ),
        (
            r"\bi (?:will|shall|'ll) (?:be (?:back|returning)|return)\b|\bi'll be (?:back|returning|out)|"
            r"\bi am back on\b|\bwill be back\b(?! to you| with)|\b(?:when|once|after|until|till) i (?:return|get back|"
            r"am back|'m back)|\b(?:up)?on my return|\b(?:back|return(?:ing)?) (?:to|at) (?:my )?work\b"
        ),
        (
            r"\b(?:off work|off sick|(?:some|taking) time off|out sick|days? off|gone fishing|ooto|"
            r"out of the country)\b"
        ),
        r"\blimited availability\b|\b(?:at|attending) (?:a|the) conference\b|\bon jury duty\b",
        r"\bclosed (?:for|from|until|between|over|on)\b",
    ),
    "de": (
        (
            r"\b(?:abwesen|urlaub|elternzeit|mutterschutz|betriebsferien|dienstreise|betriebsurlaub|erkrankt|"
            r"krankheitsbedingt)"
        ),
        (
            r"\beingeschränkt erreichbar|\bbin (?:leider |derzeit |zurzeit )?krank\b|\bauf reisen\b|"
            r"\bkrank(?:geschrieben|gemeldet)|\b(?:büro|betrieb|praxis|firma|wir)\b.{0,60}\bgeschlossen"
        ),
        r"\bnicht (?:im|in dem) (?:büro|haus|hause|office)|\baußer haus|\bnicht (?:erreichbar|anwesend|am platz)",
        r"\bwieder (?:im büro|erreichbar|da\b|zurück|für sie|persönlich)|\bzurück bin\b|\bbin .{0,40}\bzurück\b",
    ),
    "fr": (
        (
            r"\babsente?\b|\babsence\b|\bde retour\b|\bà mon retour|\b(?:hors du|pas au) bureau|\bfermeture annuelle|"
            r"\bbureaux? (?:est|sont|sera|seront) fermés?"
        ),
        r"\baccès (?:très )?limité à (?:mes|ma|mon)\b|\bsuis (?:\w{1,15} )?indisponible|\ben formation\b",
        r"\ben (?:congés?|vacances|déplacement|rtt|arrêt)|\bcongé (?:de )?(?:maternité|paternité|parental)",
    ),
    "es": (
        (
            r"\bfuera de (?:la |mi )?oficina|\bausente\b|\bausencia\b|\bvacaciones\b|\bbaja (?:por|médica|"
            r"maternal|paternal)|\bpermiso (?:de|por)\b|\bde viaje\b|\bcerrad[oa]s? (?:por|del|desde|hasta)"
        ),
        r"\bno (?:estoy|estaré) disponible|\bacceso (?:muy )?limitado a",
        r"\b(?:regreso|regresaré|vuelvo|volveré|estaré de (?:vuelta|regreso)|a mi (?:regreso|vuelta))\b",
    ),
    "it": (
        (
            r"\bfuori (?:ufficio|sede)|\bassente\b|\bassenza\b|\bin (?:vacanza|viaggio|trasferta|congedo|"
            r"maternità|malattia)\b|\bferie\b|\bchius[oi] (?:per|dal|fino)"
        ),
        r"\b(?:rientrerò|tornerò|sarò di ritorno|al mio (?:rientro|ritorno)|rientro il)\b",
        r"\baccesso (?:molto )?limitato all",
        r"\b(?:sarò di ritorno|al mio ritorno)\b",
    ),
    "pt": (
        r"\bfora d[oe] (?:meu )?escritório|\bausente\b|\bausência\b|\bférias\b|\blicença\b|\bem viagem\b",
        r"\bacesso (?:muito )?limitado a|\bnão (?:estou|estarei) disponível",
        r"\b(?:regressarei|regresso|retornarei|retorno|voltarei|estarei de volta|no meu (?:regresso|retorno))\b",
    ),
    "nl": (
        (
            r"\bafwezig|\bniet (?:op|in) (?:het )?kantoor|\b(?:op|met|wegens) (?:\w{1,20} )?(?:zakenreis|"
            r"reis)\b|\bvakantie\b|\bverlof\b|\bgesloten (?:van|tot|wegens)|\bniet (?:aanwezig|bereikbaar)"
        ),
        r"\bik werk niet op\b|\bbeperkt (?:bereikbaar|toegang)|\bik ben ziek\b",
        r"\b(?:weer|terug) (?:aanwezig|bereikbaar|op kantoor|te bereiken)|\bben ik (?:weer )?terug",
    ),
    "pl": (
        r"\bpoza biurem|\bnieobecn|\burlop|\bnie ma mnie\b|\bdelegacj|\bzwolnieni",
        r"\bbiuro .{0,30}nieczynne|\bograniczony dostęp do",
        r"\b(?:wrócę|wracam|po powrocie|(?:będę|ponownie) (?:ponownie )?dostępn)",
    ),
    "sv": (
        (
            r"\bfrånvar|\bsemester|\bföräldraledig|\btjänstledig|\bpå resande fot|\bborta (?:till|från|fram)|"
            r"\bär borta\b|\binte på kontoret|\btillbaka? (?:på|den|i)\b"
        ),
    ),
    "da": (
        (
            r"\bferie\b|\bfravær|\bikke (?:på kontoret|til stede)|\bbarsel|\bbortrejst|\btilbage (?:på|den|i|"
            r"mandag)\b|\borlov"
        ),
    ),
    "nb": (r"\bpermisjon|\bbortreist|\bferie|\btilbake (?:på|den|i|mandag)\b|\bute av kontoret",),
    "fi": (
        (
            r"\b(?:\w{1,10})?loma(?:lla|n|ni|t|matka)|\bpoissao?\b|\bpoissaol|\bvapaalla\b|\ben ole (?:paikalla|"
            r"toimistolla)|\btakaisin\b|\bpalaan\b"
        ),
    ),
    "cs": (r"\bdovolen|\bmimo kancelář|\bnepřítom|\bnejsem v kanceláři|\bvrátím se|\bna cestách|\bneschopnosti\b",),
    "hu": (r"\bszabadság|\bházon kívül|\btávol vagyok|\btávollét|\bnem vagyok (?:az )?irodá|\bvissza(?:térek|jövök)",),
    "tr": (r"\b[ıi]z[ıi]n(?:de|li)|\bofis d[ıi]ş[ıi]|\btat[ıi]lde|\byoğum\b|\bdöneceğ|\bdönüşüm|\bofiste değil",),
    "ro": (r"\bconcediu|\bplecat[ăa]? din birou|\bnu sunt la birou|\babsentă\b|\bvacanță|\brevin (?:pe|la|în)\b",),
    "ru": (
        r"отпуск|отсутств|командировк|вернусь|больничн|декрет|не (?:в|будет в) офисе|меня не будет|выйду на работу",
    ),
    "el": (r"\bλείπω|\bάδεια|\bαπουσι|\bδιακοπές|\bεκτός γραφείου|\bεπιστρέφω",),
    "ja": (r"休暇|不在|出張|休業|育休|産休|夏休み|冬休み|休みを?(?:頂|いただ)|外出して",),
    "zh": (r"休假|出差|不在办公室|不在辦公室|外出|放假|度假|产假|產假|年假|病假",),
    "ko": (r"휴가|부재|출장|휴직|자리를 비",),
}

NOT_BEFORE = r"\b(?:not|n't|nicht|pas|no|non|não|niet|nie|never) $"
"""What takes the meaning from words right after it: "I am not on vacation"."""
