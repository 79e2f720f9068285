"""What is masked before a search is stored: addresses, numbers and secrets that people paste into a search box."""

import re

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(?:\.[\w-]+)*")
_DIGITS = re.compile(r"(?<![\w+])(?:\+|00)?\(?\d(?:[ .()/-]{0,2}\d){6,22}(?!\w)")
#: At least 16 characters with letters and digits mixed, as passwords, keys and session numbers are.
_TOKEN = re.compile(r"(?<![\w])(?=[A-Za-z0-9_+/=-]*\d)(?=[A-Za-z0-9_+/=-]*[A-Za-z])[A-Za-z0-9_+/=-]{16,}")
_ERROR_CODE = re.compile(r"0x[0-9A-Fa-f]{1,16}")

EMAIL_MASK, PHONE_MASK, CARD_MASK, IBAN_MASK, SECRET_MASK = "[e-mail]", "[phone]", "[card]", "[iban]", "[secret]"


def mask(text: str) -> str:
    """Text in which e-mail addresses, telephone and card numbers, IBANs and long random tokens are replaced.

    Masking twice changes nothing more. Error codes such as 0x80070005 and short numbers stay: they are what people
    search for.
    """
    text = _IBAN.sub(lambda match: IBAN_MASK if _is_iban(match[0]) else match[0], text)
    text = _EMAIL.sub(EMAIL_MASK, text)
    text = _DIGITS.sub(_number, text)
    return _TOKEN.sub(lambda match: match[0] if _ERROR_CODE.fullmatch(match[0]) else SECRET_MASK, text)


def _number(match: re.Match[str]) -> str:
    """What a long number becomes."""
    digits = re.sub(r"\D", "", match[0])
    if 13 <= len(digits) <= 19 and _is_luhn(digits):
        return CARD_MASK
    # A telephone number has 7 to 15 digits (ITU-T E.164); what is longer is an account or a serial number.
    return PHONE_MASK if len(digits) <= 15 else SECRET_MASK


def _is_luhn(digits: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1)."""
    doubled = (int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    """Whether the check digits of an account number are right (ISO 13616)."""
    compact = re.sub(r"[ -]", "", text).upper()
    moved = compact[4:] + compact[:4]
    return 15 <= len(compact) <= 34 and int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1
