"""Addresses, passwords and rights of people, and the choice of a reader's language."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import InvalidInput
from portal.locales import CODES, LANGUAGES, choices, negotiate
from portal.people import EMAIL_LENGTH, PASSWORD_LENGTH, RIGHTS, Person, Right, Role, check_password, clean_email, may

SOME = settings(deadline=None, max_examples=100)
LONG_DOMAIN = ".".join(["d" * 63] * 3) + ".org"


def a_person(*roles: Role) -> Person:
    """Somebody with these roles."""
    return Person(1, "anna.weber@example.org", "Anna Weber", frozenset(roles))


@pytest.mark.parametrize(
    ("typed", "clean"),
    [
        ("anna@example.org", "anna@example.org"),
        ("  anna@example.org\r\n", "anna@example.org"),
        ("Anna.Weber@EXAMPLE.Org", "Anna.Weber@example.org"),
        ("o'neil+vpn@mail.example.co.uk", "o'neil+vpn@mail.example.co.uk"),
        ("a@b.co", "a@b.co"),
        ("1_2-3@4-5.example", "1_2-3@4-5.example"),
        ("post@bücher.example", "post@bücher.example"),
        ("post@BÜCHER.example", "post@bücher.example"),
        ("info@пример.рф", "info@пример.рф"),
        ("info@xn--e1afmkfd.xn--p1ai", "info@xn--e1afmkfd.xn--p1ai"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
        ("anna@" + "d" * 63 + ".org", "anna@" + "d" * 63 + ".org"),
        ("x" * (EMAIL_LENGTH - 196) + "@" + LONG_DOMAIN, "x" * (EMAIL_LENGTH - 196) + "@" + LONG_DOMAIN),
    ],
    ids=[
        "plain", "blanks-around", "capitals", "signs", "shortest", "digits", "umlaut-domain", "umlaut-capitals",
        "cyrillic-domain", "punycode", "longest-name", "longest-label", "longest",
    ],
)  # fmt: skip
def test_good_address(typed: str, clean: str) -> None:
    """An address is taken as it is, with its domain in lower case and no blanks around it."""
    address = clean_email(typed)

    assert address == clean


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "missing"),
        (" \t\r\n", "missing"),
        ("x" * (EMAIL_LENGTH - 195) + "@" + LONG_DOMAIN, "too_long"),
        ("a" * 100_000 + "@example.org", "too_long"),
        ("@" * 254, "invalid_email"),
        ("a." * 120 + "@example.org", "invalid_email"),
        ("anna", "invalid_email"),
        ("anna@", "invalid_email"),
        ("@example.org", "invalid_email"),
        ("anna@localhost", "invalid_email"),
        ("anna@example.o", "invalid_email"),
        ("anna@127.0.0.1", "invalid_email"),
        ("anna@[127.0.0.1]", "invalid_email"),
        ("anna@example.org\r\nBcc: all@example.org", "invalid_email"),
        ("anna@example.org\nbcc:all@example.org", "invalid_email"),
        ("anna\n@example.org", "invalid_email"),
        ("anna@example.org\0", "invalid_email"),
        ("anna@exa\u202emple.org", "invalid_email"),
        ("anna@example.org,boris@example.org", "invalid_email"),
        ("anna,boris@example.org", "invalid_email"),
        ("anna@example.org;boris@example.org", "invalid_email"),
        ("anna@example.org boris@example.org", "invalid_email"),
        ("anna@boris@example.org", "invalid_email"),
        ("Anna Weber <anna@example.org>", "invalid_email"),
        ("<anna@example.org>", "invalid_email"),
        ('"anna weber"@example.org', "invalid_email"),
        ("anna@example.org (home)", "invalid_email"),
        ("mailto:anna@example.org", "invalid_email"),
        ("anna@example.org?subject=x", "invalid_email"),
        (".anna@example.org", "invalid_email"),
        ("anna.@example.org", "invalid_email"),
        ("an..na@example.org", "invalid_email"),
        ("anna@example..org", "invalid_email"),
        ("anna@.example.org", "invalid_email"),
        ("anna@example.org.", "invalid_email"),
        ("anna@-example.org", "invalid_email"),
        ("anna@example-.org", "invalid_email"),
        ("anna@exam_ple_.org", "invalid_email"),
        ("анна@example.org", "invalid_email"),
        ("x" * 65 + "@example.org", "invalid_email"),
        ("anna@" + "d" * 64 + ".org", "invalid_email"),
    ],
    ids=lambda text: ascii(text)[:40],
)
def test_bad_address(typed: str, code: str) -> None:
    """What is no single plain address is refused with the rule that it breaks, and the field that it came from."""
    with pytest.raises(InvalidInput) as refused:
        clean_email(typed, "contact")

    assert (refused.value.field, refused.value.code) == ("contact", code)


@SOME
@given(st.text(max_size=40) | st.emails() | st.tuples(st.emails(), st.text(max_size=5), st.emails()).map("".join))
def test_accepted_address_is_safe_in_a_header(text: str) -> None:
    """Whatever is accepted is one visible word with one @, and is accepted again as it is."""
    try:
        address = clean_email(text)
    except InvalidInput:
        return

    assert address.isprintable()
    assert address.count("@") == 1
    assert not set(address) & set(' ,;:<>()[]"\\')
    assert clean_email(address) == address


@pytest.mark.parametrize(
    "password",
    [
        "kettle-orbit-velvet",
        "abqdefgxyzklmno",
        "пятьслов и один стол",
        "😀😁😂🤣😃😄😅😆😉😊😋😎😍😘🥰",
        "a b c d e f g h",
        "xY7-" * 49 + "q!z?",
    ],
    ids=["words", "shortest", "cyrillic", "emoji", "blanks", "longest"],
)
def test_good_password(password: str) -> None:
    """Any long text may be a password, in any script."""
    refused = None

    try:
        check_password(password, ("Anna Weber", "anna.weber@example.org"))
    except InvalidInput as error:
        refused = error.code

    assert refused is None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "too_short"),
        ("x7-Kq!z?Lm2#vB", "too_short"),
        ("xY7-" * 50 + "q", "too_long"),
        (" " * PASSWORD_LENGTH, "too_common"),
        ("abcdabcdabcdabcd", "too_common"),
        ("anna.weber@example.org", "too_common"),
        ("ANNA.Weber@Example.ORG", "too_common"),
        ("anna weber-schmidt", "too_common"),
        ("Anna Weber-SchmidtAnna Weber-Schmidt", "too_common"),
        ("123456789012345", "too_common"),
        ("passwordpassword", "too_common"),
    ],
    ids=[
        "empty", "one-too-few", "one-too-many", "blanks", "four-signs", "address", "address-capitals", "name",
        "name-twice", "digits-in-order", "password-twice",
    ],
)  # fmt: skip
def test_bad_password(password: str, code: str) -> None:
    """A password that is too short, too long or easy to guess is refused with the reason."""
    with pytest.raises(InvalidInput) as refused:
        check_password(password, ("Anna Weber-Schmidt", "anna.weber@example.org"))

    assert (refused.value.field, refused.value.code) == ("password", code)


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Role.AGENT, {Right.READ_TICKETS, Right.WORK_TICKETS, Right.WRITE_ARTICLES}),
        (Role.WRITER, {Right.READ_TICKETS, Right.WRITE_ARTICLES}),
        (Role.SUPERVISOR, set(Right) - {Right.ADMINISTER}),
        (Role.ADMINISTRATOR, set(Right)),
    ],
    ids=["agent", "writer", "supervisor", "administrator"],
)
def test_rights_of_a_role(role: Role, rights: set[Right]) -> None:
    """Each role has its rights and no others; writers read tickets and do not work on them."""
    person = a_person(role)

    assert {right for right in Right if may(person, right)} == rights


def test_rights_of_several_roles() -> None:
    """Who has several roles has the rights of all of them; who has none has no right."""
    combinations = [roles for count in range(len(Role) + 1) for roles in itertools.combinations(Role, count)]

    granted = {roles: {right for right in Right if may(a_person(*roles), right)} for roles in combinations}

    assert granted == {roles: set().union(*(RIGHTS[role] for role in roles)) for roles in combinations}
    assert granted[()] == set()


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        ([("pt-BR", 1), ("fr-CA", 0.8), ("en", 0.1)], "fr"),
        ([("en", 0.1), ("ru", 0.9)], "ru"),
        ([("en", 0.5), ("fr", 0.5)], "en"),
        ([("fr", 0.5), ("en", 0.5)], "fr"),
        ([("fr", 0), ("ru", 0.1)], "ru"),
        ([("fr", 0)], "de"),
        ([], "de"),
        ([("zh", 1), ("zh-Hant-TW", 0.9)], "de"),
        ([("*", 1)], "de"),
        ([("EN-us", 1)], "en"),
        ([("ru_RU", 1)], "ru"),
        ([("fr-Latn-CA-x-any", 1)], "fr"),
        ([("fre", 1), ("english", 1), ("", 1), ("-fr", 1)], "de"),
    ],
    ids=[
        "region", "quality-first", "equal-in-order", "equal-in-other-order", "zero-is-refused", "only-refused", "empty",
        "unknown", "any", "capitals", "underscore", "long-tag", "no-code",
    ],
)  # fmt: skip
def test_negotiate(wishes: list[tuple[str, float]], language: str) -> None:
    """The language that the browser wants most and the portal has, or else the default."""
    chosen = negotiate(wishes, "de")

    assert chosen == language


@SOME
@given(
    st.lists(st.tuples(st.sampled_from((*CODES, "pt", "zh-TW", "fr-CA", "")) | st.text(max_size=9), st.floats(0, 1)))
)
def test_negotiated_language_exists(wishes: list[tuple[str, float]]) -> None:
    """Whatever a browser sends, the result is one of the four, and no other of the four was wanted more."""
    chosen = negotiate(iter(wishes), "ru")

    wanted = dict.fromkeys(CODES, 0.0)
    for tag, quality in wishes:
        code = tag.lower().replace("_", "-").split("-")[0]
        wanted |= {code: max(quality, wanted[code])} if code in wanted else {}
    assert chosen in LANGUAGES
    assert wanted[chosen] == max(wanted.values())


@pytest.mark.parametrize(
    ("language", "order"),
    [
        ("de", ["de", "en", "fr", "ru"]),
        ("en", ["en", "fr", "de", "ru"]),
        ("fr", ["fr", "en", "de", "ru"]),
        ("ru", ["ru", "en", "de", "fr"]),
    ],
)
def test_choices_order(language: str, order: list[str]) -> None:
    """A reader is shown their own language first, then the likeliest to be understood, of what exists."""
    assert choices(language, CODES) == order
    assert choices(language, {"ru", "de"}) == [code for code in order if code in {"ru", "de"}]
    assert choices(language, ()) == []


def test_languages() -> None:
    """The switch shows the four languages by their own names, in the order of the names; each can replace each."""
    assert [language.name for language in LANGUAGES.values()] == ["Deutsch", "English", "Français", "Русский"]
    assert set(LANGUAGES) == set(CODES)
    assert all({code, *language.fallbacks} == set(CODES) for code, language in LANGUAGES.items())
    assert all(len(language.fallbacks) == 3 for language in LANGUAGES.values())
