"""One-time codes: the standard's own values, the window of time, what may be typed, recovery codes, the picture."""

import base64
import hashlib
import hmac
import struct
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.second_factor import SecondFactor, grouped, new_recovery_codes, new_salt, picture
from tests.builders import NOW

FACTOR = SecondFactor(b"s" * 32)
STEP = timedelta(seconds=30)


def rfc_6238(key: str, at: datetime) -> str:
    """The code of a time, computed as the standard says."""
    counter = struct.pack(">Q", int(at.timestamp()) // 30)
    digest = hmac.new(base64.b32decode(key), counter, hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 10**6:06}"


@given(salt=st.text(min_size=1, max_size=40), at=st.integers(946_684_800, 7_258_118_400))
def test_codes_are_those_of_the_standard(salt: str, at: int) -> None:
    """Every authenticator app computes the same."""
    moment = datetime.fromtimestamp(at, UTC)
    key = FACTOR.key(salt)

    assert len(base64.b32decode(key)) == 20
    assert FACTOR.step(salt, rfc_6238(key, moment), moment, None) == int(moment.timestamp()) // 30


@pytest.mark.parametrize(("steps", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_wrong_by_one_step(steps: int, is_right: bool) -> None:
    """Half a minute either way."""
    shown = rfc_6238(FACTOR.key("salt"), NOW + steps * STEP)

    assert (FACTOR.step("salt", shown, NOW, None) is not None) is is_right


def test_no_step_is_accepted_again() -> None:
    """Nor one before it."""
    shown = rfc_6238(FACTOR.key("salt"), NOW)
    step = FACTOR.step("salt", shown, NOW, None)
    assert step is not None

    assert FACTOR.step("salt", shown, NOW, step) is None
    assert FACTOR.step("salt", shown, NOW, step + 1) is None
    assert FACTOR.step("salt", shown, NOW, step - 1) == step


def test_groups_and_blanks_are_forgiven() -> None:
    """As apps show it, as people type it."""
    shown = rfc_6238(FACTOR.key("salt"), NOW)

    for typed in (
        f"{shown[:3]} {shown[3:]}",
        f" {shown} ",
        f"{shown[:3]}-{shown[3:]}",
        f"{shown[:3]}\u202f{shown[3:]}",
    ):
        assert FACTOR.step("salt", typed, NOW, None) is not None


@given(text=st.text(max_size=60))
def test_nothing_else_is_a_code(text: str) -> None:
    """Whatever is typed: no fault, and no entry but by the three codes of the window."""
    right = {rfc_6238(FACTOR.key("salt"), NOW + steps * STEP) for steps in (-1, 0, 1)}

    assert FACTOR.step("salt", text, NOW, None) is None or "".join(text.replace("-", "").split()) in right


@pytest.mark.parametrize(
    "text", ["", "12345", "1234567", "１２３４５６", "٠١٢٣٤٥", "-12345", "+12345", "1e5000", "\0" * 6]
)
def test_other_digits_are_none(text: str) -> None:
    """Six digits of ASCII."""
    assert FACTOR.step("salt", text, NOW, None) is None


def test_keys_differ_by_person_and_instance() -> None:
    """And are the same for the same."""
    assert FACTOR.key("a") == SecondFactor(b"s" * 32).key("a")
    assert len({FACTOR.key("a"), FACTOR.key("b"), SecondFactor(b"t" * 32).key("a")}) == 3
    assert new_salt() != new_salt()
    assert len(new_salt()) <= 64


def test_recovery_codes_are_random_and_their_hashes_tell_nothing() -> None:
    """120 bits each; the hash depends on person and instance."""
    codes = new_recovery_codes()

    assert len(set(codes)) == 10
    assert all(len(base64.b32decode(code.replace(" ", ""))) == 15 for code in codes)
    hashes = {FACTOR.recovery_hash("a", code) for code in codes}
    assert len(hashes | {FACTOR.recovery_hash("b", codes[0]), SecondFactor(b"t").recovery_hash("a", codes[0])}) == 12
    assert len(max(hashes, key=len)) == 64


def test_recovery_codes_are_read_as_people_type_them() -> None:
    """Small letters, other groups, and the digits that look like letters."""
    expected = FACTOR.recovery_hash("a", "OIOI ABCD 2345 WXYZ")

    assert FACTOR.recovery_hash("a", "0101-abcd-2345-wxyz") == expected
    assert FACTOR.recovery_hash("a", " oioiabcd2345wxyz ") == expected
    assert FACTOR.recovery_hash("a", "OIOI ABCD 2345 WXYA") != expected
    assert FACTOR.recovery_hash("a", "x" * 10_000)


def test_the_address_names_account_and_issuer() -> None:
    """As apps show it, with letters of all languages."""
    address = urlsplit(FACTOR.address("salt", "mia@example.org", "Справка & Hilfe"))
    query = parse_qs(address.query)

    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path) == "/Справка & Hilfe:mia@example.org"
    assert query["secret"] == [FACTOR.key("salt")]
    assert query["issuer"] == ["Справка & Hilfe"]


def test_the_picture_is_an_image_without_script() -> None:
    """A `data:` address that the policy allows; dark on light in every colour scheme."""
    shown = picture(FACTOR.address("salt", "mia@example.org", "Help"))

    assert shown.startswith("data:image/svg+xml")
    drawn = unquote(shown)
    assert "<script" not in drawn
    assert "#fff" in drawn


def test_groups() -> None:
    """Four and four."""
    assert grouped("ABCDEFGHIJ") == "ABCD EFGH IJ"
