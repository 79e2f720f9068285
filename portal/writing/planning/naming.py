"""Names for articles' files from titles in any alphabet that the portal's languages have."""

from portal.drafts import file_name

#: Russian as passports write it.
_LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y - e iu ia".replace("-", "").split(" "),
        strict=True,
    )
)


def suggest(title: str) -> str:
    """A slug for a title in any alphabet that the portal's languages have; a word to be replaced where there is none."""
    return file_name("".join(_LATIN.get(sign, sign) for sign in title.casefold()))
