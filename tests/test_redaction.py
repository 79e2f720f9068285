"""What is taken out of a request before it leaves: names in every form, addresses, numbers, signatures."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.desk.redaction import NAME_MASK, SIGNATURE_MASK, Redaction
from portal.tickets import Ticket
from tests.builders import ticket

NOTHING: frozenset[str] = frozenset()


def request(name: str = "Anna Kühn", email: str = "anna.kuehn@example.org", phone: str = "+49 30 1234567") -> Ticket:
    """A request of somebody."""
    return ticket(requester_name=name, requester_email=email, phone=phone)


def cleaned(text: str, shared: frozenset[str] = NOTHING, **who: str) -> str:
    """A text as it leaves."""
    return Redaction(request(**who), shared).clean(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Anna Kühn", "Anna Kühn"),
        ("Anna Kühn", "ANNA KÜHN"),
        ("Anna Kühn", "anna kuehn"),
        ("Anna Kühn", "Anna Ku\u0308hn"),
        ("Anna Kühn", "Annas"),
        ("Anna Kühn", "Kühn's"),
        ("Zoë Straßer", "zoe strasser"),
        ("Jürgen Müller", "Juergen Mueller"),
        ("Juergen Mueller", "Jürgen Müller"),
        ("Анна Кузнецова", "Анной Кузнецовой"),
        ("Анна Кузнецова", "АННЕ"),
        ("Пётр Достоевский", "Петром Достоевским"),
        ("Павел Сергеев", "Павла"),
        ("Сергей Ильин", "Сергея"),
        ("Мария Лунина", "Марией"),
        ("Анна Кузнецова", "Anna Kuznetsova"),
        ("Anna Kuznetsova", "Анна Кузнецова"),
        ("Bo Li", "Bo Li"),
        ("Jean-Luc d’Artois", "Jean-Luc"),
    ],
)
def test_a_name_goes_in_every_form(name: str, text: str) -> None:
    """Case, accents, umlauts, declension and the other alphabet hide nothing."""
    found = cleaned(f"Hier ist {text}, bitte helfen.", name=name, email="x@example.org")

    assert found == f"Hier ist {NAME_MASK}, bitte helfen."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Claire de la Tour", "Le tuyau de la pompe est cassé."),
        ("Bo Li", "the li element in html"),
        ("Anna Kühn", "Die Annahme ist kühner als gedacht."),
        ("Мария Лунина", "Марка принтера и маршрут"),
        ("Anna Kühn", "KB5034441 fails with 0x80070005 since 2026-03-02, version 10.0.19045"),
        ("Anna Kühn", "Hello,\nthe printer stays dark.\nRegardless of the cable.\n"),
        ("Anna Kühn", "LG monitor flickers\nsince Monday"),
        ("Anna Kühn", "Log:\n----\nline 1\nline 2"),
    ],
)
def test_what_is_about_the_matter_stays(name: str, text: str) -> None:
    """Particles, short words, words that begin like a name, codes and versions are what a supplier needs."""
    assert cleaned(text, name=name, email="x@example.org") == text


@pytest.mark.parametrize(
    "text",
    [
        "It does not print.\n\nKind regards,\nAnna Kühn\nRoad 5, 10115 Berlin\n+49 30 1234567",
        "Es druckt nicht.\n\nMit freundlichen Grüßen\nAnna\n\nStraße 5\n10115 Berlin",
        "Ça n’imprime pas.\n\nCordialement,\nAnna\n5 rue de la Paix",
        "Не печатает.\n\nС уважением,\nАнна\nул. Ленина, 5",
        "It does not print.\n-- \nAnna\nRoad 5",
        "Es druckt nicht.\nMfG\nA. K., Straße 5",
        "Es druckt nicht.\nViele Grüße aus der Straße 5",
    ],
)
def test_a_signature_goes_with_the_address_in_it(text: str) -> None:
    """What stands after the closing phrase says who and where somebody is, and nothing of the matter."""
    redaction = Redaction(request(), NOTHING)

    found = redaction.clean(text)

    assert found.endswith(SIGNATURE_MASK)
    assert "print" in found or "druckt" in found or "imprime" in found or "печатает" in found
    assert not any(trace in found for trace in ("5", "Berlin", "rue", "ул", "Anna", "Анна"))
    assert "signature" in redaction.taken


def test_what_an_agent_signs_stays() -> None:
    """Only the agent's own words to the supplier may end with a name."""
    text = "Please look at the pump.\nKind regards\nMia Lindt"

    assert Redaction(request(), NOTHING).clean(text, is_ours=True) == text


def test_addresses_and_numbers_go_unless_they_may_be_known() -> None:
    """What the requester's own are may leave; anybody else's never."""
    text = "Write to Anna.Kuehn@example.org or bob@example.net, call +49 30 1234567 or +44 20 7946 0018."

    assert cleaned(text) == "Write to [e-mail] or [e-mail], call [phone] or [phone]."
    assert (
        cleaned(text, frozenset({"email", "phone"}))
        == "Write to anna.kuehn@example.org or [e-mail], call +49 30 1234567 or [phone]."
    )


def test_a_short_number_of_the_requester_goes_too() -> None:
    """Also one that is too short to be told from other numbers, however it is written."""
    assert cleaned("Extension 4711-2, room 12", phone="47112") == "Extension [phone], room 12"


def test_a_name_that_may_be_known_stays() -> None:
    """And nothing says that it was taken out."""
    redaction = Redaction(request(), frozenset({"name"}))

    assert redaction.clean("I am Anna Kühn.") == "I am Anna Kühn."
    assert redaction.taken == set()


def test_nobody_can_smuggle_a_mark_for_what_may_leave() -> None:
    """The signs that stand for the requester's own address mean nothing in a text."""
    assert cleaned("a\ue000b\ue001c") == "abc"


WORDS = st.sampled_from(
    ["Anna", "KÜHN", "kuehn", "anna.kuehn@example.org", "+49 30 1234567", "pump", "0x80070005", "\n", "("]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=12))
def test_nothing_is_left_however_it_is_put_together(words: list[str]) -> None:
    """No order of names, addresses and words lets a name through, and cleaning again changes nothing."""
    found = cleaned(" ".join(words))

    plain = found.casefold()
    assert not any(trace in plain for trace in ("anna", "kühn", "kuehn", "@example", "1234567"))
    assert cleaned(found) == found
    assert found.count("0x80070005") == words.count("0x80070005")
