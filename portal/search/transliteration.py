"""Russian written with Latin letters: two spellings of a word are the same when their skeletons are."""

import re

#: Each Cyrillic letter as the usual schemes write it, brought to one sign or two.
_LATIN = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e zh z i i k l m n o p r s t u f h c ch sh sh ' i ' e iu ia".split(),
        strict=True,
    )
)
#: The schemes' other ways to write the same, the longest first.
_WAYS = (
    ("shch", "sh"), ("sch", "sh"), ("sc", "sh"), ("tsch", "ch"), ("tch", "ch"), ("kh", "h"), ("ts", "c"), ("tz", "c"),
    ("yo", "e"), ("jo", "e"), ("io", "e"), ("yu", "iu"), ("ju", "iu"), ("ya", "ia"), ("ja", "ia"), ("ye", "e"), ("je", "e"),
    ("ie", "e"), ("x", "h"), ("w", "v"), ("j", "i"), ("y", "i"), ("ii", "i"), ("ii", "i"), ("ie", "e"),
)  # fmt: skip
_CYRILLIC = re.compile(r"[а-я]")


def skeleton(word: str) -> str:
    """What the spellings of a folded word in either alphabet have in common."""
    if _CYRILLIC.search(word):
        word = "".join(_LATIN.get(sign, sign) for sign in word)
    word = word.replace("'", "")
    for way, one in _WAYS:
        word = word.replace(way, one)
    return word
