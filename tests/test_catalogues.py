"""The interface is complete and correct in every language."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from flask import Flask

from portal import catalogues
from portal.web import i18n
from tests.needs import REPOSITORY

LANGUAGES = ("fr", "de", "ru")
PLURALS = {"fr": 2, "de": 2, "ru": 3}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def catalogue(language: str) -> Catalog:
    """A language's catalogue."""
    with (REPOSITORY / "translations" / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The messages that the code has now."""
    target = tmp_path_factory.mktemp("catalogue") / "messages.pot"
    keywords = [part for name in ("_l", "_lp:1c,2", "pgettext:1c,2", "ngettext:1,2") for part in ("-k", name)]
    command = ["-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg", *keywords, "-o", str(target), "."]
    subprocess.run([sys.executable, *command], cwd=REPOSITORY, check=True, capture_output=True)
    with target.open("rb") as file:
        return read_po(file)


def messages(found: Catalog) -> list[Message]:
    """All messages but the header."""
    return [message for message in found if message.id]


def texts(message: Message) -> list[str]:
    """A message's translations."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_of_the_code_is_in_the_catalogue_and_no_other(language: str, template: Catalog) -> None:
    """The catalogue is neither behind the code nor ahead of it."""
    wanted = {(message.context, message.id) for message in messages(template)}
    there = {(message.context, message.id) for message in messages(catalogue(language))}

    assert there == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_well_formed(language: str) -> None:
    """No message is empty, fuzzy, obsolete or broken; plural forms and placeholders are all there."""
    found = catalogue(language)
    faults = []
    for message in messages(found):
        faults += [f"{message.id}: {error}" for error in message.check(found)]
        if message.fuzzy or not all(texts(message)):
            faults.append(f"{message.id}: empty or fuzzy")
        if isinstance(message.id, tuple) and len(texts(message)) != PLURALS[language]:
            faults.append(f"{message.id}: wrong number of plural forms")
        singular = message.id if isinstance(message.id, str) else message.id[0]
        wanted = set(PLACEHOLDER.findall(singular))
        faults += [f"{message.id}: {text}" for text in texts(message) if set(PLACEHOLDER.findall(text)) != wanted]

    assert faults == []
    assert not found.obsolete


#: Words that are the same in several languages.
INTERNATIONAL = {"Administration", "API", "L%(number)s", "Webhook", "Webhooks"}
#: Words that are the same in the other language, rightly.
SAME = {
    "fr": {
        "API",
        "Administration",
        "Article",
        "Articles",
        "Conversation",
        "Score",
        "Signal",
        "Verdict",
        "Page",
        "Question",
        "Source",
        "Notes",
        "Pages",
        "Impact",
        "Suggestions",
        "Support",
        "Questions",
        "Date",
        "Spam",
        "Webhook",
        "Webhooks",
        "Total",
        "Satisfaction",
    },
    "de": {
        "(optional)",
        "API",
        "Browser",
        "Name",
        "Status",
        "Support",
        "Spam",
        "Details",
        "L%(number)s",
        "Text",
        "Neu",
        "Webhook",
        "Webhooks",
    },
    "ru": {"API", "L%(number)s"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_english(language: str) -> None:
    """A translation that equals its source is one of the few words that both languages share."""
    left = {message.id for message in messages(catalogue(language)) if message.id in texts(message)}

    assert left <= SAME[language]


def test_no_message_is_in_another_of_the_languages() -> None:
    """A sentence that stands in two catalogues has been put into the wrong one."""
    seen: dict[str, str] = {}
    twice = []
    for language in LANGUAGES:
        own = {text for message in messages(catalogue(language)) for text in texts(message)}
        twice += [f"{seen[text]} and {language}: {text}" for text in own & seen.keys() if text not in INTERNATIONAL]
        seen |= dict.fromkeys(own, language)

    assert twice == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_typography(language: str) -> None:
    """Each language has its own quotation marks and blanks; none has typewriter's."""
    faults = []
    for message in messages(catalogue(language)):
        for text in texts(message):
            if re.search(r"[\"“”]" if language != "de" else r"[\"”]|(?<!\w)“", re.sub(r"„[^“]*“", "", text)):
                faults.append(text)
            if "'" in text:
                faults.append(text)
            if language == "fr" and re.search(
                r"[^\u202f\u00a0\s][;!?»]|[^\u00a0\w]:\s|\w:(?:\s|$)|«[^\u202f\u00a0]", text
            ):
                faults.append(text)
            # A date ends with “г.”, and a sentence after it would have two full stops.
            if language == "ru" and re.search(r"\bеще\b|\bВы\b(?<!^Вы)(?!\s)|%\((?:day|before|span)\)s\.", text):
                faults.append(text)

    assert faults == []


def test_a_missing_catalogue_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue that is not there is no silent English."""
    monkeypatch.setattr(catalogues, "folder", lambda: tmp_path)
    catalogues.catalogue.cache_clear()

    with pytest.raises(FileNotFoundError):
        i18n.init(Flask("portal"))

    monkeypatch.undo()
    catalogues.catalogue.cache_clear()
