"""Titles, summaries, keywords and days of review."""

from dataclasses import replace
from datetime import date

import pytest

from portal.problems import Problem
from portal.writing.checking.gathering import facts_of
from portal.writing.checking.texts import Collection
from portal.writing.rules import wording
from tests.one_text import BODY_LINE, one_text, problems

STUFFED = "Password reset, password forgotten, password lost, and a password again. " * 5


def of_collection(*texts: tuple[str, str, str, dict[str, str]], today: date = date(2026, 3, 2)) -> list[Problem]:
    """What is wrong among texts of language, slug, title and further keys."""
    facts = {}
    for language, slug, title, front in texts:
        text = one_text(language=language, title=title, **front)
        facts[language, slug] = facts_of(replace(text, path=f"{language}/{slug}.md"))
    return list(wording.of_collection(Collection(facts), today))


@pytest.mark.parametrize(
    ("front", "code", "line"),
    [
        ({"title": "T" * 71}, "long-title", 2),
        ({"title": "VPN"}, "short-title", 2),
        ({"summary": "s" * 161}, "long-summary", 5),
        ({"summary": "About it."}, "short-summary", 5),
        ({"title": "How to print a page", "summary": "How to print a page."}, "summary-repeats-title", 5),
        ({"keywords": "[print, scan, Print]"}, "keyword-stuffing", 5),
        ({"keywords": f"[{', '.join(letter * 4 for letter in 'abcdefghijklmnopqrstu')}]"}, "keyword-stuffing", 5),
        ({"keywords": f"[{', '.join(f'reset {word}' for word in 'abcdefgh')}]"}, "keyword-stuffing", 5),
        ({"title": "Print, print, print or print"}, "keyword-stuffing", 2),
    ],
)
def test_what_is_found(front: dict[str, str], code: str, line: int) -> None:
    """Each at its key, and nothing beside it."""
    assert [(problem.code, problem.line) for problem in problems(wording, "Text.", **front)] == [(code, line)]


def test_one_character_is_no_characters() -> None:
    """A count of one has its own words."""
    messages = [problem.message for problem in problems(wording, "Text.", title="V")]

    assert messages == ["The title has 1 character, which says too little."]


def test_a_text_that_says_one_word_over_and_over() -> None:
    """More than a fifth of the words; code and addresses do not count."""
    found = problems(wording, STUFFED)
    told = " ".join(f"{letter * 4} {letter * 5}" for letter in "abcdefghijklmnopqrstuvwxyz")

    assert [(problem.code, problem.line) for problem in found] == [("keyword-stuffing", BODY_LINE)]
    assert problems(wording, f"{told}\n\n```\n{STUFFED}\n```\n\n`{STUFFED}` [a](https://example.org/password)") == []


def test_good_lengths_are_left_alone() -> None:
    """The shortest and longest that are good."""
    assert problems(wording, "Text.", title="T" * 70, summary="s" * 160) == []
    assert problems(wording, "Text.", title="Reset it", summary="s" * 20, keywords="[a, b]", tags="[a, b]") == []


def test_titles_are_the_same_without_case_accents_and_signs() -> None:
    """In one language; the later path names the first."""
    found = of_collection(
        ("en", "a", "Reset your password", {}),
        ("en", "b", "RESET  your password!", {}),
        ("fr", "a", "Reset your password", {}),
        ("en", "c", "Reset your passwords", {}),
    )

    assert [(problem.path, problem.line, problem.code) for problem in found] == [("en/b.md", 2, "duplicate-title")]
    assert "en/a.md" in found[0].message


def test_a_day_of_review_passes_when_it_is_over() -> None:
    """On the day itself, there is still time."""
    texts = [("en", day, f"Article of {day}", {"review_by": day}) for day in ("2026-03-01", "2026-03-02")]

    found = of_collection(*texts)

    assert [(problem.path, problem.line, problem.code) for problem in found] == [
        ("en/2026-03-01.md", 5, "review-overdue")
    ]
