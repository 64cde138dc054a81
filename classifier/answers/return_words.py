"""The words of dates and absences in many languages, all in folded form (`classifier.folding`).

Folding takes every mark off a letter, so Cyrillic "май" is "маи" here and Japanese "まで" is "まて".
"""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

_MONTH_NAMES = (
    (
        "january jan januar janner jaenner januari janvier janv enero ene gennaio gen janeiro stycznia styczen sty "
        "tammikuuta tammikuun ledna января januara ocak"
    ),
    (
        "february feb februar februari fevrier fevr fev febrero febbraio fevereiro lutego luty helmikuuta helmikuun "
        "unora февраля subat"
    ),
    (
        "march mar marz maerz mrz mars marzo marco maart mrt marts marca marzec maaliskuuta maaliskuun brezna марта "
        "marcius mart"
    ),
    "april apr avril avr abril abr aprile kwietnia kwiecien kwi huhtikuuta huhtikuun dubna апреля aprilis nisan",
    "may mai mayo maggio mag maio mei maj maja toukokuuta toukokuun kvetna мая majus mayis mayıs",
    "june jun juni juin junio giugno giu junho czerwca czerwiec cze kesakuuta kesakuun cervna июня junius haziran",
    (
        "july jul juli juillet juil julio luglio lug julho lipca lipiec lip heinakuuta heinakuun cervence июля julius "
        "temmuz"
    ),
    (
        "august aug aout agosto ago augustus augusti sierpnia sierpien sie elokuuta elokuun srpna августа augusztus "
        "agustos"
    ),
    (
        "september sep sept septembre septiembre setiembre settembre setembro wrzesnia wrzesien wrz syyskuuta syyskuun "
        "zari сентября szeptember eylul"
    ),
    (
        "october oct oktober okt octobre octubre ottobre ott outubro pazdziernika pazdziernik paz lokakuuta lokakuun "
        "rijna октября ekim"
    ),
    (
        "november nov novembre noviembre novembro listopada listopad lis marraskuuta marraskuun listopadu ноября "
        "kasim kasım"
    ),
    (
        "december dec dezember dez decembre diciembre dic dicembre dezembro desember des grudnia grudzien gru "
        "joulukuuta joulukuun prosince декабря aralik aralık"
    ),
)
_WEEKDAY_NAMES = (
    (
        "monday montag lundi lunes lunedi segunda-feira segunda maandag poniedzialek mandag maanantaina maanantai "
        "pondeli понедельник hetfon hetfo pazartesi"
    ),
    (
        "tuesday dienstag mardi martes martedi terca-feira terca dinsdag wtorek tisdag tirsdag tiistaina tiistai utery "
        "вторник kedden kedd sali salı"
    ),
    (
        "wednesday mittwoch mercredi miercoles mercoledi quarta-feira quarta woensdag srode sroda onsdag keskiviikkona "
        "keskiviikko stredu streda среду среда szerdan szerda carsamba"
    ),
    (
        "thursday donnerstag jeudi jueves giovedi quinta-feira quinta donderdag czwartek torsdag torstaina torstai "
        "ctvrtek четверг csutortokon csutortok persembe"
    ),
    (
        "friday freitag vendredi viernes venerdi sexta-feira sexta vrijdag piatek fredag perjantaina perjantai patek "
        "пятницу пятница penteken pentek cuma"
    ),
    (
        "saturday samstag sonnabend samedi sabado sabato zaterdag sobote sobota lordag lauantaina lauantai sobotu "
        "субботу суббота szombaton szombat cumartesi"
    ),
    (
        "sunday sonntag dimanche domingo domenica zondag niedziele niedziela sondag sunnuntaina sunnuntai nedeli "
        "nedele воскресенье vasarnap pazar"
    ),
)
_WEEKDAYS_IN_SHORT = (
    "mon lun seg pon man 月",
    "tue tues mar ter wt tir tis 火",
    "wed weds mer mie qua sr ons 水",
    "thu thur thurs jeu jue gio qui czw tor tors 木",
    "fri ven vie sex pt fre 金",
    "sat sam sab sob lor 土",
    "sun dim dom nd 日",
)
_GERMAN_AND_DUTCH_IN_SHORT = ("mo ma", "di", "mi wo", "do", "fr vr", "sa za", "so zo")
"""Two letters, which in other languages are words of every sentence."""


def _numbered(rows: tuple[str, ...], start: int) -> dict[str, int]:
    return {name: number for number, names in enumerate(rows, start) for name in names.split()}


MONTHS = _numbered(_MONTH_NAMES, 1)
PORTUGUESE_AND_ITALIAN_MONTHS = {"set": 9, "out": 10}
"""Short names that are English words: "out 15 June"."""
WEEKDAYS = _numbered(_WEEKDAY_NAMES, 0)
"""Names that stand for a day of their own: "back on Monday"."""
WEEKDAYS_IN_SHORT = _numbered(_WEEKDAYS_IN_SHORT, 0)
"""Names that only go with a date: "Mon 15/6"."""
TWO_LETTER_WEEKDAYS = _numbered(_GERMAN_AND_DUTCH_IN_SHORT, 0)

TOMORROW = (
    "tomorrow|(?<!guten )morgen|demain|(?<!la )manana|domani|amanha|jutro|imorgon|i morgon|imorgen|i morgen|huomenna|"
    "zitra|завтра"
)
COUNTS = {
    name: number
    for number, names in enumerate(
        (
            "one a einer einem une un una um uma een en yhden",
            "two zwei deux dos due dois duas twee dwa tva to kahden",
            "three drei trois tres tre drie trzy kolmen",
            "four vier quatre cuatro quattro quatro cztery fyra fire neljan",
        ),
        start=1,
    )
    for name in names.split()
}
DAYS = "days?|tagen?|jours?|dias?|giorni|giorno|dagen|dag|dni|dagar|dage|dager|paivan"
WEEKS = (
    "weeks?|wochen?|semaines?|semanas?|settimane|settimana|weken|week|tygodnie|veckor|vecka|uger|uge|uker|uke|viikon"
)
IN = "in|dans|en|em|tra|fra|over|za|om"

NEXT = (
    "next|nachste[nrms]?|kommende[nrms]?|le prochain|proximo|proxima|prossimo|volgende|komende|przyszly|nasta|"
    "naeste|neste"
)
NEXT_AFTER = "prochain|prossimo|proximo|que viene"
NOT_THE_NEXT = (
    "every|each|jeden|jede|chaque|cada|ogni|elke|kazdy|varje|hver|joka|last|letzten|pasado|scorso|afgelopen|"
    "vorige|ostatni|forra|sidste|forrige|viime"
)

CONNECT = (
    r"(?:up )?to|until|till?|through|thru|and|bis(?: zum| einschliesslich)?|und|au|et|jusqu'au|al|a|y|hasta|"
    r"fino al|e|ate|"
    r"all'|ao|tot|tot en met|t/m|en|do|i|till? och med|och|t\.?\s?o\.?\s?m\.?|til og med|og|az do|по|до|den"
)
"""Between the two ends of a range."""
UNTIL = (
    r"until|end date|enddatum|up to|till?|'til|thru|through|bis|jusqu'?(?:au|a|en)?|hasta|fino (?:al?|all'|a)|"
    r"sino al?|ate|tot|t/m|t\.\s?e\.\s?m\.|"
    r"(?:fram |frem )?till?|indtil|inntil|t\.?\s?o\.?\s?m\.?|do|az do|до|по|直到|直至"
)
OR = "or|oder|ou|o|oppure|lub|albo|eller|tai|of|nebo|veya|или"
"""Between two days of which one will be right."""
SHORTENED = frozenset(
    ["einschl", "inkl", "incl", "excl", "voraussichtl", "vsl", "bzw", "tel", "approx", "ungef", "ext", "env"]
)
"""Words that are written with a full stop inside a sentence."""
UNTIL_AFTER = r"\s?(?:asti|saakka|まて|为止|'?\w{1,3} kadar|tarihine kadar|kadar)|-?(?:ig|eig)\b"
FROM = (
    r"from|start date|startdatum|starting|beginning|as of|as from|effective|ab|von|vom|a (?:partir|"
    r"compter) (?:du|de|del|dal|do)|des|du|desde|"
    r"del|dal|dall'|da|de|a contar de|vanaf|van|od|fra(?: og med)?|fran(?: och med)?|fr\.?o\.?m\.?|с"
)
FROM_AFTER = r"\s?(?:alkaen|lahtien|から|起|itibaren)|-?(?:tol|etol)\b"
SINCE = "since|seit|depuis|sinds|siden|sedan"
DEADLINE = "by|before|avant|antes|prima|voor|przed|inden|innan|mennessa|spatestens"
NOT_BEFORE = (
    r"\b(?:not|nicht|pas|no|non|nao|niet|nie|inte|ikke)\b.{0,50}\b(?:before|vor|avant|antes|prima|voor|przed|"
    r"for|forran)"
)
GLUE = (
    r"the|end|of|day|cob|eod|close|business|and|und|et|en|e|including|incl|inclusive|inklusive|einschliesslich|einschl|"
    r"zum|zu|mit|met|med|och|og|el|le|les|la|l'|den|dem|der|d|dia|dnia|ao|o|au|a|il|al|op|on|am|em|date|datum|ende|"
    r"fin|final|w|we|na|no|pa"
)
"""Words between a preposition and its date."""
ONLY = "only|nur|uniquement|seulement|solo|solamente|soltanto|apenas|somente|alleen|tylko|endast|bara|kun|vain"

BACK = (
    r"(?<![a-zа-я])(?:"
    r"back\b|return(?:s|ing)?\b|resum(?:e|es|ing)\b|re-?open(?:s|ing)?\b|again\b|wieder\b|zuruck|ruckkehr|kehre\b|"
    r"retour\b|reprend|revien|rentr|rouvr|reouv|nouveau\b|regres|vuelv|volver|vuelta\b|reincorpor|incorpor|"
    r"nuevamente\b|de nuevo\b|retom|reabr|rientr|torn(?:o|er|iam)|ritorn|nuovo\b|nuovamente\b|riprend|riapr|"
    r"volt(?:o|a|ar|am|ei)|retorn|novamente\b|de novo\b|terug|weer\b|hervat|heropen|wroc|wrac|powr[oa]|ponownie|"
    r"znow|tillbak|ater\b|atergar|aterkom|igen\b|tilbage|tilbake|retur\b|genapn|abner\b|apner\b|palaa|takaisin|"
    r"jalleen|taas\b|vrat|"
    r"zpet\b|opet\b|znovu|navrat|верн|возвр|снова|выид|на рабочем месте|выхо|出社|復帰|戻|再開|出勤|返回|回来|"
    r"回到|恢复|返工|上班|vissza|ujra|ismet|donec|donus|donuyor|tekrar|geri\b)"
)
"""The person comes back: with a date after or before it, that date."""
PRESENT = (
    r"(?<![a-zа-я])(?:"
    r"available\b|reachable\b|in the office\b|at (?:my|the) desk\b|erreichbar|anwesend|im (?:buro|haus)|verfugbar|"
    r"joignable|disponib|disponiv|dispon|bereikbaar|aanwezig|op kantoor|dostepn|w (?:biurze|pracy)|i tjanst|"
    r"pa (?:kontoret|jobb)|at traeffe|tilgjengelig|tavoitettav|v praci|в офисе)"
)
"""The person is there: a return, unless it is denied."""
NO = (
    r"\b(?:not|no|never|cannot|nicht|kein\w*|pas|non|nao|niet|geen|nie|inte|ikke|en ole|ei|ne|не|nejsem)\b|"
    r"n't\b|\bun(?=available|reachable)"
)
WHEN = r"\b(?:when|once|after|wenn|sobald|nachdem|quand|lorsque|cuando|quando|wanneer|gdy|nar|kun)\b"
AWAY = (
    r"(?<![a-zа-я])(?:"
    r"i(?: am|'m) (?:at|in|on)\b|we(?: are|'re) (?:at|in|on)\b|out\b|ooo\b|away\b|leave\b|holidays?\b|vacation|"
    r"pto\b|sabbatical|unavailable|absen[tc]|offline|travel|trip\b|abroad|closed\b|on the road|sick|ill\b|"
    r"not (?:in|at|be|available|read|check|work)|abwesen|urlaub|nicht\b|ausser haus|geschlossen|dienstreise|krank|"
    r"elternzeit|mutterschutz|verreist|unterwegs|conges?\b|vacances|deplacement|fermes?\b|fermeture|fermee?s?\b|"
    r"n'ai pas|pas au\b|fuera\b|ausen|vacacion|viaj|baja\b|permiso|cerrad|no (?:estoy|estare|estaremos)|fuori|"
    r"assen[tz]|ferie|viaggio|trasferta|chius|malatt|congedo|fora\b|ferias|licenca|viagem|encerrad|fechad|afwezig|"
    r"vakantie|verlof|niet\b|gesloten|reis\b|zakenreis|urlop|nieobec|poza\b|zwolnien|delegac|nie ma mnie|nieczynn|"
    r"franvar|semester|inte\b|bortres|resa\b|stangt|fravaer|permisjon|borte?\b|ute\b|ikke\b|syk\b|syg\b|lukket|"
    r"barsel|rejse|bortreist|stengt|poissa|en ole\b|mimo\b|dovolen|nepritom|отпуск|не буд|не в офис|отсутств|休|不在|"
    r"出張|外出|出差|szabadsag|tavol|izin|ofis dis|betriebsferien|schulferien|ledig|foraldraledig|"
    r"vapaa|perhevapaa|vanhempainvapaa|hoitovapaa|loma|kesaloma|vuosiloma|talviloma|aitiysloma|isyysloma|"
    r"sairasloma|attending|limited access|sporadic access|intermittent access|little access|no access)"
)
"""Somebody is away, or a house is closed."""
EVENT = (
    r"(?<![a-zа-я])(?:"
    r"hours\b|offnungszeiten|burozeiten|geschaftszeiten|horaires?\b|horario|orari\b|openingstijden|godziny|"
    r"products?\b|items?\b|stock\b|website\b|shop\b|servers?\b|systems?\b|maintenance|offers?\b|sales?\b|discount|"
    r"valid\b|deadline|regist|webinar|conference|fairs?\b|events?\b|meeting|party\b|tickets?\b|order(?:s|ed)?\b|"
    r"invoice|forms?\b|survey|shipp|deliver|contract|hiring|"
    r"applications?|open until|angebot|gultig|messe\b|anmeld|veranstalt|frist\b|bestell|lieferung|formular|rechnung|"
    r"produ[kcz]|prodott|artik|articl|wartung|offre|valable|salon\b|inscri|commande|oferta|valid[ao]|feria\b|pedido|"
    r"offerta|fiera|iscri|ordine|promo|aanbieding|beurs\b|inschrij|bestelling|targi|zamowien|zapis|erbjud|massa\b|"
    r"anmal|tilbud|tilmeld|pamelding|tarjous|voimassa|messut|ilmoittaut|akce\b|plati|nabidka|предложен|акци|"
    r"セミナ|申込|优惠|活动|截止|ajanlat|ervenyes|kampanya|gecerli)"
)
"""A date beside these is a date of something else."""
NOT_COMING_BACK = (
    r"\bget(?:ting)? back to|\bback to you|\bcall(?:ing)? (?:you )?back|\breturn (?:the|this|your|it|all|any|calls?)\b|"
    r"\bmeld\w{0,3} .{0,20}wieder|\bback from\b.{0,20}$"
)
ENGLISH = r"\b(?:the|will|am|i'm|my|your|office|return|back|until|vacation|leave)\b"
"""Words that make a text English, which the identifier says of every language it was not taught."""
