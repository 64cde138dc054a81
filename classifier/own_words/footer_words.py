"""Words of what programs and companies put around the sender's words, in many languages: footers and banners.

All in lower case; most are stems, found anywhere in a paragraph.
"""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations


class Stems:
    """Words to look for anywhere in a text; a text in ASCII is only searched for those in ASCII."""

    __slots__ = ("all", "ascii")

    def __init__(self, listed: str) -> None:
        self.all = _words(listed)
        self.ascii = tuple(word for word in self.all if word.isascii())


def _words(listed: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in listed.replace("\n", " ").split("|") if word.strip())


DEVICES = _words(
    """
    iphon|ipad|android|outlook|samsung|galaxy|blackberry|huawei|xiaomi|nokia|windows|yahoo|gmail|proton|tuta|mobil|
    handy|phone|telefon|smartphone|tablet|mail|portable|móvil|celular|telemóvel|htc|pixel|sparrow|spark|superhuman|
    device|wireless|zoho|aol|gmx|web.de|courrier|correo|posta|pošta|почт|телефон|手机|手機|小米|华为|メール|메일|
    typeapp|mailspring|thunderbird|hubspot|missive|canary|edison|shift
    """
)
SENT_BEGINS = _words(
    """
    sent from|sent via|sent with|sent using|sent by|sent on the go|get outlook|get bluemail|mailed from|secured with|
    written on my|typed on my|composed on my|download outlook|
    gesendet mit|gesendet von|gesendet vom|gesendet aus|gesendet über|von meinem|vom iphone|vom handy|
    diese nachricht wurde von meinem|diese mail wurde von meinem|holen sie sich outlook|outlook für|
    sicher versendet mit|
    envoyé de|envoyé depuis|envoyé à partir|envoyé avec|envoyé par|envoyé du|télécharger outlook|téléchargez outlook|
    obtenir outlook|obtenez outlook|provenance : courrier|outlook pour|
    enviado desde|enviado con|enviado por|enviado de|enviado do|enviado a partir|enviado através|enviado via|
    enviado com|enviada do|enviada a partir|obtener outlook|obtenga outlook|obtén outlook|obter o outlook|obtenha o
    outlook|baixar o outlook|outlook para|descargar outlook|
    inviato da|inviato dal|inviato con|inviata da|scarica outlook|ottieni outlook|outlook per|
    verstuurd vanaf|verstuurd met|verzonden vanaf|verzonden met|verzonden vanuit|outlook voor|download outlook|
    haal outlook|
    wysłane z|wysłano z|wysłane przy|pobierz outlook|pobierz program outlook|uzyskaj program outlook|uzyskaj outlook|
    skickat från|skickades från|skickat med|hämta outlook|skaffa outlook|
    sendt fra|sendt med|sendt via|hent outlook|få outlook|skaff deg outlook|last ned outlook|
    lähetetty |hanki outlook|lataa outlook|
    odesláno z|odesláno pomocí|odoslané z|odoslané zo|získat outlook|stáhnout outlook|získejte outlook|
    elküldve az|küldve a|küldve az|az outlook letöltése|
    trimis de pe|trimis din|trimis de la|obțineți outlook|descărcați outlook|
    στάλθηκε από|εστάλη από|αποκτήστε το outlook|λήψη του outlook|
    отправлено с|отправлено из|отправлено через|отправлено от|скачать outlook|скачайте outlook|получить outlook|
    надіслано з|надіслано із|отримати outlook|
    发自我的|發自我的|发自|發自|从我的|從我的|傳送自|获取 outlook|取得 outlook|下载 outlook|来自|
    나의 |내 |outlook for ios|outlook for android|ios용|android용|ios 版 outlook|android 版 outlook|ios 版の|
    poslano s|đã gửi từ|gửi từ|tải outlook|נשלח מ|أرسلت من
    """
)
SENT_ENDS = _words(
    """
    gesendet|gesendet.|herunterladen|envoyé|downloaden|küldve|küldve.|gönderildi|gönderildi.|edinin|indirin|送信|送信。|
    から送信|を入手|を取得|보냄|다운로드|받기|의 iphone에서 보냄|wysłane|wysłano|发送|發送|傳送
    """
)
EXCUSES = _words(
    """
    please excuse|excuse my brevity|excuse brevity|excuse any typos|excuse typos|sorry for typos|apologies for typos|
    bitte entschuldigen sie die kürze|entschuldigen sie bitte meine kürze|bitte verzeihen sie die kürze|
    veuillez excuser ma brièveté|excusez la brièveté|disculpe la brevedad|disculpa mi brevedad|
    scusate la brevità|scusa la brevità|desculpe a brevidade|excuseer mijn beknoptheid|proszę wybaczyć zwięzłość|
    ursäkta min fåordighet|undskyld min korthed
    """
)
MAIL = Stems(
    """
    e-mail|email|message|communication|transmission|nachricht|mail|courriel|mensaje|correo|messaggio|comunicazione|
    mensagem|bericht|wiadomoś|korespondencj|meddeland|meddelelse|melding|viesti|sähköposti|zpráv|správ|üzenet|levél|
    e-posta|ileti|mesaj|сообщени|письмо|повідомлення|лист|邮件|郵件|メール|메일|이메일|μήνυμα|poruka|thư
    """
)
CONFIDENTIAL = Stems(
    """
    confiden|privileged|proprietary|vertraulich|geschützt|confidentiel|riservat|vertrouwelijk|poufn|konfident|fortrolig|
    konfidens|luottamuksell|důvěrn|dôvern|bizalmas|gizli|конфиденц|конфіденц|机密|保密|機密|秘密|기밀|비밀|
    εμπιστευτικ|povjerljiv|bảo mật
    """
)
INTENDED = Stems(
    """
    intended|addressee|recipient|in error|by mistake|adressat|empfänger|irrtümlich|destinat|destinad|dirigid|
    intention exclusive|par erreur|por error|per errore|por engano|por erro|geadresseerde|bestemd|per vergissing|
    abusievelijk|
    adresat|omyłkow|przeznaczon|av misstag|mottagar|ved en fejl|modtager|mottaker|ved en feil|vastaanottaj|erehdy|
    určen|omylem|címzett|téved|alıcı|yanlışlıkla|gönderildiği|адресат|ошибк|помилк|收件人|误收|宛先|誤って|受信者|
    수신자|수신인|din greșeală|παραλήπτη|παραλήπτ|primatelj|người nhận
    """
)
CONSEQUENCES = Stems(
    """
    prohibited|unauthori|liab|disclos|virus|löschen|vernichten|gestattet|unbefugt|viren|haft|détruire|interdit|
    responsab|prohib|elimin|cancell|vietat|verwijder|aansprakelijk|verboden|usunięc|zabronion|radera|slett|slet|
    poista|smaž|törölj|silin|удалит|видал|删除|削除|삭제|șterg|διαγρά|registered|gdpr|monitor
    """
)
BANNER_BEGINS = Stems(
    """
    caution|warning|external|attention|notice|security notice|this email originated|this message originated|
    this email came from|this message came from|this email is from|you don't often get|you don’t often get|
    achtung|vorsicht|warnung|extern|hinweis|diese e-mail stammt|diese e-mail kommt|diese nachricht|
    sie erhalten nicht|sie erhalten nicht oft|
    prudence|avertissement|ce message provient|ce courriel provient|cet e-mail provient|vous n'obtenez pas souvent|
    externe|expéditeur externe|atención|precaución|advertencia|aviso|externo|este correo|este mensaje|
    attenzione|avviso|esterno|questa e-mail|questo messaggio|atenção|cuidado|este e-mail|esta mensagem|
    let op|waarschuwing|pas op|deze e-mail|dit bericht|uwaga|ostrzeżenie|ta wiadomość|varning|obs|detta|
    advarsel|bemærk|denne|forsigtig|varoitus|huom|tämä|upozornění|pozor|tento e-mail|figyelem|figyelmeztetés|ez az|
    dikkat|uyarı|bu e-posta|внимание|предупреждение|увага|警告|注意|外部|【外部|[외부|외부|προσοχή|atenție|
    """
)
BANNER_OUTSIDE = Stems(
    """
    external|outside|extern|extérieur|esterno|esterna|fuera de|fora da|fora do|buiten|zewnętrz|spoza|utanför|utenfor|
    uden for|ulkopuol|vnější|externí|mimo|külső|harici|dışından|внешн|извне|зовнішн|外部|组织外|외부|εξωτερικ|
    don't often get|don’t often get|erhalten nicht
    """
)
BANNER_ADVICE = Stems(
    """
    click|links|link |attachment|sender|originated|recogni|trust|verify|organi|klick|anhäng|anhang|absender|stammt|
    cliquez|pièces jointes|expéditeur|liens|clic|adjuntos|enlaces|remitente|allegati|collegamenti|mittente|anexos|
    remetente|bijlage|koppeling|afzender|klik|załącznik|nadawc|bilagor|avsändare|länkar|vedhæft|afsender|vedlegg|
    avsender|lähettäj|liitte|linkke|odesílatel|příloh|odkaz|feladó|mellékle|hivatkozás|gönderen|ekleri|bağlantı|
    вложени|отправител|ссылк|вкладен|відправник|附件|链接|发件人|添付|リンク|送信者|첨부|링크|발신자|αποστολέα|συνημμέν|
    expeditor|ataşament|learn why|often get email|nicht oft|nicht häufig|erfahren sie, warum|warum dies wichtig
    """
)
VIRUS_FREE = Stems(
    """
    virus-free|virenfrei|sans virus|libre de virus|privo di virus|livre de vírus|virusvrij|wolny od wirusów|
    virusfri|без вирусов|virüs bulunmuyor|bez virů|vírusmentes|virukseton|ウイルス フリー|无病毒
    """
)
SCANNERS = Stems("avast|avg |norton|mcafee|eset|kaspersky|bitdefender|sophos|antivirus|anti-virus|mailscanner|mimecast")
SCANNED = Stems(
    """
    virus|viren|wirus|vírus|viru|вирус|ウイルス|病毒|malware
    """
)
SCANNING = Stems(
    """
    checked|scanned|scanner|geprüft|vérifi|analizado|verificad|controllata|gecontroleerd|sprawdzon|kontroller|
    skannats|scannet|tarkistettu|zkontrolov|ellenőriz|taran|проверен|перевірен|absence de
    """
)
PRINTING = Stems(
    """
    print|ausdruck|drucken|imprim|stampa|afdruk|printe|wydruk|skriv|udskriv|tulost|tisk|tlač|nyomtat|yazdır|печат|
    распечат|друку|打印|印刷|인쇄|εκτυπ|tipăr
    """
)
BEFORE = Stems(
    """
    before|bevor|vor dem|avant|antes|prima|voordat|alvorens|zanim|przed|innan|inden|før|ennen|než|pred|mielőtt|nyomtatás
    előtt|önce|прежде|перед|до того|之前|前に|하기 전|πριν|înainte|consider|pensez|piense|denk|think|rispetta
    """
)
ENVIRONMENT = Stems(
    """
    environment|umwelt|environnement|medio ambiente|ambiente|planet|milieu|środowisk|miljö|miljø|ympäristö|prostředí|
    prostredie|környezet|çevre|окружающ|природ|довкілл|环境|環境|환경|περιβάλλον|mediul
    """
)
SIGN_OFFS = _words(
    """
    best regards|kind regards|warm regards|regards|best wishes|all the best|best|cheers|thanks|many thanks|thank you|
    thanks and regards|sincerely|yours sincerely|yours faithfully|yours truly|with best regards|with kind regards|
    mit freundlichen grüßen|mit freundlichen grüssen|mit freundlichem gruß|freundliche grüße|freundliche grüsse|mfg|
    viele grüße|beste grüße|liebe grüße|schöne grüße|herzliche grüße|vg|lg|gruß|grüße|mit besten grüßen|
    cordialement|bien cordialement|bien à vous|sincères salutations|salutations|bonne journée|meilleures salutations|
    saludos|un saludo|saludos cordiales|atentamente|cordialmente|un cordial saludo|gracias y saludos|
    cordiali saluti|distinti saluti|saluti|un saluto|grazie|grazie e saluti|
    atenciosamente|cumprimentos|melhores cumprimentos|com os melhores cumprimentos|abraços|obrigado|obrigada|
    met vriendelijke groet|met vriendelijke groeten|vriendelijke groet|vriendelijke groeten|groeten|groet|mvg|
    z poważaniem|pozdrawiam|pozdrowienia|łączę pozdrowienia|
    med vänliga hälsningar|vänliga hälsningar|med vänlig hälsning|vänlig hälsning|hälsningar|mvh|
    med venlig hilsen|venlig hilsen|de bedste hilsner|hilsen|med vennlig hilsen|vennlig hilsen|beste hilsen|
    ystävällisin terveisin|terveisin|terveiset|s pozdravem|s přátelským pozdravem|s úctou|hezký den|s pozdravom|
    üdvözlettel|tisztelettel|köszönettel|saygılarımla|saygılarımızla|iyi çalışmalar|teşekkürler|
    с уважением|с наилучшими пожеланиями|з повагою|спасибо|
    敬具|よろしくお願いいたします|よろしくお願いします|此致|敬礼|祝好|顺祝商祺|감사합니다|
    cu stimă|cu respect|toate cele bune|με εκτίμηση|φιλικά|ευχαριστώ|s poštovanjem|lijep pozdrav|trân trọng
    """
)
PERSONAL = frozenset(
    _words(
        """
        i|my|we|you|please|call|send|ask|ich|mein|meine|meiner|wir|sie|bitte|rufen|je|mon|ma|nous|vous|merci|yo|mi|
        nosotros|usted|favor|llame|io|mio|mia|noi|prego|chiami|eu|meu|minha|você|ligue|ik|mijn|wij|graag|jag|mitt|vi|
        jeg|mig|meg|minun|minä|ja|mój|moja|proszę|já|můj|prosím|я|мой|мы|вы|пожалуйста|ben|benim|lütfen|εγώ|παρακαλώ
        """
    )
)
"""Words of somebody who speaks: a line with one of them is no title and no address."""
POSTSCRIPTS = (
    "ps:",
    "ps ",
    "p.s",
    "ps.",
    "p. s.",
    "p.-s.",
    "pd:",
    "p.d.",
    "nb:",
    "n.b.",
    "з.и",
    "п.с",
    "ps-",
    "追伸",
    "又及",
)
