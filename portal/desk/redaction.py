"""What is taken out of a request's texts before they leave the organisation: names, addresses, numbers, signatures."""

import re
import unicodedata
from collections.abc import Iterator

from portal.privacy import CARD_MASK, EMAIL_MASK, IBAN_MASK, PHONE_MASK, SECRET_MASK, mask
from portal.search.transliteration import skeleton
from portal.tickets import Ticket

NAME_MASK, SIGNATURE_MASK = "[name]", "[signature]"
_MASKS = (EMAIL_MASK, PHONE_MASK, CARD_MASK, IBAN_MASK, SECRET_MASK)
#: Parts of names that are everyday words.
_PARTICLES = frozenset(
    "von van vom zu zum zur de der den des del della di da das dos du la le les el al bin ibn ben ter ten und and et og"
    " mr mrs ms miss dr prof herr frau mme mlle monsieur madame jr sr ing dipl и де фон ван г-н г-жа господин госпожа".split()
)
#: Parts of addresses that are nobody's name.
_MAILBOXES = frozenset(
    "info mail email post office contact kontakt support service help hilfe aide team admin buero bureau sales hello"
    " noreply reply user test edv helpdesk desk zentrale empfang accueil compta".split()
)
#: What a Russian name may end in, once its own last vowels are off; й is и here, and ё is е.
_ENDING = "(?:[аяоеиыьуюэ]{1,3}(?:го|му|ми|м|х)?)?"
_VOWELS = "аяоеиыьуюэ"
#: A line after which somebody only signs.
_CLOSING = re.compile(
    r"^[ \t]*(?:(?:-- ?|_{4,}|(?:mfg|lg|vg)[ \t]*[,.!]?)$"
    r"|(?:(?:(?:with )?(?:kind|best|warm|many) )?regards|best wishes|(?:yours )?(?:sincerely|faithfully|truly)|cheers"
    r"|mit (?:freundlichen|besten|vielen|herzlichen) gr(?:ü|ue)(?:ß|ss)en"
    r"|(?:(?:viele|liebe|beste|freundliche|schöne|herzliche) )?gr(?:ü|ue)(?:ß|ss)e|(?:(?:lieben|schönen|besten) )?gru(?:ß|ss)"
    r"|(?:bien )?cordialement|bien à vous|sincères salutations|(?:meilleures )?salutations(?: distinguées)?"
    r"|с (?:наилучшими )?(?:уважением|пожеланиями)|всего (?:доброго|хорошего))(?!\w)(?P<more>.{0,40})$)",
    re.IGNORECASE | re.MULTILINE,
)
#: Most lines of a signature, and its longest line, in characters.
_SIGNED_LINES, _SIGNED_LENGTH = 15, 80
#: What may stand between two digits of a telephone number.
_APART = r"[^0-9A-Za-z\n]{0,3}"
#: Stand for what may leave while everything like it is masked; nobody's text keeps these signs.
_OWN_EMAIL, _OWN_PHONE = "\ue000", "\ue001"


class Redaction:
    """Cleans the texts of one request.

    Args:
        ticket: whose requester is to be protected.
        shared: what may leave; see `organisation.SHARED`.
    """

    def __init__(self, ticket: Ticket, shared: frozenset[str]) -> None:
        self._email = ticket.requester_email
        self._phone = ticket.phone
        self._shared = shared
        words = [] if "name" in shared else list(_words_of(ticket.requester_name, ticket.requester_email))
        self._names = re.compile(rf"(?<!\w)(?:{'|'.join(_forms(words))})(?!\w)") if words else None
        self._skeletons = {skeleton(word): _is_cyrillic(word) for word in words if len(word) >= 4}
        #: What was taken out so far: `name`, `numbers` (addresses and numbers of any kind) and `signature`.
        self.taken: set[str] = set()

    def clean(self, text: str, *, is_ours: bool = False) -> str:
        """A text without what may not leave.

        Args:
            text: of anybody.
            is_ours: whether an agent wrote it to the supplier, and may sign it.
        """
        text = unicodedata.normalize("NFC", text).replace(_OWN_EMAIL, "").replace(_OWN_PHONE, "")
        text = text if is_ours else self._unsigned(text)
        masked = mask(self._guarded(text))
        if any(masked.count(each) > text.count(each) for each in _MASKS):
            self.taken.add("numbers")
        masked = self._nameless(masked)
        return masked.replace(_OWN_EMAIL, self._email).replace(_OWN_PHONE, self._phone)

    def _guarded(self, text: str) -> str:
        """A text in which the requester's own address and number are marked as what may leave, or masked."""
        if self._email:
            own = _OWN_EMAIL if "email" in self._shared else EMAIL_MASK
            text = re.sub(rf"(?<![\w.+-]){re.escape(self._email)}(?![\w-])", own, text, flags=re.IGNORECASE)
        digits = re.sub(r"[^0-9]", "", self._phone)
        if len(digits) >= 4:
            own = _OWN_PHONE if "phone" in self._shared else PHONE_MASK
            text = re.sub(rf"(?<![\w+])\(?\+?{_APART.join(digits)}(?![0-9])", own, text)
        return text

    def _unsigned(self, text: str) -> str:
        """A text whose signature has gone; the closing phrase stays."""
        for found in _CLOSING.finditer(text):
            rest = [line for line in text[found.end() :].split("\n") if line.strip()]
            is_short = len(rest) <= _SIGNED_LINES and all(len(line) <= _SIGNED_LENGTH for line in rest)
            more = found["more"] or ""
            if text[: found.start()].strip() and is_short and (rest or more.strip(" \t,.!–—-")):
                self.taken.add("signature")
                return f"{text[: found.end() - len(more)].rstrip()}\n{SIGNATURE_MASK}"
        return text

    def _nameless(self, text: str) -> str:
        """A text without the requester's names, in whatever case, alphabet, accents and declension."""
        if self._names is None:
            return text
        folded, places = _folded(text)
        spans = [(places[found.start()], places[found.end()]) for found in self._names.finditer(folded)]
        spans += [
            (places[word.start()], places[word.end()])
            for word in re.finditer(r"[^\W\d_]{4,}", folded)
            if self._skeletons.get(skeleton(word[0]), _is_cyrillic(word[0])) != _is_cyrillic(word[0])
        ]
        end = len(text) + 1
        for start, stop in sorted(spans, reverse=True):
            # Of two letters, only a capital makes a name.
            if stop > end or (stop - start <= 2 and not text[start].isupper()):
                continue
            text, end = text[:start] + NAME_MASK + text[stop:], start
            self.taken.add("name")
        return re.sub(rf"{re.escape(NAME_MASK)}(?:[ \u00a0-]{re.escape(NAME_MASK)})+", NAME_MASK, text)


def _words_of(name: str, email: str) -> Iterator[str]:
    """The words by which somebody can be known, folded."""
    for word in re.findall(r"[^\W\d_]+", _folded(unicodedata.normalize("NFC", name))[0]):
        if len(word) >= 2 and word not in _PARTICLES:
            yield word
    for word in re.findall(r"[^\W\d_]+", _folded(email.rpartition("@")[0])[0]):
        if len(word) >= 3 and word not in _PARTICLES | _MAILBOXES:
            yield word


def _forms(words: list[str]) -> list[str]:
    """Patterns for folded words, the longest first."""
    found: dict[str, None] = {}
    for word in sorted(words, key=len, reverse=True):
        if _is_cyrillic(word):
            found |= dict.fromkeys(_declined(word))
        else:
            plain = re.sub("([aou])e", r"\1", word)
            wide = [re.escape(word), re.escape(plain), *(re.escape(word.replace(*pair)) for pair in _UMLAUTS)]
            found |= dict.fromkeys(f"{form}(?:['’]?s)?" for form in wide)
    return list(found)


#: How umlauts are also written; folding has taken their dots off.
_UMLAUTS = (("u", "ue"), ("o", "oe"), ("a", "ae"))


def _declined(word: str) -> list[str]:
    """Patterns for a Russian name in every case."""
    stem = word
    while len(stem) > 3 and len(word) - len(stem) < 2 and stem[-1] in _VOWELS:
        stem = stem[:-1]
    if len(stem) < 3:
        return [re.escape(word)]
    # Павел, Павла: the last vowel may come and go.
    fleeting = re.fullmatch(rf"(.+[^{_VOWELS}])[ео]([^{_VOWELS}])", stem)
    stems = [stem, *([fleeting[1] + fleeting[2]] if fleeting and len(stem) > 3 else [])]
    return [re.escape(each) + _ENDING for each in stems]


def _is_cyrillic(word: str) -> bool:
    """Whether a folded word is in Cyrillic letters."""
    return re.search("[а-я]", word) is not None


def _folded(text: str) -> tuple[str, list[int]]:
    """A text without case and accents, and the place in the text that each of its signs comes from."""
    signs: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        for part in unicodedata.normalize("NFD", sign.casefold()):
            if not unicodedata.combining(part):
                signs.append(part)
                places.append(place)
    return "".join(signs), [*places, len(text)]
