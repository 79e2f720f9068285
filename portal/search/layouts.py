"""What was meant by text that was typed with another keyboard layout switched on."""

from functools import lru_cache

#: The keys of a keyboard in rows, small letters and then with the shift key.
_KEYS = {
    "us": "`1234567890-=qwertyuiop[]asdfghjkl;'\\zxcvbnm,./~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:\"|ZXCVBNM<>?",
    "ru": 'ё1234567890-=йцукенгшщзхъфывапролджэ\\ячсмитьбю.Ё!"№;%:?*()_+ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭ/ЯЧСМИТЬБЮ,',
    "de": "^1234567890ß´qwertzuiopü+asdfghjklöä#yxcvbnm,.-°!\"§$%&/()=?`QWERTZUIOPÜ*ASDFGHJKLÖÄ'YXCVBNM;:_",
    "fr": "²&é\"'(-è_çà)=azertyuiop^$qsdfghjklmù*wxcvbn,;:!~1234567890°+AZERTYUIOP¨£QSDFGHJKLM%µWXCVBN?./§",
}
#: The layouts that readers of a language may have switched on by mistake, and the one that they meant.
_MISTAKES = {
    "en": (("ru", "us"), ("fr", "us"), ("de", "us")),
    "fr": (("us", "fr"), ("ru", "fr"), ("ru", "us")),
    "de": (("us", "de"), ("ru", "de"), ("ru", "us")),
    "ru": (("us", "ru"), ("de", "ru"), ("fr", "ru")),
}


@lru_cache
def _table(typed: str, meant: str) -> dict[int, str]:
    """From the signs of one layout to those of another on the same keys."""
    return {ord(sign): other for sign, other in zip(_KEYS[typed], _KEYS[meant], strict=True) if sign != other}


def retyped(language: str, text: str) -> list[str]:
    """The text as the same keys give it on the layouts that a reader of the language may have meant, likeliest first."""
    return list(dict.fromkeys(text.translate(_table(*pair)) for pair in _MISTAKES[language]))
