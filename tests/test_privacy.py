"""What is masked before a search is stored, and what stays because people search for it."""

import signal
import string
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.privacy import CARD_MASK, EMAIL_MASK, IBAN_MASK, PHONE_MASK, SECRET_MASK, mask

SOME = settings(deadline=None, max_examples=100)

EMAILS = (
    "anna@example.org", "Anna.Weber+vpn@mail.example.co.uk", "o'neil_7@example.fr", "müller@bücher.example",
    "почта@пример.рф", "root@localhost", "a@b.c", "x" * 64 + "@example.org",
)  # fmt: skip
#: How telephone numbers are written; each # is a digit.
PHONES = {
    "en": (
        "+44 20 #### ####", "020 #### ####", "(020) #### ####", "07### ######", "+44 (0)20 #### ####", "+4420########",
        "+1 (212) ###-####", "212-###-####", "1-800-###-####",
    ),
    "fr": ("01 ## ## ## ##", "06.##.##.##.##", "06-##-##-##-##", "07########", "+33 1 ## ## ## ##", "+33 (0)1 ## ## ## ##"),
    "de": (
        "030 ########", "030/#######", "(030) #######", "0171-#######", "0171 ### ## ##", "+49 30 ########",
        "+49 (0)30 #######", "0221 / ######", "030 - ######", "030 – ######",
    ),
    "ru": (
        "+7 (495) ###-##-##", "8 (495) ###-##-##", "8-800-###-##-##", "8(495)#######", "+7##########", "+7 495 ### ## ##",
    ),
}  # fmt: skip
IBANS = (
    "DE89370400440532013000", "FR1420041010050500013M02606", "GB29NWBK60161331926819", "CH9300762011623852957",
    "AT611904300234573201", "NL91ABNA0417164300", "BE68539007547034", "ES9121000418450200051332",
    "IT60X0542811101000000123456", "NO9386011117947", "MT84MALT011000012345MTLCAST001S",
)  # fmt: skip
CARDS = ("4111111111111111", "5500005555555559", "2200000000000004", "6011000990139424", "4222222222222")
WORDS = (
    "reset", "password", "e-mail", "self-service-password-reset", "réinitialiser", "anticonstitutionnellement",
    "l’imprimante", "Rechtsschutzversicherungsgesellschaften", "Grüße", "WLAN-Zugangsdaten", "пароль",
    "достопримечательность", "ещё", "VPN", "and/or", "C++",
)  # fmt: skip
STAYS = {
    "windows-code": "0x80070005",
    "lower-case-code": "error 0xc000021a",
    "setup-code": "0xC1900101-0x20017",
    "update": "KB5034441",
    "http": "HTTP 404",
    "browser-code": "ERR_SSL_PROTOCOL_ERROR",
    "browser-code-with-digit": "ERR_HTTP2_PROTOCOL_ERROR",
    "windows-version": "Windows 10.0.19045",
    "macos-version": "macOS 15.1.1",
    "release": "Windows 11 24H2",
    "year": "Office 2021",
    "year-range": "Excel 2016/2019",
    "date-iso": "backup of 2026-11-20",
    "date-de": "Rechnung vom 20.11.2026",
    "serial-number": "PF2X9K7L3M8N4Q1",
    "emergency": "112",
    "six-digits": "code 123456",
    "port": "port 8080",
    "size": "80 x 120 cm",
    "compound": "Microsoft-365-Konto",
    "compound-de": "Windows-11-Rechner",
}


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """End what takes longer, so that a cost that explodes fails at once instead of going on."""

    def end(*_: object) -> None:
        raise TimeoutError(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def grouped(text: str, separator: str) -> str:
    """A number in groups of four."""
    return separator.join(text[start : start + 4] for start in range(0, len(text), 4))


def with_card_digit(digits: str) -> str:
    """Digits with the check digit that makes them a card number (ISO/IEC 7812-1)."""
    total = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[::-2]) + sum(map(int, digits[-2::-2]))
    return digits + str(-total % 10)


def with_iban_digits(country: str, account: str) -> str:
    """An account with its country and right check digits (ISO 13616)."""
    number = int("".join(str(int(sign, 36)) for sign in account + country + "00"))
    return f"{country}{98 - number % 97:02d}{account}"


def filled(template: str, digits: Callable[[], str]) -> str:
    """A template with a digit for each #."""
    return "".join(digits() if sign == "#" else sign for sign in template)


DIGITS = st.text("0123456789", min_size=19, max_size=19)
ACCOUNTS = st.one_of(
    st.tuples(st.just("DE"), st.from_regex(r"\A[0-9]{18}\Z")),
    st.tuples(st.just("FR"), st.from_regex(r"\A[0-9]{10}[A-Z0-9]{11}[0-9]{2}\Z")),
    st.tuples(st.just("GB"), st.from_regex(r"\A[A-Z]{4}[0-9]{14}\Z")),
)
TOKENS = st.text(string.ascii_letters + string.digits, min_size=16, max_size=64).filter(
    lambda text: not text.isalpha() and not text.isdigit() and not text.startswith("0x")
)
PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from((*EMAILS, *IBANS, *CARDS, *WORDS, *STAYS.values())),
    st.sampled_from([template for templates in PHONES.values() for template in templates]).map(
        lambda template: template.replace("#", "5")
    ),
    TOKENS,
)


@pytest.mark.parametrize("address", EMAILS)
def test_email(address: str) -> None:
    """An e-mail address is masked wherever it stands, and what surrounds it stays."""
    masked = mask(f"mail to {address}, (cc:{address}) <{address}>.")

    assert masked == "mail to [e-mail], (cc:[e-mail]) <[e-mail]>."


@SOME
@given(st.emails())
def test_any_email(address: str) -> None:
    """No e-mail address that the standards allow leaves its name or its domain."""
    masked = mask(f"mein Konto {address} ist gesperrt")

    assert "@" not in masked
    assert address.rpartition("@")[2] not in masked
    assert masked.startswith("mein Konto ")
    assert masked.endswith(" ist gesperrt")


@pytest.mark.parametrize(
    "template", [pytest.param(item, id=f"{code} {item}") for code, items in PHONES.items() for item in items]
)
@SOME
@given(digits=st.lists(st.integers(0, 9), min_size=12, max_size=12))
def test_phone(template: str, digits: list[int]) -> None:
    """A telephone number is masked in every form in which the four languages write it."""
    left = iter(digits)
    number = filled(template, lambda: str(next(left)))

    masked = mask(f"call {number}, bitte")

    # From 13 digits on, one number in ten has the check digit of a card.
    kinds = {PHONE_MASK} if sum(map(str.isdigit, number)) < 13 else {PHONE_MASK, CARD_MASK}
    assert masked in {f"call {kind}, bitte" for kind in kinds}


@pytest.mark.parametrize("separator", ["", " ", "-"], ids=["plain", "blanks", "hyphens"])
@SOME
@given(digits=DIGITS, length=st.integers(12, 18))
def test_card(separator: str, digits: str, length: int) -> None:
    """A number of 13 to 19 digits with the right check digit is a card, in groups of four or in one."""
    card = with_card_digit("4" + digits[1:length])

    masked = mask(f"карта {grouped(card, separator)} заблокирована")

    assert masked == f"карта {CARD_MASK} заблокирована"


@pytest.mark.parametrize("card", [*CARDS, "3782 822463 10005"])
def test_known_card(card: str) -> None:
    """The card companies' own test numbers are cards."""
    masked = mask(card)

    assert masked == CARD_MASK


@SOME
@given(DIGITS, st.integers(1, 9))
def test_number_that_is_no_card(digits: str, wrong: int) -> None:
    """Sixteen digits with a wrong check digit are no card, but are masked all the same."""
    card = with_card_digit(digits[:15])
    number = card[:-1] + str((int(card[-1]) + wrong) % 10)

    masked = mask(f"no. {grouped(number, ' ')}!")

    assert masked == f"no. {SECRET_MASK}!"


@pytest.mark.parametrize("length", [16, 20, 23, 24, 40, 100])
def test_long_number(length: int) -> None:
    """A number that is longer than any telephone number is masked, however long it is."""
    masked = mask("no. " + ("1234567890" * 10)[:length])

    assert masked in {f"no. {SECRET_MASK}", f"no. {CARD_MASK}"}


@pytest.mark.parametrize("separator", ["", " ", "-"], ids=["plain", "blanks", "hyphens"])
@pytest.mark.parametrize("iban", IBANS)
def test_known_iban(iban: str, separator: str) -> None:
    """The account numbers that the standard gives as examples are masked, with and without blanks."""
    masked = mask(f"IBAN: {grouped(iban, separator)}.")

    assert masked == f"IBAN: {IBAN_MASK}."


@pytest.mark.parametrize("separator", ["", " "], ids=["plain", "blanks"])
@pytest.mark.parametrize("after", ["is my account", "bitte prüfen", "не работает", "anna@example.org"])
@pytest.mark.parametrize("iban", [iban for iban in IBANS if iban[:2] in {"DE", "FR", "GB", "NO"}])
def test_iban_in_a_sentence(iban: str, after: str, separator: str) -> None:
    """An account number is masked whole and alone when words follow it."""
    masked = mask(f"my account {grouped(iban, separator)} {after}")

    assert masked == f"my account {IBAN_MASK} {after.replace('anna@example.org', EMAIL_MASK)}"


@SOME
@given(ACCOUNTS, st.sampled_from(("", " ")), st.integers(1, 96))
def test_check_digits_of_an_iban(account: tuple[str, str], separator: str, wrong: int) -> None:
    """Right check digits make an account number; wrong ones do not."""
    right = with_iban_digits(*account)
    other = f"{right[:2]}{(int(right[2:4]) - 2 + wrong) % 97 + 2:02d}{right[4:]}"

    masked = mask(grouped(right, separator)), mask(grouped(other, separator))

    assert masked[0] == IBAN_MASK
    assert IBAN_MASK not in masked[1]


@SOME
@given(TOKENS)
def test_token(token: str) -> None:
    """Sixteen letters and digits or more in disorder are a secret."""
    masked = mask(f"token={token} läuft ab")

    assert token not in masked
    assert masked in {f"{SECRET_MASK} läuft ab", f"token={SECRET_MASK} läuft ab"}


@pytest.mark.parametrize(
    "token",
    [
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "deadbeef-1234-4567-89ab-0305e82c3301",
        "12345678-1234-1234-1234-123456789abc",
        "d41d8cd98f00b204e9800998ecf8427e",
        "PF2X9K7L3M8N4Q1Z",
        "c2VjcmV0LXBhc3N3b3Jk/MTIzNDU2Nzg5MA==",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    ],
)
def test_known_token(token: str) -> None:
    """Session numbers, keys and digests are masked whole, also where several digits stand together."""
    masked = mask(f"key {token} expired")

    assert masked == f"key {SECRET_MASK} expired"


@SOME
@given(st.uuids(version=4))
@example(uuid.UUID("deadbeef-1234-4567-89ab-0305e82c3301"))
def test_nothing_of_a_token_is_left(token: uuid.UUID) -> None:
    """No group of a random token can be read afterwards."""
    masked = mask(str(token))

    assert not [group for group in str(token).split("-") if group in masked]


@pytest.mark.parametrize("text", STAYS.values(), ids=STAYS)
def test_stays(text: str) -> None:
    """Error codes, versions, years, short numbers and compound names stay: they are what people search for."""
    masked = mask(f"{text} geht nicht")

    assert masked == f"{text} geht nicht"


@SOME
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.none() | st.integers(0, 999_999)), max_size=12))
def test_words_and_short_numbers_stay(pairs: list[tuple[str, int | None]]) -> None:
    """Ordinary words in four languages stay as they are, with a number of up to six digits between them."""
    text = " ".join(f"{word} {number}" if number is not None else word for word, number in pairs)

    masked = mask(text)

    assert masked == text


@SOME
@given(st.text("abcdefghijklmnopqrstuvwxyzABCXYZàâéèêëïôœçäöüßабвгдеёжзийклмнопрстуфхцчшщъыьэюя '’-.,?!", max_size=300))
def test_letters_alone_stay(text: str) -> None:
    """A text without any digit and without @ has nothing to mask."""
    masked = mask(text)

    assert masked == text


@SOME
@given(st.text(max_size=200) | st.lists(PIECES, max_size=6).map(" ".join) | st.lists(PIECES, max_size=4).map("".join))
@example("DE39 ABCD EFGH IJKL me@example.org")
@example("\ud800@\udfff 1²3٣4५5๖6 AA٣٣aaaaaaaaaaa")
def test_masking_twice_changes_nothing(text: str) -> None:
    """Any text at all can be masked, and what has been masked stays as it is."""
    once = mask(text)

    assert mask(once) == once


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "-", "=", "a-", "1-", "1 ", "(1", "+", "a@", "@", "a.", "0x", "AA11 ", "AA11", "é", "я1", " "],
)
def test_cost_is_linear(piece: str) -> None:
    """Four times the text costs at most eight times as much, whatever it is made of; sixteen would be its square."""

    def cost(length: int) -> float:
        """Seconds of the processor, the least of three."""
        text, times = (piece * length)[:length], []
        for _ in range(3):
            start = time.process_time()
            mask(text)
            times.append(time.process_time() - start)
        return min(times)

    with at_most(seconds=60):
        short, long = cost(10_000), cost(40_000)

    assert long < 8 * short + 0.01
