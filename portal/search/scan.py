"""A text as bytes in which accents, capitals and hyphens make no difference, to look for beginnings of words in."""

import re
from functools import lru_cache
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from portal.search.analyzers import fold
from portal.search.chains import CHAINS

#: Bytes: a blank, and every sign or letter that no language here has.
BLANK, _OTHER = 0x20, 0x1F
#: What may stand for one between an article and its word: “l'accès”.
APOSTROPHES = "'’ʼ"
_BEYOND = re.compile("[\U00010000-\U0010ffff]")


def _byte(letter: str) -> int:
    """The byte of a folded letter or digit; letters that no language here has share one."""
    if letter.isascii():
        return ord(letter)
    return ord(letter) - ord("а") + 0x80 if "а" <= letter <= "я" else _OTHER


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint16]:
    """For each of the first 65,536 characters the two bytes of the scan; a zero is left out."""
    table = np.full((0x10000, 2), (_OTHER, 0), np.uint8)
    # Latin, Greek, Cyrillic; Latin with two accents; superscripts; ligatures; full width.
    for code in (
        *range(0x530),
        *range(0x1E00, 0x1F00),
        *range(0x2070, 0x20A0),
        *range(0xFB00, 0xFB07),
        *range(0xFF10, 0xFF5B),
    ):
        if (sign := chr(code)).isalnum():
            letters = [_byte(letter) for letter in normalize("NFD", fold(sign)) if letter.isalnum()]
            table[code] = (*letters[:2], 0, 0)[:2]
        elif code < 0x80:
            table[code] = code, 0
    for code in range(0x3001):
        if chr(code).isspace():
            table[code] = BLANK, 0
    for code in map(ord, f"-‐‑_\u00ad\u200b\u200c\u200d{APOSTROPHES}"):
        table[code] = 0
    table[0x300:0x370] = 0  # Accents that are signs of their own.
    return table.view(np.uint16).ravel()


def _plain(sign: re.Match[str]) -> str:
    """A sign beyond the first 65,536 as the one that means the same, if there is one: “𝐕” as “V”."""
    return min(normalize("NFKC", sign[0])[0], "\uffff")


def keys_of(language: str, text: str) -> tuple[bytes, NDArray[np.intp]]:
    """A text as the bytes that are scanned, and the place in the text that each comes from."""
    codes = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)
    if len(codes) != len(text):
        text = _BEYOND.sub(_plain, text)
        codes = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)
    pairs = _table().take(codes).view(np.uint8)
    places = pairs.nonzero()[0]
    keys = pairs.take(places)
    if CHAINS[language].letters:
        kept = np.ones(len(keys), np.bool_)
        for vowel in b"aou":  # Of “ae”, “oe”, “ue” the second is left out, here and in what is looked for.
            kept[1:] &= (keys[1:] != ord("e")) | (keys[:-1] != vowel)
        keys, places = keys[kept], places[kept]
    return keys.tobytes(), places >> 1
