"""Mails from anybody: every shape that the corpus has, lies about letters, automata, and bytes of all kinds."""

import random
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from portal.inbound import MAX_BYTES, TEXT_LENGTH, Incoming, read
from portal.inbound.bodies import ATTACHMENTS
from portal.inbound.charsets import decode
from portal.inbound.headers import ADDRESSES
from portal.inbound.quoting import own_words
from portal.inbound.untagging import plain
from portal.recognition import language_of

MAILS = Path(__file__).parent / "mails"
OWN = "support@help.example.org"
CORPUS = {path.stem: path.read_bytes() for path in sorted(MAILS.glob("*.eml"))}
EN = "The printer does not print since Monday.\nIt shows error 12."
RU = "Принтер не печатает с понедельника.\nНа экране ошибка 12."
DE = "Der Drucker druckt seit Montag nicht.\nEr zeigt den Fehler 12, obwohl Papier da ist. Grüße"
FR = "L’imprimante n’imprime plus depuis lundi.\nElle affiche l’erreur 12 à l’écran, même après un redémarrage."

#: What is read from mails that a person wrote: those fields that matter for the shape.
SHAPES: dict[str, dict[str, Any]] = {
    "plain-en": {
        "text": EN, "sender_name": "Anna Kühn", "sender_email": "anna@example.org", "subject": "Printer",
        "message_id": "<a1@mail.example.org>", "recipients": (OWN,), "date": datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    },
    "base64-ru": {"text": RU, "sender_name": "Анна Кюн", "subject": "Принтер не печатает"},
    "quoted-printable-fr": {"text": FR, "subject": "L’imprimante"},
    "lie-utf8-is-cp1251": {"text": RU},
    "lie-cp1251-is-koi8": {"text": RU},
    "lie-latin1-is-utf8": {"text": FR},
    "lie-ascii-is-latin1": {"text": FR.replace("’", "'")},
    "lie-latin1-is-cp1252": {"text": "Das kostet 5 € – „viel“ zu viel für uns."},
    "unknown-charset": {"text": DE},
    "koi8-honest": {"text": RU},
    "broken-base64": {"text": DE[:-2]},
    "broken-quoted-printable": {"text": "Grüße =ZZ = und \ufffd\nweiter hier"},
    "broken-encoded-words": {"text": EN, "sender_name": "", "subject": "Drucker kaputt =?nope?X?abc?= üb"},
    "raw-8bit-headers": {"sender_name": "Анна Кюн", "subject": "Принтер сломан", "text": RU},
    "raw-koi8-headers": {"sender_name": "Анна", "subject": "Принтер сломан и не печатает"},
    "split-encoded-words": {"sender_name": "Анна Кюн, отдел", "subject": "Drucker"},
    "no-date-no-id": {"date": None, "message_id": "", "sender_name": "", "sender_email": "anna@example.org", "text": EN},
    "no-from": {"sender_email": "", "text": EN},
    "no-headers": {"sender_email": "", "subject": "", "text": EN},
    "bad-date": {"date": None, "text": EN},
    "mixed-line-ends": {"text": "One\nTwo\nThree\nFour"},
    "nul-bytes": {"sender_name": "Anna", "subject": "Printer", "text": "The printer is[31m broken."},
    "right-to-left-override": {"subject": "Rechnung gpj.exe", "text": "Please open fdp.exe now.\nIsolated text."},
    "html-only": {
        "text": "Drucker\n\nDer Drucker druckt\u00a0nicht!\nFehler\u00a012\n\n- Papier ist da\n- Kabel auch\n\nA B"
    },
    "html-meta-lie": {"text": RU.split("\n", maxsplit=1)[0]},
    "html-broken": {"text": "Hello < world bold\n\nsecond &bogus; 1<2"},
    "alternative": {"text": "The plain text.", "attachments": ()},
    "alternative-empty-plain": {"text": "Only here."},
    "apple-parts": {"text": "Before the picture.\n\nAfter the picture.", "attachments": (("shot.png", 303),)},
    "related-logo": {"text": "Hello", "attachments": (("screen.png", 40527),)},
    "forwarded-attached": {
        "subject": "Invoice", "own_text": "Please look at this.",
        "text": "Please look at this.\n\n> From: Bob <bob@example.net>\n> Date: Mon, 2 Mar 2026 09:00:00 +0100\n"
                "> Subject: Rechnung für März\n>\n> The invoice is wrong.",
    },
    "flowed": {"text": "This is one paragraph of two lines.\nFrom here it is another.\n> quotedline"},
    "tnef": {"text": "See the winmail.", "attachments": (("winmail.dat", 3),)},
    "calendar": {"text": "Shall we meet?"},
    "smime-signed": {"text": "I signed this.", "attachments": ()},
    "smime-encrypted": {"text": "", "attachments": (("smime.p7m", 3),)},
    "pgp-inline": {"text": "I signed this too.\n- a list"},
    "pgp-encrypted": {"text": ""},
    "empty-body": {"text": "", "subject": "Printer"},
    "empty-all": {"text": "", "subject": ""},
    "no-blank-line": {"subject": "Only headers", "text": ""},
    "missing-boundary": {"text": "There are no parts."},
    "unclosed-boundary": {"text": "The end is missing."},
    "deep": {"subject": "Printer"},
    "nested-mails": {"own_text": "First."},
    "many-recipients": {"text": EN, "sender_email": "anna@example.org"},
    "names-with-commas": {"sender_name": "Kühn, Anna", "subject": "Printer"},
    "address-as-name": {"sender_name": "", "sender_email": "anna@example.org"},
    "person-asks-about-away": {"subject": "Abwesenheitsnotiz einrichten"},
    "person-not-auto": {"text": EN},
    "person-own-list": {"text": EN},
    "spam": {"is_spam": True},
}  # fmt: skip
#: What the writers of replies have written, without what they answer.
REPLIES = {
    "gmail-en": "It works now.", "gmail-fr": "Ça marche maintenant.", "gmail-de": "Jetzt geht es.", "gmail-ru": "Теперь работает.",
    "outlook-en": "It works now.", "outlook-fr": "Ça marche.", "outlook-de": "Es geht.", "outlook-ru": "Работает.",
    "apple-en": "It works now.", "apple-fr": "Ça marche.", "apple-de": "Es geht.", "apple-ru": "Работает.",
    "thunderbird-de": "Es geht.", "thunderbird-fr": "Ça marche.", "thunderbird-ru": "Работает.",
    "yandex": "Работает.", "mailru": "Работает.", "html-outlook": "Es geht jetzt.", "html-gmail": "It works.",
    "bottom": "The cable was it.", "nothing": "",
    "inline": "Answers below.\n\n> Which printer is it?\n\nThe big one.\n\n> On which floor?\n\nThe third.",
}  # fmt: skip
#: Texts that look like the beginning of a quotation and are the writer's own.
OWN_WORDS = (
    "Thanks, but the second printer fails too:\nError 0x80070005 when I print.\nRegards to Mia.",
    "I set it up so:\nFrom: anna@example.org\nTo: bob@example.org\nand the mail never leaves. What is wrong?",
    "On Monday my colleague wrote:\nit works. It does not.",
    "Am Dienstag um 10:30 schrieb ich Ihnen, am 02.03.2026 noch einmal.\nBitte antworten Sie.",
    "Le 2 mars 2026 à 10:30 tout marchait.\nDepuis, rien.",
    "2 марта 2026 г. в 10:30 всё работало.\nТеперь нет.",
    "Bonjour,\n\nMerci pour votre retour\n\nCependant le problème persiste.\n\nCordialement\nAnne",
    "It is sent from my scanner to the mail server, and nothing arrives.",
    "-- \nAnna",
)


def mail(head: str = "", body: str = "x", sender: str = "anna@example.org") -> bytes:
    """A small mail."""
    return f"From: {sender}\nTo: {OWN}\n{head}\n\n{body}".encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_read(name: str) -> None:
    """What a person wrote is read, whatever their program has made of it, and is nothing automatic."""
    found = read(CORPUS[name], OWN)

    assert {field: getattr(found, field) for field in SHAPES[name]} == SHAPES[name]
    assert not any((found.is_automatic, found.is_bounce, found.is_too_large))


@pytest.mark.parametrize("name", REPLIES)
def test_only_the_own_words_of_a_reply_are_kept(name: str) -> None:
    """Programs of four languages put what is answered below; signatures and telephones' lines go too."""
    found = read(CORPUS[f"reply-{name}"])

    assert found.own_text == REPLIES[name]
    assert found.in_reply_to
    assert not found.is_automatic


@pytest.mark.parametrize("text", OWN_WORDS)
def test_nothing_of_the_writers_own_is_cut(text: str) -> None:
    """Sentences that only resemble an introduction stay."""
    assert own_words(text) == text.rstrip()


@pytest.mark.parametrize("name", [name for name in CORPUS if name.startswith("auto-")])
def test_automata_are_recognised(name: str) -> None:
    """Neither answers for people who are away, nor lists, receipts and reports are from a person."""
    found = read(CORPUS[name], OWN)

    assert found.is_automatic
    assert found.is_bounce == (name in {"auto-bounce", "auto-daemon"})
    assert found.is_away == (name.startswith("auto-away") or name in {"auto-replied", "auto-autoreply", "auto-bounce"})


@pytest.mark.parametrize(
    ("subject", "is_away"),
    [
        ("Automatische Antwort: AW: [#42] Drucker", True),
        ("Out of office: [#42] Printer", True),
        ("Re: Out of the office", True),
        ("Auto: [#42] Printer", True),
        ("Absence du bureau : [#42] Imprimante", True),
        ("Нет на месте: [#42] Принтер", True),
        ("Out of office messages are not sent", False),
        ("Réponse automatique à configurer", False),
        ("Как настроить автоответ?", False),
        ("Automatic updates fail", False),
        ("Auto reply rules", False),
        ("Abwesend seit Montag, wer hilft?", False),
    ],
)
def test_who_asks_about_such_messages_is_a_person(subject: str, is_away: bool) -> None:
    """The same words in a question are a question."""
    assert read(mail(f"Subject: {subject}\nIn-Reply-To: <a@b.example>")).is_away == is_away


def test_the_corpus_is_whole() -> None:
    """Every file of the corpus is looked at by a test."""
    known = {*SHAPES, *(f"reply-{name}" for name in REPLIES), "attachments", "many-parts", "forwarded-inline"}

    assert {name for name in CORPUS if not name.startswith("auto-")} == known


def test_attachments_are_named_without_their_folders() -> None:
    """Names are decoded from both ways of writing them; what could mislead is gone."""
    found = read(CORPUS["attachments"])

    assert [name for name, _size in found.attachments] == ["Отчёт.pdf", "Grüße.txt", "passwd"]
    assert found.text == "See the files."
    assert 2_900 < found.attachments[0][1] < 3_200


def test_parts_recipients_and_attachments_are_bounded() -> None:
    """Of a great many, some are read."""
    parts, many = read(CORPUS["many-parts"]), read(CORPUS["many-recipients"])

    assert parts.text == "First."
    assert len(parts.attachments) == ATTACHMENTS
    assert len(many.recipients) == ADDRESSES


def test_a_hundred_thousand_recipients() -> None:
    """The one to whom it was really sent comes first."""
    crowd = ", ".join(f"u{number}@example.net" for number in range(100_000))

    found = read(mail(f"Cc: {crowd}\nDelivered-To: support+r1.00@help.example.org"))

    assert found.recipients[0] == "support+r1.00@help.example.org"
    assert len(found.recipients) == ADDRESSES


def test_of_a_forwarded_mail_everything_is_kept() -> None:
    """A forwarded mail is what a new request is about."""
    assert "Die Rechnung ist falsch." in read(CORPUS["forwarded-inline"]).text


def test_a_mail_that_is_too_large_is_known_by_its_headers() -> None:
    """Its text is not read."""
    found = read(mail("Subject: Huge\nMessage-ID: <h@example.org>", "x" * MAX_BYTES))

    assert (found.subject, found.message_id, found.sender_email) == ("Huge", "<h@example.org>", "anna@example.org")
    assert (found.text, found.is_too_large) == ("", True)


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Type: text/plain" + b";" * 1_000_000,
        b"Content-Type: text/html\n\n" + b"<title>" * 200_000,
        b"Content-Type: text/html\n\n" + b"<blockquote>" * 200_000,
        b"Content-Type: text/html\n\n" + b'<a x="' * 200_000,
        b"Content-Type: text/html\n\n" + b"<!--" * 200_000,
        b"Content-Type: text/plain; format=flowed\n\n" + b"word \n" * 200_000,
        b"Content-Type: message/rfc822\n\n" * 20_000,
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2_000)),
        b"Subject: " + b"=?utf-8?q?" * 100_000,
        b"From: " + b"(" * 100_000,
        b"\n" + b"-----BEGIN PGP SIGNED MESSAGE-----\n" * 50_000,
        b"\n" + b"On 2026 10:30 wrote \n" * 50_000,
        b"\n" * 2_000_000,
        b"\0" * 2_000_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_hostile_mails_end(body: bytes) -> None:
    """None of what takes others the square of its length does so here; the test's own limit would tell."""
    found = read(b"To: support@help.example.org\n" + body)

    assert len(found.text) <= TEXT_LENGTH
    assert len(found.subject) <= 300


def is_clean(found: Incoming) -> bool:
    """Whether nothing in a mail controls a terminal, a page or a database."""
    texts = [getattr(found, field.name) for field in fields(found) if isinstance(getattr(found, field.name), str)]
    texts += [name for name, _size in found.attachments] + list(found.recipients)
    return not any(sign in text for text in texts for sign in "\0\r\x1b\u202e\u2066\ud800")


@examples(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(CORPUS)),
    seed=st.integers(0, 2**32),
    extra=st.binary(max_size=30)
    | st.sampled_from([b"\n\n", b"=?", b"boundary=", b"\xff\xfe", b"&#x", b"<!--", b"\r", b'"']),
)
def test_damaged_mails_raise_nothing(name: str, seed: int, extra: bytes) -> None:
    """Whatever happens to a mail on its way, it is read without an error and without signs that control anything."""
    chance = random.Random(seed)
    content = bytearray(CORPUS[name])
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(content) + 1)
        match chance.randrange(4):
            case 0:
                content[place:place] = extra
            case 1:
                del content[place : place + chance.randint(1, 40)]
            case 2:
                content[place : place + 1] = bytes([chance.randrange(256)])
            case _:
                content[place:place] = content[: chance.randint(0, 200)]

    found = read(bytes(content), OWN)

    assert is_clean(found)
    assert len(found.text) <= TEXT_LENGTH


@examples(deadline=None, max_examples=200)
@given(content=st.binary(max_size=2_000))
def test_any_bytes_are_read(content: bytes) -> None:
    """No mail at all is still no error."""
    assert is_clean(read(content))
    assert is_clean(read(b"Content-Type: text/html\nFrom: a@b.example\n\n" + content))


@examples(deadline=None, max_examples=200)
@given(text=st.text(max_size=500))
def test_any_text_has_own_words(text: str) -> None:
    """Cutting what is quoted never adds, and never fails."""
    assert set(own_words(text)) <= set(text) | {"\n"}
    assert "<script" not in plain(f"<p>{text}</p><script>x</script>").replace(text, "")


@pytest.mark.parametrize(
    "text", [RU, DE, FR, "Ошибка", "Zurück, größer, Übergrößenträger", "déjà vu, où êtes-vous, garçon"]
)
@pytest.mark.parametrize(
    "declared", ["", "utf-8", "us-ascii", "iso-8859-1", "x-unknown", "idna", "punycode", "\0", "a" * 99]
)
def test_lies_about_letters(text: str, declared: str) -> None:
    """A text is read in the set that it is in, not in the one that it claims."""
    for real in ("utf-8", "cp1251", "koi8-r") if "и" in text or "О" in text else ("utf-8", "cp1252"):
        assert decode(text.encode(real), declared) == text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (EN, "en"),
        (FR, "fr"),
        (DE, "de"),
        (RU, "ru"),
        ("Принтер HP LaserJet Pro", None),
        ("Windows-Update", None),
        ("", None),
        ("12345 !!", None),
        ("Hallo, ich kann mich seit dem Update nicht mehr anmelden. Error 0x80070005: Access is denied", "de"),
    ],
)
def test_languages_are_recognised(text: str, language: str | None) -> None:
    """By the letters, and by the smallest words; what tells nothing is left open."""
    assert language_of(text) == language
