"""Bytes of mails as text, also where the declared character set is missing, unknown or a lie."""

import codecs
import re

#: Most bytes that are looked at to guess.
_SAMPLE = 20_000
#: What Russian is written in where it is not UTF-8; the first of equals wins.
_CYRILLIC = ("cp1251", "koi8-r", "iso8859-5", "cp866", "mac-cyrillic")
#: The most frequent letters of Russian: in the wrong character set most become capitals, signs or rare letters.
_FREQUENT = frozenset("оеаинтсрвлкмдпуяыьгз")
#: The character sets of text that mails use; among Python's codecs are also some that decode anything, slowly.
_SETS = re.compile(
    r"utf-(?:8|7|16|32)|iso8859|cp\d|koi8|mac-|ascii|kz1048|tis-620|(?:gb|big5|euc|shift|iso2022|johab|hz)"
)
#: Those whose bytes are all ASCII or come in groups: what they say of themselves is believed.
_GROUPED = re.compile(r"utf-(?:7|16|32)|(?:gb|big5|euc|shift|iso2022|johab|hz)")
_TOGETHER = re.compile(rb"[\x80-\xff]{3,}")
#: What programs call the character set of Windows in the West.
_WESTERN = frozenset({"", "utf-8", "ascii", "iso8859-1"})


def decode(content: bytes, declared: str = "") -> str:
    """Bytes as text; what cannot be read becomes a replacement character.

    Args:
        content: of one text.
        declared: the character set that it claims to be in; may be empty or nonsense.
    """
    name = _known(declared)
    if _GROUPED.match(name):
        return content.decode(name, "replace")
    # What can be read as UTF-8 is UTF-8, whatever it says: other texts with letters beyond ASCII never can.
    text = content.decode("utf-8", "replace")
    broken = text[:_SAMPLE].count("\ufffd")
    high = sum(byte >= 0x80 for byte in content[:_SAMPLE])
    is_utf8 = not broken or (name in {"", "utf-8"} and 3 * broken <= high)
    return text if is_utf8 else content.decode(_guessed(content, name), "replace")


def _known(declared: str) -> str:
    """The name of a declared character set; empty where there is none such."""
    try:
        name = codecs.lookup(declared.strip().strip("\"'")[:40]).name
    except (LookupError, ValueError):
        return ""
    return name if _SETS.match(name) else ""


def _guessed(content: bytes, declared: str) -> str:
    """The character set of a text that is not UTF-8."""
    sample = content[:_SAMPLE]
    high = sum(byte >= 0x80 for byte in sample)
    # Among Latin letters those with accents stand alone; Cyrillic ones stand together, also in HTML.
    if 2 * sum(map(len, _TOGETHER.findall(sample))) <= high:
        return "cp1252" if declared in _WESTERN or declared in _CYRILLIC else declared
    candidates = _CYRILLIC if declared in _WESTERN else (declared, *_CYRILLIC)
    return max(candidates, key=lambda name: _likeness(sample, name))


def _likeness(sample: bytes, name: str) -> int:
    """How much bytes look like Russian in a character set."""
    return sum(letter in _FREQUENT for letter in sample.decode(name, "replace"))
