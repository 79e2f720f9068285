"""Likeness: which tickets ask much the same, in one language and across four, on the shipped articles."""

import pytest

from portal.likeness import KIN_SHOWN, SIMILAR_SHOWN, kin, similar
from portal.services import Services
from portal.tickets import Kind, Ticket
from tests.builders import ticket

#: What people ask in four languages; no article answers it, and the glossary knows most of the words.
ASKED = {
    "blue printer": (
        "blue printer offline",
        "imprimante hors ligne bleue",
        "blauer Drucker offline",
        "синий принтер офлайн",
    ),
    "paper jam": ("printer paper jam", "imprimante bourrage papier", "Drucker Papierstau", "принтер замятие бумаги"),
    "printer password": ("printer password", "mot de passe imprimante", "Drucker Passwort", "пароль принтера"),
    "an error": ("error 0x80070005", "erreur 0x80070005", "Fehler 0x80070005", "ошибка 0x80070005"),
}
#: About nothing of the above.
OTHERS = [
    ("en", "payslip for march"),
    ("fr", "place de parking"),
    ("de", "Kazoo stimmen"),
    ("ru", "расписание автобусов"),
]


def gaps() -> list[Ticket]:
    """A gap for each of these searches, numbered from 1."""
    rows = [
        (code, text) for texts in ASKED.values() for code, text in zip(("en", "fr", "de", "ru"), texts, strict=True)
    ]
    return [
        ticket(id=number, kind=Kind.GAP, language=code, query=text, subject=text)
        for number, (code, text) in enumerate([*rows, *OTHERS], 1)
    ]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("language", ["en", "fr", "de", "ru"])
def test_the_same_question_is_found_in_the_other_languages(
    asked: str, language: str, shipped_services: Services
) -> None:
    """All three of the others, and nothing besides, with their tickets."""
    own = ASKED[asked]
    gap = next(gap for gap in gaps() if gap.query in own and gap.language == language)

    found = kin(shipped_services.edition, gap, gaps())

    assert sorted(each.query for each in found) == sorted(text for text in own if text != gap.query)


@pytest.mark.parametrize(("language", "text"), OTHERS)
def test_what_nobody_else_asks_has_no_kin(language: str, text: str, shipped_services: Services) -> None:
    """One word in common would not do; no word at all even less."""
    gap = ticket(id=99, kind=Kind.GAP, language=language, query=text)

    assert kin(shipped_services.edition, gap, gaps()) == []


def test_kin_survives_odd_gaps(shipped_services: Services) -> None:
    """No word, a mask only, another alphabet; and of many no more than are shown."""
    many = [ticket(id=number, kind=Kind.GAP, language="de", query="Drucker Papierstau") for number in range(100, 150)]
    odd = [
        ticket(id=number, kind=Kind.GAP, query=text, subject="")
        for number, text in enumerate(("", "[e-mail]", "打印机"))
    ]

    assert [kin(shipped_services.edition, gap, [*many, *odd]) for gap in odd] == [[], [], []]
    assert len(kin(shipped_services.edition, gaps()[4], [*odd, *many])) == KIN_SHOWN


def test_similar_tickets_share_the_rare_words() -> None:
    """The more of them and the rarer, the more alike; other languages are left out."""
    texts = [
        "Drucker druckt nicht",
        "Drucker offline nach Update",
        "Drucker offline",
        "VPN bricht ab",
        "Monitor bleibt schwarz",
    ]
    candidates = [ticket(id=number, language="de", query=text) for number, text in enumerate(texts, 1)]
    english = ticket(id=9, language="en", query="Drucker offline")

    found = similar("de", "der Drucker ist offline", [*candidates, english])

    assert [each.id for each, _ in found][:2] == [3, 2]
    assert found[0][1] == pytest.approx(1)
    assert all(each.id not in {4, 5, 9} for each, _ in found)


def test_similar_tickets_are_few_and_anything_can_be_compared() -> None:
    """Three, the newest of the same first; requests by their subject; texts without words are like nothing."""
    same = [ticket(id=number, query="", subject="kazoo") for number in range(1, 7)]

    assert [each.id for each, _ in similar("en", "kazoo", same)] == [6, 5, 4]
    assert SIMILAR_SHOWN == 3
    assert similar("en", "", same) == []
    assert similar("en", "kazoo", [ticket(id=1, query="the of", subject=""), ticket(id=2, query="[e-mail]")]) == []
