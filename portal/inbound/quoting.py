"""What somebody has written in an answer, without the mail that it answers and without a signature.

Mail programs put what is answered below a line of their own, in the writer's language. Nothing is cut that is not known to
be such a line: what is left too much can be skipped, what is cut too much is lost.
"""

import re

#: Lines that are looked at, and longest line that can introduce a quotation, in characters.
_LINES, _LONGEST = 5_000, 400
#: Lines over which an introduction may be broken.
_BROKEN = 3
#: Lines that a signature may have.
_SIGNATURE = 15
_WEEKDAYS = (
    "mon tue wed thu fri sat sun lun mar mer jeu ven sam dim mo di mi do fr sa so "
    "пн вт ср чт пт сб вс пон вто сре чет пят суб вос"
).split()
#: How an introduction begins: with a word of its language, a day of the week, or a date.
_BEGIN = re.compile(rf"(?:on|le|am|den|el|il)\b|(?:{'|'.join(_WEEKDAYS)})\w*[.,]?\s|\d{{1,4}}\s?[./ -]", re.IGNORECASE)
_DATED = re.compile(r"\d{4}|\d{1,2}[./-]\d{1,2}[./-]\d{2}")
_TIMED = re.compile(r"\d{1,2}[:.h]\d{2}")
#: How it ends: with a verb of one of the languages, or with an address.
_WROTE = re.compile(
    r"(?:\bwrote|\ba écrit|\bschrieb|\b(?:на)?писал(?:а|\(а\)|и)?|\bпишет)\s?:$|\bschrieb\b.{1,200}:$", re.IGNORECASE
)
_ADDRESSED = re.compile(r"<[^<>\s]{1,200}@[^<>\s]{1,200}>\s?:$")
#: The same with the name first: `Help <help@example.org> schrieb am Mo., 2. März 2026, 10:30:`.
_NAMED = re.compile(
    r"<[^<>\s]{1,200}@[^<>\s]{1,200}> (?:schrieb am |wrote on |a écrit le |(?:на)?писал(?:а|\(а\))? ).{4,80}:$"
)
_SEPARATOR = re.compile(
    r"[-_*\s]{3,}(?:original(?: message|nachricht)?|ursprüngliche nachricht|message d['’]origine|message transféré"
    r"|исходное сообщение|пересылаемое сообщение|forwarded message|weitergeleitete nachricht)[-_*\s:]*",
    re.IGNORECASE,
)
#: Names of headers as programs repeat them in a text, by what they are.
_LABELS = {
    label: kind
    for kind, labels in {
        "from": "from von de от",
        "date": "sent date gesendet datum envoyé отправлено дата",
        "to": "to an à кому",
        "subject": "subject betreff objet тема",
        "copy": "cc kopie копия",
    }.items()
    for label in labels.split()
}
_LABEL = re.compile(r"[>*\s]{0,10}(\w{1,12})[*\s]{0,3}:[*\s]")
_RULE = re.compile(r"_{20,}")
#: What telephones and programs write below every mail.
_SENT_FROM = re.compile(
    r"(?:sent from|sent with|get outlook|envoyé (?:de|depuis|avec|à partir de)|télécharger outlook|von meinem|gesendet (?:von|mit|aus)"
    r"|diese nachricht wurde von meinem|holen sie sich outlook|outlook für|отправлено (?:с|из|от)|скачать outlook)\b.{1,80}",
    re.IGNORECASE,
)
_DEVICE = re.compile(
    r"iphone|ipad|android|samsung|galaxy|huawei|xiaomi|honor|pixel|windows|blackberry|outlook|mail|почт|phone|téléphone"
    r"|telefon|handy|телефон|смартфон|устройств|gerät|appareil",
    re.IGNORECASE,
)


def own_words(text: str) -> str:
    """The writer's own words of an answer; empty where there are none.

    Args:
        text: a whole mail as plain text, quoted lines beginning with `>`.
    """
    lines = text.split("\n")[:_LINES]
    begin, after = _history(lines)
    above, below = _without_tail(lines[:begin]), lines[after:]
    is_marked = any(_is_quoted(line) for line in below[:_BROKEN])
    # Where quoted lines are marked, what is not marked among them is an answer; elsewhere nobody can tell.
    # But where nothing stands above, the answer can only be below.
    answers = _answers(below) if is_marked or not any(map(str.strip, above)) else []
    return without_signature("\n".join([*above, "", *answers]))


def without_signature(text: str) -> str:
    """Text without what stands below the usual dashes, and without what telephones add."""
    lines = text.rstrip().split("\n")
    for number in range(len(lines) - 1, max(0, len(lines) - _SIGNATURE - 2), -1):
        if lines[number].rstrip() == "--" and any(map(str.strip, lines[:number])):
            lines = lines[:number]
            break
    while lines and (not lines[-1].strip() or _is_sent_from(lines[-1].strip())):
        lines.pop()
    return "\n".join(lines).strip()


def _is_sent_from(line: str) -> bool:
    """Whether a line says only by what a mail was sent."""
    return len(line) < 100 and _SENT_FROM.fullmatch(line) is not None and _DEVICE.search(line) is not None


def _history(lines: list[str]) -> tuple[int, int]:
    """Where what is answered begins, and where it goes on below its introduction; the end where there is none."""
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        if count := _introduction(lines, number):
            return number, number + count
        if _SEPARATOR.fullmatch(line.strip(" >")[:_LONGEST]):
            return number, number + 1
        if count := _headers(lines, number):
            is_ruled = number > 0 and _RULE.fullmatch(lines[number - 1].strip())
            return number - bool(is_ruled), number + count
    first = 0
    while first < len(lines) and not lines[first].strip():
        first += 1
    if first < len(lines) and _is_quoted(lines[first]):
        return first, first
    return len(lines), len(lines)


def _introduction(lines: list[str], number: int) -> int:
    """Over how many lines something like “On Monday, Anna wrote:” stands; 0 where there is none."""
    first = lines[number].lstrip("> \t\u00a0")
    if _NAMED.search(first[:_LONGEST].rstrip()) and len(first) < _LONGEST:
        return 1
    if not _BEGIN.match(first[:_LONGEST]):
        return 0
    joined = ""
    for count, line in enumerate(lines[number : number + _BROKEN], 1):
        joined = f"{joined} {line.lstrip('> ').strip()}".strip()
        if not line.strip() or len(joined) > _LONGEST:
            return 0
        if joined.endswith(":") and _DATED.search(joined) and _TIMED.search(joined):
            return count if _WROTE.search(joined) or _ADDRESSED.search(joined) else 0
    return 0


def _headers(lines: list[str], number: int) -> int:
    """How many lines have the headers of an answered mail, as Outlook repeats them; 0 where there are none."""
    kinds = []
    for line in lines[number : number + 7]:
        label = _LABEL.match(f"{line} ")
        kind = _LABELS.get(label[1].lower()) if label else None
        if kind is None:
            break
        kinds.append(kind)
    return len(kinds) if kinds[:1] == ["from"] and {"date", "subject"} <= set(kinds) else 0


def _is_quoted(line: str) -> bool:
    """Whether a line is of the mail that is answered."""
    return line.startswith(">")


def _says_something(line: str) -> bool:
    """Whether a line has words of the writer."""
    return bool(line.strip()) and not _is_quoted(line)


def _without_tail(lines: list[str]) -> list[str]:
    """Lines without the quotation at their end."""
    end = len(lines)
    while end and not _says_something(lines[end - 1]):
        end -= 1
    return lines[:end]


def _answers(lines: list[str]) -> list[str]:
    """What is written below a quotation; where it stands between quoted lines, these stay, for they are the questions."""
    end = len(_without_tail(lines))
    begin = 0
    while begin < end and not _says_something(lines[begin]):
        begin += 1
    is_between = any(map(_is_quoted, lines[begin:end]))
    return lines[:end] if is_between else lines[begin:end]
