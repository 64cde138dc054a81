"""How mail programs of many languages introduce a quoted mail. To teach one more language, add a row."""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

from typing import NamedTuple


class QuoteWords(NamedTuple):
    """What one language's programs write, alternatives parted by `|`, in lower case.

    `wrote` are the verbs of "On ... wrote:", `opens` the words such a line begins with, days of the week included;
    `from_`, `sent`, `to` and `subject` name the lines of a copied header; `original` are words found between dashes;
    `begin` opens a forwarded mail.
    """

    wrote: str
    opens: str
    from_: str
    sent: str
    to: str
    subject: str
    original: str
    begin: str = ""


LANGUAGES: dict[str, QuoteWords] = {
    "en": QuoteWords(
        "wrote|writes|quoting|sent",
        "on|at|in message|quoting|mon|tue|wed|thu|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday",
        "from|reply-to",
        "sent|date|sent at",
        "to|cc|bcc",
        "subject",
        "original message|forwarded message|original appointment|forwarded by|reply message|replied message"
        "|original mail|original email|forwarded email|forwarded mail|forwarded letter|begin included message",
        "begin forwarded message|start of forwarded message|write above this line|reply above this line",
    ),
    "de": QuoteWords(
        "schrieb|geschrieben|zitat von|schreibt",
        "am|zitat von|mo|di|mi|do|fr|sa|so|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag",
        "von|absender",
        "gesendet|datum|gesendet am",
        "an|kopie|empfänger",
        "betreff|betr",
        "ursprüngliche nachricht|originalnachricht|original-nachricht|weitergeleitete nachricht"
        "|ursprünglicher termin|weitergeleitete e-mail|originale nachricht|urspr. mitteilung|antwort nachricht",
        "anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail",
    ),
    "fr": QuoteWords(
        "a écrit|écrivait|a ecrit",
        "le|lun|mar|mer|jeu|ven|sam|dim|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche",
        "de|expéditeur",
        "envoyé|date|envoyé le|message du",
        "à|destinataire|copie à|pour",
        "objet|sujet",
        "message d'origine|message original|message transféré|message d’origine|courriel original|rendez-vous d'origine"
        "|message transmis|mail original",
        "début du message transféré|début du message réexpédié|début du courriel transféré",
    ),
    "es": QuoteWords(
        "escribió|escribio|ha escrito|citando a",
        "el|citando a|mié|jue|vie|sáb|dom|lunes|martes|miércoles|jueves|viernes|sábado|domingo",
        "de|remitente",
        "enviado|fecha|enviado el",
        "para|destinatario",
        "asunto",
        "mensaje original|mensaje reenviado|mensaje original-|cita original|correo original",
        "inicio del mensaje reenviado",
    ),
    "it": QuoteWords(
        "ha scritto|scrisse|scrive|citando",
        "il|in data|il giorno|gio|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica",
        "da|mittente",
        "inviato|data|inviato il",
        "a|destinatario",
        "oggetto",
        "messaggio originale|messaggio inoltrato|messaggio originario|appuntamento originale",
        "inizio messaggio inoltrato|inizio del messaggio inoltrato",
    ),
    "pt": QuoteWords(
        "escreveu|citando",
        "em|no dia|a|seg|ter|qua|qui|sex|segunda-feira|terça-feira|quarta-feira|quinta-feira|sexta-feira",
        "de|remetente",
        "enviada|enviada em|data|enviado em|enviado",
        "para|destinatário",
        "assunto",
        "mensagem original|mensagem encaminhada|mensagem reencaminhada|mensagem de origem",
        "início da mensagem encaminhada|início da mensagem reencaminhada",
    ),
    "nl": QuoteWords(
        "schreef|geschreven",
        "op|ma|wo|vr|za|zo|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag",
        "van|afzender",
        "verzonden|datum",
        "aan|naar",
        "onderwerp",
        "oorspronkelijk bericht|origineel bericht|doorgestuurd bericht|oorspronkelijke afspraak",
        "begin doorgestuurd bericht",
    ),
    "sv": QuoteWords(
        "skrev",
        "den|mån|tis|ons|tors|lör|sön|måndag|tisdag|onsdag|torsdag|fredag|lördag|söndag",
        "från",
        "skickat|datum",
        "till|kopia",
        "ämne",
        "originalmeddelande|ursprungligt meddelande|vidarebefordrat meddelande|vidarebefordrat brev",
        "vidarebefordrat brev|börja vidarebefordrat meddelande",
    ),
    "da": QuoteWords(
        "skrev",
        "den|man|tir|tors|lør|søn|mandag|tirsdag|onsdag|torsdag|lørdag|søndag",
        "fra|afsender",
        "sendt|dato",
        "til",
        "emne",
        "oprindelig meddelelse|original meddelelse|videresendt meddelelse|oprindelig besked|videresendt besked",
        "start på videresendt besked|påbegynd videresendt besked",
    ),
    "nb": QuoteWords(
        "skrev",
        "den|på|man|tir|tor|lør|søn",
        "fra|avsender",
        "sendt|dato|sendt den",
        "til|kopi",
        "emne",
        "opprinnelig melding|videresendt melding|original melding",
        "videresendt melding|start på videresendt melding",
    ),
    "fi": QuoteWords(
        "kirjoitti",
        "ma|ti|ke|to|pe|la|su|maanantai|tiistai|keskiviikko|torstai|perjantai|lauantai|sunnuntai",
        "lähettäjä",
        "lähetetty|päivämäärä|pvm",
        "vastaanottaja|kopio",
        "aihe",
        "alkuperäinen viesti|välitetty viesti|edelleenlähetetty viesti",
        "välitetty viesti alkaa",
    ),
    "pl": QuoteWords(
        "napisał|napisała|napisał(a)|napisano|pisze|wiadomość napisana przez",
        "w dniu|dnia|wiadomość napisana przez|pon|wt|śr|czw|pt|sob|niedz",
        "od|nadawca",
        "wysłano|wysłane|data",
        "do|dw|adresat",
        "temat",
        "wiadomość oryginalna|oryginalna wiadomość|wiadomość przekazana|przekazana wiadomość"
        "|treść przekazanej wiadomości|pierwotna wiadomość|wiadomość pierwotna",
        "początek przekazanej wiadomości",
    ),
    "cs": QuoteWords(
        "napsal|napsala|napsal(a)|napísal|napísala|napísal(a)|napísal/a",
        "dne|dňa|po|út|st|čt|pá|so|ne",
        "od|odesílatel|odosielateľ",
        "odesláno|datum|dátum|odoslané",
        "komu|kopie|kópia|příjemce",
        "předmět|predmet",
        "původní e-mail|původní zpráva|původní správa|přeposlaná zpráva|pôvodná správa|preposlaná správa",
        "začátek přeposílané zprávy",
    ),
    "hu": QuoteWords(
        "írta",
        "ezt írta|dátum",
        "feladó",
        "elküldve|küldve|dátum",
        "címzett|másolat|másolatot kap",
        "tárgy",
        "eredeti üzenet|továbbított üzenet|továbbított levél|eredeti levél",
        "továbbított levél kezdete",
    ),
    "ro": QuoteWords(
        "a scris",
        "în|pe|la data|în data",
        "de la|expeditor",
        "trimis|data|dată",
        "către|la|destinatar",
        "subiect",
        "mesaj original|mesaj redirecționat|mesajul original|mesaj inițial|mesaj redirecţionat",
        "începutul mesajului redirecționat",
    ),
    "el": QuoteWords(
        "έγραψε|έγραψες",
        "στις|την|στις|δευ|τρί|τετ|πέμ|παρ|σάβ|κυρ",
        "από|αποστολέας",
        "στάλθηκε|ημερομηνία|εστάλη|αποστολή",
        "προς|κοιν|κοινοποίηση",
        "θέμα",
        "αρχικό μήνυμα|προωθημένο μήνυμα|πρωτότυπο μήνυμα|διαβιβασμένο μήνυμα",
        "έναρξη προωθημένου μηνύματος",
    ),
    "tr": QuoteWords(
        "yazdı|şunları yazdı",
        "pzt|sal|çar|per|cum|cmt|paz|tarihinde",
        "kimden|gönderen",
        "gönderildi|tarih|gönderme tarihi|gönderim tarihi",
        "kime|bilgi|alıcı",
        "konu",
        "özgün ileti|orijinal mesaj|iletilen mesaj|yönlendirilmiş mesaj|orijinal ileti|yönlendirilen ileti",
        "iletilen ileti başlangıcı|iletilmiş ileti",
    ),
    "ru": QuoteWords(
        "писал|писал(а)|пишет|написал|написала|написал(а)|пишет|вы писали",
        "пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье|в",
        "от|от кого|отправитель",
        "отправлено|дата|дата отправки",
        "кому|копия|получатель",
        "тема",
        "исходное сообщение|пересланное сообщение|пересылаемое сообщение|исходное письмо|первоначальное сообщение"
        "|оригинальное сообщение|конец пересылаемого сообщения",
        "начало переадресованного сообщения|начало пересылаемого сообщения",
    ),
    "uk": QuoteWords(
        "написав|написала|пише|написав(-ла)|писав",
        "пн|вт|ср|чт|пт|сб|нд|у",
        "від|відправник",
        "надіслано|дата|відправлено",
        "кому|копія",
        "тема",
        "оригінальне повідомлення|переслане повідомлення|вихідне повідомлення",
    ),
    "ja": QuoteWords(
        "のメール|wrote|書きました|のメッセージ",
        "",
        "差出人|送信者|発信者",
        "送信日時|日付|日時|送信日",
        "宛先|受信者",
        "件名",
        "元のメッセージ|転送メッセージ|元のメール|転送されたメッセージ|オリジナルメッセージ",
        "転送されたメッセージ",
    ),
    "zh": QuoteWords(
        "写道|寫道|撰写|来信",
        "在|于|於",
        "发件人|寄件者|寄件人|發件人|发送人",
        "发送时间|日期|寄件日期|传送日期|傳送時間|發送時間|发送日期",
        "收件人|收件者|抄送|副本",
        "主题|主旨|主題",
        "原始邮件|原始郵件|转发邮件|转发的邮件|原邮件|轉寄郵件|轉寄的郵件|邮件原件|回复的原邮件|原始信件",
        "开始转发的邮件|下面是被转发的邮件|以下是转发的邮件",
    ),
    "ko": QuoteWords(
        "작성|님이 작성|썼습니다|쓴 글",
        "",
        "보낸 사람|발신|보낸사람",
        "보낸 날짜|날짜|보낸날짜",
        "받는 사람|참조|받는사람",
        "제목",
        "원본 메시지|원본 메일|전달된 메시지|전달된 메일|전달한 메시지",
        "전달된 메시지",
    ),
    "vi": QuoteWords(
        "đã viết|viết",
        "vào|vào ngày|ngày|th",
        "từ|người gửi",
        "ngày|đã gửi|gửi",
        "đến|tới|người nhận",
        "chủ đề|tiêu đề",
        "tin nhắn gốc|thư gốc|thư được chuyển tiếp|tin nhắn đã chuyển tiếp",
        "bắt đầu thư được chuyển tiếp",
    ),
    "ca": QuoteWords(
        "va escriure|ha escrit", "el dia|dia", "de", "enviat|data", "per a", "assumpte", "missatge original"
    ),
    "hr": QuoteWords(
        "je napisao|je napisala|je napisao/la|napisao je|napisao",
        "dana|pon|uto|sri|čet|pet|sub|ned",
        "od|pošiljatelj",
        "poslano|datum",
        "prima|za|kome",
        "predmet",
        "izvorna poruka|originalna poruka|proslijeđena poruka|izvirno sporočilo",
    ),
    "he": QuoteWords("כתב|כתבה|מאת", "בתאריך|ב", "מאת", "נשלח|תאריך", "אל", "נושא", "הודעה מקורית|הודעה שהועברה"),
    "ar": QuoteWords(
        "كتب|كتبت", "في|بتاريخ", "من", "تم الإرسال|التاريخ", "إلى", "الموضوع", "الرسالة الأصلية|رسالة معاد توجيهها"
    ),
}
