"""What every letter says in every language: its days and numbers, quotation marks, greeting and signature."""

import re

import pytest

from portal import letters as module
from portal.catalogues import catalogue
from portal.letters import Letters
from tests.letters import (
    ALL,
    BASE,
    LETTERS,
    OTHER,
    SUBSCRIPTION_LETTERS,
    TOKEN,
    addresses,
    blocks,
    every_language,
    every_letter,
    every_translation,
    flowing,
    request,
)


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
