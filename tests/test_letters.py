"""Every letter in every language: what it says, where it leads, and that nobody's text can change its form."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.policy import default
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import letters as module
from portal.catalogues import catalogue
from portal.letters import Letters
from portal.mail import Mail, compose
from portal.tickets import SYSTEM, Action, Actor, Callback, Event, Resolution, Status, Ticket
from tests.builders import NOW, ticket

LANGUAGES = ("en", "fr", "de", "ru")
BASE = "https://help.example.org"
TOKEN = "0123456789abcdef" * 4
NIGHT = datetime(2026, 3, 2, 23, 5, tzinfo=UTC)
LETTERS = Letters(BASE, "", "Europe/Berlin")
OTHER = {"en": "fr", "fr": "de", "de": "en", "ru": "en"}


AGENT = Actor(1, "Mia Lindt")


def request(language: str, **changes: object) -> Ticket:
    """A request in a language."""
    values = {"id": 42, "subject": "Xerox 3345", "requester_name": "Zoë Ngô", "requester_email": "zoe@example.org"}
    return ticket(language=language, created_at=NIGHT, **{**values, **changes})


def event(action: Action = Action.REPLY, text: str = "Ok.\n\n1. A\n2. B", actor: Actor = AGENT) -> Event:
    """Something that an agent has written."""
    return Event(NIGHT, action, actor, Status.NEW, Status.OPEN, text, is_public=True)


def path(language: str) -> str:
    """The address of an article."""
    return f"/{language}/articles/xerox"


REQUEST_LETTERS: dict[str, Callable[[str], Mail]] = {
    "received": lambda code: LETTERS.received(request(code), TOKEN),
    "received, any time": lambda code: LETTERS.received(request(code, phone="1", callback=Callback.ANY), TOKEN),
    "received, morning": lambda code: LETTERS.received(request(code, phone="1", callback=Callback.MORNING), TOKEN),
    "replied": lambda code: LETTERS.replied(request(code), event(), TOKEN),
    "asked": lambda code: LETTERS.replied(request(code), event(Action.ASK_REQUESTER, actor=SYSTEM), TOKEN),
    "solved": lambda code: LETTERS.solved(request(code), event(Action.SOLVE), TOKEN),
    "out of scope": lambda code: LETTERS.solved(
        request(code, resolution=Resolution.OUT_OF_SCOPE), event(Action.SOLVE), TOKEN
    ),
    "link": lambda code: LETTERS.link(request(code), TOKEN),
    "told": lambda code: LETTERS.told(request(code), "Xerox", code, path(code), TOKEN),
    "told, other language": lambda code: LETTERS.told(request(code), "Xerox", OTHER[code], path(code), TOKEN),
}
SUBSCRIPTION_LETTERS: dict[str, Callable[[str], Mail]] = {
    "confirm": lambda code: LETTERS.confirm_subscription("zoe@example.org", code, "xerox 3345", TOKEN),
    "answered": lambda code: LETTERS.answered("zoe@example.org", code, "xerox 3345", "Xerox", code, path(code), TOKEN),
    "answered, other language": lambda code: LETTERS.answered(
        "zoe@example.org", code, "xerox 3345", "Xerox", OTHER[code], path(code), TOKEN
    ),
}
ALL = REQUEST_LETTERS | SUBSCRIPTION_LETTERS
every_letter = pytest.mark.parametrize("name", ALL)
every_language = pytest.mark.parametrize("language", LANGUAGES)
every_translation = pytest.mark.parametrize("language", LANGUAGES[1:])


class Page(HTMLParser):
    """What a mail program sees of an HTML part."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.language = ""
        self.body = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.attributes |= found.keys()
        self.links += [found["href"] or ""] if "href" in found else []
        self.language = (found["lang"] or "") if tag == "html" else self.language
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.body += "\n" if tag == "br" else ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.body += "" if "title" in self.open else data


def blocks(text: str) -> list[str]:
    """The blocks of a text part, each on one line."""
    return [" ".join(re.split(r"[ \n]+", block.strip())) for block in re.split(r"\n{2,}", text) if block.strip()]


def addresses(text: str) -> list[str]:
    """The addresses in a text part, which stand on lines of their own."""
    return re.findall(r"^ +(https?://\S+)$", text, re.MULTILINE)


def flowing(text: str) -> str:
    """A text part without its line breaks."""
    return " ".join(blocks(text))


@every_letter
@every_language
def test_both_parts_say_the_same(name: str, language: str) -> None:
    """Every block and every address of the text is in the HTML, which is well formed and loads nothing."""
    mail = ALL[name](language)
    page = Page(mail.html)
    shown = " ".join(re.split(r"[ \n]+", page.body))

    assert page.open == []
    assert page.language == mail.language == language
    assert [block for block in blocks(mail.text) if block not in shown] == []
    assert set(page.links) == set(addresses(mail.text))
    assert all(link in shown and link.startswith(f"{BASE}/{language}/") for link in page.links)
    assert not {"img", "script", "link", "style", "iframe", "form"} & set(page.tags)
    assert page.attributes <= {"lang", "dir", "charset", "name", "content", "style", "href", "hreflang"}
    assert not re.search(r"url\(|@import|position|color:(?!/)", mail.html)
    assert "max-width:600px" in mail.html
    assert '<meta name="color-scheme" content="light dark">' in mail.html


@every_letter
@every_language
def test_the_text_part_is_plain_text(name: str, language: str) -> None:
    """Wrapped between words, nothing at the ends of lines, no entities, one line break at the end at most."""
    text = ALL[name](language).text

    for line in text.split("\n"):
        assert line == line.rstrip()
        assert len(line) <= 72 or line.strip().startswith(BASE)
    assert not re.search(r"&\w+;|&#|<[a-z/]", text)
    assert "\n\n\n" not in text
    assert "%" not in text
    assert not text.startswith("\n")


@pytest.mark.parametrize("name", REQUEST_LETTERS)
@every_language
def test_a_letter_to_a_requester_greets_and_has_the_private_link(name: str, language: str) -> None:
    """By name, in one thread, with the link as text and the sentence that it is private."""
    mail = REQUEST_LETTERS[name](language)
    private = {"en": "This link is private", "fr": "Ce lien est personnel", "de": "nur für Sie", "ru": "только вам"}

    assert (mail.recipient, mail.recipient_name) == ("zoe@example.org", "Zoë Ngô")
    assert mail.subject == "[#42] Xerox 3345"
    assert mail.headers == {}
    assert "Zoë Ngô" in blocks(mail.text)[0]
    assert f"{BASE}/{language}/requests/{TOKEN}" in addresses(mail.text)
    assert private[language] in flowing(mail.text)
    assert "42" in flowing(mail.text)
    assert "help.example.org" in blocks(mail.text)[-1]


@pytest.mark.parametrize("name", SUBSCRIPTION_LETTERS)
@every_language
def test_a_letter_to_a_subscriber_can_be_stopped_with_one_click(name: str, language: str) -> None:
    """RFC 8058: one HTTPS address in angle brackets, and the field that is posted."""
    mail = SUBSCRIPTION_LETTERS[name](language)

    assert mail.headers == {
        "List-Unsubscribe": f"<{BASE}/{language}/subscriptions/{TOKEN}/stop>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert "xerox 3345" in mail.subject
    assert "xerox 3345" in flowing(mail.text)
    assert mail.recipient_name == ""


@every_language
def test_where_the_letters_lead(language: str) -> None:
    """To the private page, the article, the form, the confirmation and the end of a subscription."""
    page, article = f"{BASE}/{language}/requests/{TOKEN}", f"{BASE}/{language}/articles/xerox"
    subscription = f"{BASE}/{language}/subscriptions/{TOKEN}"

    assert addresses(ALL["replied"](language).text) == [page]
    assert addresses(ALL["told"](language).text) == [article, page]
    assert addresses(ALL["confirm"](language).text) == [subscription, f"{subscription}/stop"]
    assert addresses(ALL["answered"](language).text) == [article, f"{BASE}/{language}/requests/new"]


@every_language
def test_days_and_times_are_of_the_language_and_the_time_zone(language: str) -> None:
    """What happened before midnight in Greenwich was after it in Berlin."""
    wanted = {
        "en": ("on 3 March 2026 at 00:05", "between 08:00 and 12:00"),
        "fr": ("le 3 mars 2026 à 00:05", "entre 08:00 et 12:00"),
        "de": ("am 3. März 2026 um 00:05\u00a0Uhr", "zwischen 08:00 und 12:00\u00a0Uhr"),
        "ru": ("3 марта 2026\u202fг. в 00:05", "с 08:00 до 12:00"),
    }[language]
    text = flowing(ALL["received, morning"](language).text)

    assert wanted[0] in text.replace("2026 г.", "2026\u202fг.").replace("2026\u00a0г.", "2026\u202fг.")
    assert wanted[1] in text
    assert "00:05" in flowing(ALL["replied"](language).text)


@pytest.mark.parametrize(
    ("language", "days", "words"),
    [
        ("en", 1, "1 day and"),
        ("en", 2, "2 days"),
        ("fr", 1, "1\u00a0jour et"),
        ("fr", 7, "7\u00a0jours et"),
        ("de", 1, "1\u00a0Tag und"),
        ("de", 7, "7\u00a0Tagen und"),
        ("ru", 1, "1\u00a0день"),
        ("ru", 3, "3\u00a0дня"),
        ("ru", 7, "7\u00a0дней"),
        ("ru", 21, "21\u00a0день"),
    ],
)
def test_numbers_have_their_plural_forms(language: str, days: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the language has."""
    monkeypatch.setattr(module, "CONFIRM_DAYS", days)

    assert words in flowing(ALL["confirm"](language).text)


@every_letter
@every_translation
def test_no_english_is_left(name: str, language: str) -> None:
    """But for what people wrote, no block of a translated letter is one of the English letter."""
    own = {"Ok.", "1. A 2. B"}
    translated, english = ALL[name](language), ALL[name]("en")

    same = {block for block in set(blocks(translated.text)) & set(blocks(english.text)) if BASE not in block} - own

    assert same == set()
    left = re.findall(
        r"\b(?:the|your|you|request|this|please|email)\b",
        re.sub(r"https?:\S+", "", translated.text),
        re.IGNORECASE,
    )
    assert left == []
    if name in SUBSCRIPTION_LETTERS:
        assert translated.subject != english.subject


@every_letter
@every_language
def test_typography(name: str, language: str) -> None:
    """Quotation marks, apostrophes and blanks are those of the language."""
    mail = ALL[name](language)
    text = re.sub(r"https?:\S+", "", f"{mail.subject}\n\n{flowing(mail.text)}").replace("00:", "00")

    pairs = {"en": "“”", "fr": "«»", "de": "„“", "ru": "«»"}[language]
    assert set(re.findall("[\"'„“”«»‘]", text)) <= set(pairs)
    if language == "fr":
        assert not re.search(r"[^\u202f][;!?»]|[^\u00a0\d]:|«[^\u202f]", text)
    if language == "de":
        greeting, opening, *_rest = blocks(mail.text)
        assert greeting.endswith(",")
        assert opening[0].islower() or opening.startswith(("Sie ", "Ihre ", "Mia "))


@every_language
def test_an_answer_in_another_language_is_labelled(language: str) -> None:
    """Only then, in words and in the markup; and a subscriber reads that there is no further mail."""
    fallback = catalogue(language).gettext(
        {
            "fr": "This article does not exist in your language yet. It is in French.",
            "de": "This article does not exist in your language yet. It is in German.",
            "en": "This article does not exist in your language yet. It is in English.",
        }[OTHER[language]]
    )
    only = {"en": "only email", "fr": "le seul e-mail", "de": "die einzige E-Mail", "ru": "единственное письмо"}

    for name in ("told", "answered"):
        plain, labelled = ALL[name](language), ALL[f"{name}, other language"](language)
        assert fallback in blocks(labelled.text)
        assert f'lang="{OTHER[language]}" hreflang="{OTHER[language]}">Xerox</a>' in labelled.html
        assert fallback not in blocks(plain.text)
        assert "hreflang" not in plain.html
    assert only[language] in flowing(ALL["answered"](language).text)


@every_language
def test_the_ways_a_letter_can_differ(language: str) -> None:
    """Each situation has words of its own: nothing promised that is not so."""
    texts = {name: flowing(letter(language).text) for name, letter in ALL.items()}

    assert len(set(texts.values())) == len(texts)
    assert "08:00" not in texts["received, any time"]
    assert len(texts["received"]) < len(texts["received, any time"]) < len(texts["received, morning"])


@every_language
@pytest.mark.parametrize("name", ["", "  \n", "Win at https://evil.example", "www.evil.example", "evil.example", "a@b"])
def test_without_a_name_the_greeting_is_still_one(language: str, name: str) -> None:
    """Also where the name is an advertisement."""
    mail = LETTERS.received(request(language, requester_name=name), TOKEN)

    greeting = {"en": "Hello,", "fr": "Bonjour,", "de": "Guten Tag,", "ru": "Здравствуйте!"}
    assert blocks(mail.text)[0] == greeting[language]
    assert mail.recipient_name == ""


def test_names_that_look_unusual_are_names() -> None:
    """Initials, hyphens, apostrophes and several scripts are kept."""
    for name in ("J. R. O’Neil-Smith", "M.-C. d’Arc", "Ёлка", "李小龍", "Jr. X"):
        assert LETTERS.received(request("en", requester_name=name), TOKEN).text.startswith(f"Hello {name},\n")


@every_language
def test_the_signature(language: str) -> None:
    """The site's own name, else the help centre in the language."""
    named = Letters(BASE + "/", "Aide & Support", "UTC").link(request(language), TOKEN)
    unnamed = {"en": "Help centre", "fr": "Centre d’aide", "de": "Hilfe-Center", "ru": "Центр поддержки"}

    assert blocks(named.text)[-2] == "Aide & Support"
    assert '<p style="margin:24px 0 0">Aide &amp; Support</p>' in named.html
    assert blocks(ALL["link"](language).text)[-2] == unnamed[language]
    assert f"{BASE}/{language}/requests/{TOKEN}" in addresses(named.text)


def test_long_subjects_are_cut_at_a_word() -> None:
    """Of requests and of searches; what has no words is cut anywhere."""
    words = "Straßenbahnhaltestelle " * 20
    mails = [LETTERS.received(request(code, subject=words), TOKEN) for code in LANGUAGES]
    mails += [LETTERS.answered("a@b.example", code, words, "T", "en", "/x", TOKEN) for code in LANGUAGES]
    mails += [LETTERS.confirm_subscription("a@b.example", code, words, TOKEN) for code in LANGUAGES]

    assert all(len(mail.subject) <= 150 for mail in mails)
    assert all(re.search(r"Straßenbahnhaltestelle…", mail.subject) for mail in mails)
    assert LETTERS.received(request("en", subject="x" * 400), TOKEN).subject == "[#42] " + "x" * 143 + "…"
    assert LETTERS.received(request("de", subject=" \n"), TOKEN).subject == "[#42] Ihre Anfrage"


def test_lines_of_a_reply_are_kept() -> None:
    """Paragraphs and line breaks, one empty line at most, controls gone."""
    mail = LETTERS.replied(request("en"), event(text="\r\nOne\r\ntwo\x00\x1b[0m\n\n\n\n\tthree  \n"), TOKEN)

    assert "\n    One\n    two[0m\n\n        three\n" in mail.text
    assert "One<br>two[0m</p>" in mail.html


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></p></div><a href='https://evil.example'>x",
    "{{ 7*7 }}{% raw %}",
    "%(host)s %s %d 100%",
    "&lt;b&gt; &amp;",
    "x\r\nBcc: eve@example.org\r\n\r\nbody",
    "a\x00\x1b\u2028\u202e\u2066\x85z",
    "\ud800 half",
    "w" * 5000,
    "\u00a0" * 300,
    "-- \n> quoted\n.\nFrom me",
)
anything = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=400), st.text(alphabet="<>&'\"%{}\n\r ax", max_size=80))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(LANGUAGES), anything, anything, anything, anything)
def test_nobodys_text_changes_the_form_of_a_letter(
    language: str, name: str, subject: str, text: str, title: str
) -> None:
    """Markup stays text, headers stay one line, links stay ours, and every mail can be sent."""
    changes = {"requester_name": name, "subject": subject}
    mails = {
        "replied": LETTERS.replied(request(language, **changes), event(text=text, actor=Actor(1, title)), TOKEN),
        "told": LETTERS.told(request(language, **changes), title, language, path(language), TOKEN),
        "confirm": LETTERS.confirm_subscription("zoe@example.org", language, subject, TOKEN),
        "answered": LETTERS.answered("zoe@example.org", language, subject, title, language, path(language), TOKEN),
    }
    for letter, mail in mails.items():
        page, usual = Page(mail.html), Page(ALL[letter](language).html)
        kept = [[tag for tag in found.tags if tag not in {"p", "br"}] for found in (page, usual)]
        assert kept[0] == kept[1]
        assert (page.open, page.attributes, page.links) == ([], usual.attributes, usual.links)
        assert addresses(mail.text)[-1] == addresses(ALL[letter](language).text)[-1]
        assert len(mail.subject) <= 150
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", mail.subject)
        assert all(line == line.rstrip() for line in mail.text.split("\n"))
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", mail.text + mail.html)
        assert compose(mail, "<1@example.org>", "support@example.org", NOW).as_bytes(policy=default)


@pytest.mark.parametrize("address", ["//evil.example/x", "https://evil.example", "javascript:alert(1)", '/x" y\r\nz'])
def test_an_article_is_always_on_our_site(address: str) -> None:
    """Whatever path is given."""
    page = Page(LETTERS.told(request("en"), "T", "en", address, TOKEN).html)

    assert all(link.startswith(f"{BASE}/") and not re.search(r"[\s\"]", link) for link in page.links)
