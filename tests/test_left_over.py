"""What was left in another language, and what only looks like it."""

from dataclasses import replace
from datetime import date

import pytest

from portal.problems import Problem
from portal.writing.checking.gathering import facts_of
from portal.writing.checking.texts import Collection
from portal.writing.rules import left_over
from tests.one_text import BODY_LINE, codes, one_text, problems

LONG = "Deleted example mailboxes stay recoverable thirty days and lose the licence automatically afterwards."
ENGLISH = "Open the settings and select the account that you want to remove."
FRENCH = "Ouvrez les paramètres et choisissez le compte que vous voulez supprimer."
GERMAN = "Öffnen Sie die Einstellungen und wählen Sie das Konto, das Sie entfernen möchten."
RUSSIAN = "Откройте настройки и выберите учётную запись, которую вы хотите удалить."
OF = {"en": ENGLISH, "fr": FRENCH, "de": GERMAN, "ru": RUSSIAN}


@pytest.mark.parametrize("language", OF)
@pytest.mark.parametrize("other", OF)
def test_a_sentence_of_another_language_is_found(language: str, other: str) -> None:
    """In a paragraph, a list, a table, a heading; with its column."""
    body = f"{OF[language]}\n\n1. {OF[other]}\n\n| A |\n|---|\n| {OF[other]} |\n\n## {OF[other]}\n\n{OF[language]}"

    found = problems(left_over, body, language)

    lines = [] if language == other else [2, 6, 8]
    assert [(problem.code, problem.line - BODY_LINE) for problem in found] == [("untranslated", line) for line in lines]
    assert all(problem.column in (1, 3, 4) for problem in found)


@pytest.mark.parametrize(
    ("language", "body"),
    [
        ("fr", f"Le message est\u00a0: **{ENGLISH}**"),
        ("fr", f"Le message est «\u202f{ENGLISH}\u202f»."),
        ("fr", f"*{ENGLISH}*\n\n`{ENGLISH}`\n\n```\n{ENGLISH}\n```\n\n    {ENGLISH}"),
        ("de", f"Siehe [{ENGLISH}](https://example.org/the-and-you-want-to-be-of.html)."),
        ("ru", "Microsoft Entra ID, Windows Hello for Business, Out of Office, Power BI."),
        ("ru", f"Выберите Settings, then the account of the user and all that you want: {ENGLISH}"),
        ("de", "Teams, SharePoint und OneDrive: Sign in, Sign out, Get started."),
        ("en", "The command la reads the file des and writes a le."),
        ("en", "Select Пуск and then Параметры to change the language of the screen."),
    ],
)
def test_quotations_names_and_code_are_left_alone(language: str, body: str) -> None:
    """What the screen says is not for translating."""
    assert codes(left_over, body, language) == []


def of_family(**texts: tuple[str, dict[str, str]]) -> list[Problem]:
    """What is left over between the texts of a family, by language."""
    facts = {}
    for language, (body, front) in texts.items():
        text = one_text(body, language, **({"title": f"Something else in {language}"} | front))
        facts[language, "one"] = facts_of(replace(text, path=f"{language}/one.md"))
    return list(left_over.of_collection(Collection(facts), date(2026, 3, 2)))


def test_a_line_of_the_source_is_found_where_its_words_do_not_tell() -> None:
    """Word for word, whatever the address of a link in it; the message says where it stands."""
    source = f"Intro.\n\n{LONG.replace('example', '[example](a.md)')}"
    translation = f"Voilà.\n\n{LONG.replace('example', '[example](b.md)')}"
    assert codes(left_over, translation, "fr") == []

    # Too few small words to tell the language, but no two texts have such a line by chance.
    found = of_family(en=(source, {}), fr=(translation, {"source": '"0123456789abcdef"'}))

    assert [(problem.path, problem.line, problem.code) for problem in found] == [("fr/one.md", 10, "untranslated")]
    assert "en/one.md:9" in found[0].message


def test_each_line_is_reported_once() -> None:
    """By its words, or else as the source's."""
    text = one_text(f"{ENGLISH}\n\n{FRENCH}", "fr")

    assert [line for _, line in left_over.long_lines(text.article.body, text.body_line, "fr")] == [BODY_LINE + 2]


def test_titles_and_summaries() -> None:
    """The source's, if long enough not to be a name, and in the source's language."""
    same = {"title": "What to do if the screen stays black", "summary": "All that you can do by yourself in a minute."}
    names = {"title": "Microsoft 365 Business Premium Standard"}
    french = {"title": "Ce que vous pouvez faire pour les pannes"}

    found = of_family(en=(ENGLISH, same), fr=(FRENCH, same | {"source": '"0123456789abcdef"'}))
    assert [(problem.path, problem.line) for problem in found] == [("fr/one.md", 2), ("fr/one.md", 5)]
    assert of_family(en=(ENGLISH, names), de=(GERMAN, names | {"source": '"0123456789abcdef"'})) == []
    assert of_family(en=(ENGLISH, french), fr=(FRENCH, french | {"source": '"0123456789abcdef"'})) == []
