"""What several people say in surveys stands together, in and across languages."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations

import pytest

from portal.locales import CODES
from portal.opinions import ACROSS, grouped
from portal.services import Services
from portal.storage.surveys import Answer
from tests.builders import NOW

HOUR = timedelta(hours=1)
#: What several people want, each in words of their own; those of one row want the same.
WISHES = {
    "en": [
        ["Please call me back when I ask for it", "Nobody called back although I asked to be called"],
        ["Answers should come faster", "A faster answer would be nice", "You need to answer faster, I waited two days"],
        ["The link in the mail did not work", "Mail link broken"],
        ["Explain the steps for the printer with pictures"],
        ["Friendly staff, thank you"],
    ],
    "fr": [
        ["Répondez plus vite", "Il faudrait répondre plus vite aux demandes"],
        ["Personne ne m’a rappelé", "J’aurais aimé être rappelé par quelqu’un", "On devait me rappeler"],
        ["Le lien du courriel ne fonctionne pas"],
        ["Des captures d’écran aideraient"],
    ],
    "de": [
        ["Bitte schneller antworten", "Die Antwort kam nicht schnell genug"],
        ["Der versprochene Rückruf kam nie", "Ein Rückruf wäre schön gewesen"],
        ["Mehr Bilder in den Anleitungen", "Anleitungen ohne Bilder sind schwer zu verstehen"],
        ["Alles bestens"],
    ],
    "ru": [
        ["Отвечайте быстрее", "Хотелось бы, чтобы отвечали быстрее"],
        ["Не перезвонили, хотя обещали перезвонить", "Обещали перезвонить и забыли"],
        ["Добавьте картинки в инструкции"],
        ["Спасибо за помощь"],
    ],
}


def wishes(*codes: str) -> Iterator[tuple[Answer, tuple[str, int]]]:
    """All of them as answers, with the row that each is of."""
    rows = [(code, row, text) for code in codes for row, texts in enumerate(WISHES[code]) for text in texts]
    for number, (code, row, text) in enumerate(rows, 1):
        yield Answer(number, code, 1, 3, text, NOW - number * HOUR, True), (code, row)


@pytest.mark.parametrize("language", CODES)
def test_what_several_people_want_stands_together(language: str) -> None:
    """Nothing that is meant otherwise is among it; of what is meant the same some pairs are found in each language."""
    rows = {answer.number: row for answer, row in wishes(language)}

    groups = grouped(answer for answer, _ in wishes(language))

    pairs = {pair for group in groups for pair in combinations(sorted(each.number for each in group.answers), 2)}
    meant = {pair for pair in combinations(sorted(rows), 2) if rows[pair[0]] == rows[pair[1]]}
    assert pairs <= meant
    assert len(pairs) >= 0.25 * len(meant)


def test_groups_are_counted_and_shown_by_language() -> None:
    """The largest first; the newest examples of each language."""
    texts = [
        ("en", "More pictures please"),
        ("en", "More pictures"),
        ("de", "Mehr Bilder"),
        ("de", "Mehr Bilder bitte"),
    ]
    texts += [("de", "Bilder, mehr Bilder")]
    answers = [Answer(n, code, 1, 3, text, NOW - n * HOUR, True) for n, (code, text) in enumerate(texts)]

    first, second = grouped(answers)

    assert (first.languages, second.languages) == ({"de": 3}, {"en": 2})
    assert [each.comment for each in first.examples()["de"]] == ["Mehr Bilder", "Mehr Bilder bitte"]


def test_the_same_wish_in_four_languages(shipped_services: Services) -> None:
    """The glossary and what was learned lead from one language to the others; single ones find each other too."""
    texts = {
        "en": ["Printer paper jam article", "Article on printer paper jam"],
        "de": ["Artikel Drucker Papierstau"],
        "fr": ["Article imprimante bourrage papier"],
        "ru": ["Статья принтер замятие бумаги"],
    }
    other = ["Friendly staff", "Stellplatz", "Horaires des bus", "Спасибо"]
    rows = [(code, text) for code, some in texts.items() for text in some] + list(zip(CODES, other, strict=True))
    answers = [Answer(n, code, 1, 3, text, NOW - n * HOUR, True) for n, (code, text) in enumerate(rows)]

    [group] = grouped(answers, shipped_services.edition)

    assert group.languages["en"] == 2
    assert len(group.languages) >= 3
    assert not {each.comment for each in group.answers} & set(other)


def test_odd_comments_are_harmless() -> None:
    """Blank, masked, without a word, very long, very many; nothing is invented."""
    odd = ["", "  ", "[e-mail]", "!!!", "打印机", "x" * 600, "the of and"]
    answers = [Answer(n, "en", 1, 1, text, NOW - n * HOUR, False) for n, text in enumerate(odd * 2)]
    many = [Answer(n, "en", 1, 1, f"wish number{n}", NOW - n * HOUR, False) for n in range(10 * ACROSS)]

    assert all(len({each.comment for each in group.answers}) == 1 for group in grouped(answers))
    assert grouped(many) == []
    assert grouped([]) == []
