"""What is masked before a search is stored: addresses, numbers and secrets that people paste into a search box."""

import re

EMAIL_MASK, PHONE_MASK, CARD_MASK, IBAN_MASK, SECRET_MASK = "[e-mail]", "[phone]", "[card]", "[iban]", "[secret]"

#: Length of an account number by country (SWIFT IBAN registry).
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
    "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
#: What may stand inside a number that somebody copied from anywhere: blanks of every width, marks of direction that
#: nobody sees, dots, strokes and dashes.
_BLANK = r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
_GAP = rf"(?:{_BLANK}|[./()\u2010-\u2015\u2212-])"
#: The countries of each length; one by one, the pattern takes four times as long to compile.
_COUNTRIES = {
    length: "|".join(country for country, own in IBAN_LENGTHS.items() if own == length)
    for length in sorted(set(IBAN_LENGTHS.values()))
}
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])(?:%s)(?![A-Za-z0-9])"
    % "|".join(rf"(?:{some})\d\d(?:{_GAP}?[A-Za-z0-9]){{{length - 4}}}" for length, some in _COUNTRIES.items()),
    re.IGNORECASE,
)
#: Accents may be signs of their own, as some systems write them.
_WORD = r"\w\u0300-\u036f"
_EMAIL = re.compile(
    rf"""(?:[{_WORD}.!#$%&'*+/=?^`{{|}}~-]{{1,64}}|"[^"@\n]{{1,62}}")[@\uff20](?:\[[^\]\s]{{1,60}}\]|[{_WORD}-]+(?:\.[{_WORD}-]+)*)"""
)
#: A run of digits with at most four separators between two of them; an extension may follow without a blank.
_NUMBER = re.compile(
    rf"(?:(?<!\w)|(?<=tel)|(?<=тел)|(?<=fon))(?:\+{_BLANK}?)?(?:\((?=\+?[\d\s]{{1,6}}\))\+?)?\d(?:{_GAP}{{0,4}}\d){{6,}}"
    r"(?:(?!\w)|(?<=\d{3}[-.\s\u2010-\u2015\u2212]\d{4})(?=x\d{1,5}(?!\d)))",
    re.IGNORECASE,
)
_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_TIME = r"(?:[01]?\d|2[0-4])\.[0-5]\d"
#: A version or network address; not what North Americans and Russians write with dots, nor a card.
_VERSION = (
    r"(?!\d{4}\.\d{4}\.\d{4})"
    r"(?!(?:[178]\.)?[2-9]\d\d\.\d{3}[.-]\d{4}(?!\d))(?!(?:[78]\.)?[3-9]\d\d\.\d{3}[.-]\d\d[.-]\d\d(?!\d))"
    r"(?:[1-9]\d{0,4}(?:\.\d{1,5}){2,3}|[12]\d{4}\.\d{1,5})(?:/\d{1,2})?"
)
_DATE = (
    rf"(?:(?:{_DAY}\.(?:{_MONTH}\.)? ?- ?)?{_DAY}[./-]{_MONTH}[./-]{_YEAR}|{_MONTH}[/-]{_DAY}[/-]{_YEAR}"
    rf"|{_YEAR}[./-]{_MONTH}[./-]{_DAY}|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
)
#: What looks like a long number and is not: days, hours, years, versions, network addresses, quantities, codes such as
#: 30125-1011. A short number may follow, and the name of a release come before.
_HARMLESS = re.compile(
    rf"(?:{_DATE}[ (-]{{1,3}})*(?:{_DATE}|{_TIME} ?- ?{_TIME})(?:[ (-]{{1,3}}{_TIME} ?- ?{_TIME}|[ (-]{{1,3}}[\d.-]{{1,8}}\)?)?"
    rf"|(?:(?:[1-9]\d?|{_YEAR}) (?=[1-9]\d?\.0\.))?{_VERSION}(?:[ -]{{1,3}}{_VERSION})*(?:[ (-]{{1,2}}\d{{1,5}})?"
    rf"|{_YEAR}(?: ?[/-]? ?{_YEAR})+"
    r"|[1-9]\d?(?P<thousands>[ .])\d{3}(?:(?P=thousands)\d{3})+|[1-9]\d{0,2}(?:[ .]000){2,}|[1-9]\d{4}-\d{1,4}(?: ?[/-]? ?[1-9]\d{4}-\d{1,4})*"
)
#: Windows writes its error codes in decimals too: 0x80000000 to 0xFFFFFFFF, or the same below zero.
_ERROR_BEFORE = re.compile(
    r"(?:error|erreur|fehler|fehlercode|ошибк\w{1,3}|exit code|code d['’]erreur)[ :#(]{1,2}$", re.IGNORECASE
)
_BELOW_ZERO = re.compile(r"(?<![^\s(:])[-\u2212]$")
_TOKEN = re.compile(r"(?<!\w)[A-Za-z0-9_+/=-]{16,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
#: A part of a token of this length that mixes letters and digits is no word.
_RANDOM_PART = 12
#: How devices, updates and platforms are called: M401dn, kb5034441, x64.
_MODEL = re.compile(r"[A-Z]{1,6}\d{1,7}[A-Za-z]{0,3}|[a-z]{1,7}\d{1,7}[a-z]{0,3}")


def mask(text: str) -> str:
    """Text in which e-mail addresses, telephone and card numbers, IBANs and long random tokens are replaced.

    Masking twice changes nothing more. Error codes such as 0x80070005, versions, dates and short numbers stay: they
    are what people search for.
    """
    # What one mask has cut off may be a secret by itself; every round masks something or is the last.
    while (masked := _masked(text)) != text:
        text = masked
    return masked


def _masked(text: str) -> str:
    """Text in which every kind has been replaced once."""
    text = _IBAN.sub(lambda match: IBAN_MASK if _is_iban(match[0]) else match[0], text)
    # Looked for from every sign of a long text, the pattern would cost most of the time.
    if "@" in text or "\uff20" in text:
        text = _EMAIL.sub(EMAIL_MASK, text)
    text = _TOKEN.sub(lambda match: SECRET_MASK if _is_secret(match[0]) else match[0], text)
    return _NUMBER.sub(_number, text)


def without_masks(text: str) -> str:
    """Masked text without the masks."""
    return re.sub("|".join(map(re.escape, (EMAIL_MASK, PHONE_MASK, CARD_MASK, IBAN_MASK, SECRET_MASK))), " ", text)


def _is_secret(token: str) -> bool:
    """Whether nobody would write such a word: a part of it is long and mixed, or most of its parts are mixed."""
    if _UUID.fullmatch(token):
        return True
    parts = [part for part in re.split(r"[_+/=-]", token) if part and not re.fullmatch(r"0[xX][0-9A-Fa-f]{1,16}", part)]
    mixed = [part for part in parts if re.search(r"\d", part) and re.search(r"[A-Za-z]", part)]
    # Licence keys are parts of one length; names of models and files are not.
    is_key = len(parts) >= 4 and len(set(map(len, parts))) == 1
    odd = mixed if is_key else [part for part in mixed if not _MODEL.fullmatch(part)]
    return any(len(part) >= _RANDOM_PART for part in mixed) or (bool(odd) and 2 * len(odd) > len(parts))


def _number(match: re.Match[str]) -> str:
    """What a long number becomes."""
    plain = re.sub(_BLANK, " ", re.sub(r"[\u2010-\u2015\u2212]", "-", match[0]))
    if _HARMLESS.fullmatch(plain) or _is_error_code(match):
        return match[0]
    digits = re.sub(r"\D", "", match[0])
    if 13 <= len(digits) <= 19 and _is_luhn(digits):
        return CARD_MASK
    # A telephone number has 7 to 15 digits (ITU-T E.164); what is longer is an account or a serial number.
    return PHONE_MASK if len(digits) <= 15 else SECRET_MASK


def _is_error_code(match: re.Match[str]) -> bool:
    """Whether a number is a Windows error code that is written in decimals."""
    if not re.fullmatch(r"[1-4][0-9]{9}", match[0]):
        return False
    before = match.string[max(0, match.start() - 24) : match.start()]
    if _BELOW_ZERO.search(before):
        return 2**30 <= int(match[0]) <= 2**31
    return 2**31 <= int(match[0]) < 2**32 and _ERROR_BEFORE.search(before) is not None


def _is_luhn(digits: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1)."""
    doubled = (int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    """Whether the check digits of an account number are right (ISO 13616)."""
    compact = re.sub(r"[^A-Za-z0-9]", "", text).upper()
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1
