"""Tone and typography by language: what each rule finds, where, and what it leaves alone."""

from importlib.resources import files

import pytest

from portal.writing.rules import tone
from tests.one_text import BODY_LINE, codes, problems

FOUND = [
    # Language, text, code, column, what stands there after mending; None where somebody has to think.
    ("en", 'Choose "Save" now.', "straight-quotes", 8, "Choose “Save” now."),
    ("en", "It's the user's.", "straight-apostrophe", 3, "It’s the user’s."),
    ("en", "Wait - it takes time.", "hyphen-as-dash", 5, "Wait – it takes time."),
    ("en", "Wait -- it takes time.", "hyphen-as-dash", 5, "Wait – it takes time."),
    ("en", "One  two.", "double-blank", 4, "One two."),
    ("en", "Do not do it!!!", "repeated-mark", 13, "Do not do it!"),
    ("en", "Press the the key.", "doubled-word", 7, None),
    ("en", "Send an e-mail to us.", "house-word", 9, "Send an email to us."),
    ("en", "See [here](a.md).", "vague-link", 5, None),
    ("fr", 'Choisissez "Non".', "straight-quotes", 12, "Choisissez «\u202fNon\u202f»."),
    ("fr", "Choisissez “Non”.", "foreign-quotes", 12, "Choisissez «\u202fNon\u202f»."),
    ("fr", "L'écran reste noir.", "straight-apostrophe", 2, "L’écran reste noir."),
    ("fr", "Près d'**Edge**.", "straight-apostrophe", 7, "Près d’**Edge**."),
    ("fr", "Vraiment ?", "missing-nbsp", 10, "Vraiment\u202f?"),
    ("fr", "Vraiment? Oui.", "missing-nbsp", 9, "Vraiment\u202f? Oui."),
    ("fr", "**Attention** : fermez-la.", "missing-nbsp", 15, "**Attention**\u00a0: fermez-la."),
    ("fr", "Voici `code` : oui.", "missing-nbsp", 14, "Voici `code`\u00a0: oui."),
    ("fr", "Le bouton « Non\u202f».", "missing-nbsp", 11, "Le bouton «\u202fNon\u202f»."),
    ("fr", "Le bouton «\u202fNon ».", "missing-nbsp", 16, "Le bouton «\u202fNon\u202f»."),
    ("fr", "Si tu veux, recommencez.", "informal-address", 4, None),
    ("fr", "Gardez ton mot de passe.", "informal-address", 8, None),
    ("fr", "1. Choisis la langue.", "informal-address", 4, None),
    ("fr", "Suivez [ce lien](a.md).", "vague-link", 8, None),
    ("de", 'Wählen Sie "Ja".', "straight-quotes", 12, "Wählen Sie „Ja“."),
    ("de", "Wählen Sie „Ja”.", "foreign-quotes", 12, "Wählen Sie „Ja“."),
    ("de", "Das dauert -- leider.", "hyphen-as-dash", 11, "Das dauert – leider."),
    ("de", "Wenn du nicht weiterkommst, rufen Sie an.", "informal-address", 6, None),
    ("de", "Ändern Sie dein Passwort.", "informal-address", 12, None),
    ("de", "1. Klicke auf **OK**.", "informal-address", 4, None),
    ("de", "Man muß warten.", "house-word", 5, None),
    ("de", "Mehr dazu [hier](a.md).", "vague-link", 11, None),
    ("ru", 'Выберите "Да".', "straight-quotes", 10, "Выберите «Да»."),
    ("ru", "Пароль - это секрет.", "hyphen-as-dash", 7, "Пароль\u00a0— это секрет."),
    ("ru", "Пароль — это секрет.", "missing-nbsp", 7, "Пароль\u00a0— это секрет."),
    ("ru", "**Пароль** — «секрет», — и всё.", "missing-nbsp", 11, "**Пароль**\u00a0— «секрет»,\u00a0— и всё."),
    ("ru", "Мы пришлём тебе код.", "informal-address", 12, None),
    ("ru", "1. Нажми кнопку.", "informal-address", 4, None),
    ("ru", "Подробности [здесь](a.md).", "vague-link", 13, None),
]

LEFT_ALONE = [
    # Syntax and code.
    ("en", '`say "no"` and <abbr title="x">y</abbr>, [a](b.md "c"), ![d](images/e.png){title="f"}.'),
    ("en", '!!! note "A title of it"\n    Text.'),
    ("en", '```\nit\'s "code"  here - see\n```\n\n    more "code"'),
    ("en", "| A  | B   |\n|----|-----|\n| x  | y   |"),
    ("en", "-   An item\n-   Another\n\n1.  One\n2.  Two"),
    ("en", "[a]: https://example.org \"Title of 'it'\"\n\nSee [that page][a]."),
    ("en", '<!-- it\'s "hidden"  here -->'),
    # Not what it looks like.
    ("en", 'From 10 - 12, 5 - 3 = 2, `a` or -x, a 15" screen.'),
    ("en", 'Run it with -Name "Jane" -Force.'),
    ("en", "The e-mail-like thing; **E-mail** is what the screen says."),
    ("en", "See [here you choose the language](a.md)."),
    ("fr", "À 10:30, sur C: ou à https://example.org/?a=b;c, `a;b ?`, &nbsp;&amp;."),
    ("fr", "Écrivez\u00a0: «\u202foui\u202f», puis validez\u202f; c’est tout\u202f!"),
    ("fr", "Donnez le ton, sur un ton calme. L’unité TU et les **Ton profil** de l’écran."),
    ("fr", "Term\n:   Sa définition[^1].\n\n[^1]: La note."),
    ("de", "Er sagt „du“ zu ihm, auf dem Knopf steht **Erstelle dein Konto**."),
    ("de", "Das *Droit du travail* und der Befehl DIR, siehe /dir/."),
    ("de", "Si vous avez perdu le mot de passe du compte, vous pouvez le changer."),
    ("ru", "Ошибка «Нажми и работай»; Нажмите кнопку. Откройте мессенджер из-за тем."),
    ("ru", "— Да. Что-то вроде 10 - 12 и Microsoft - Word."),
    ("ru", "Знаки –, —, « » и – / — в таблице.\n\n- — и в списке."),
]


@pytest.mark.parametrize(("language", "body", "code", "column", "mended"), FOUND)
def test_what_is_found_and_how_it_is_mended(
    language: str, body: str, code: str, column: int, mended: str | None
) -> None:
    """At its line and column, and with the mending that the language asks for."""
    found = problems(tone, f"Erste.\n\n{body}" if language == "de" else f"…\n\n{body}", language)

    assert {problem.code for problem in found} == {code}
    assert (found[0].line, found[0].column) == (BODY_LINE + 2, column)
    line = body
    for fix in sorted((problem.fix for problem in found if problem.fix), key=lambda fix: -fix.column):
        assert fix.line == BODY_LINE + 2
        line = line[: fix.column - 1] + fix.text + line[fix.column - 1 + fix.length :]
    assert line == (mended or body)


@pytest.mark.parametrize(("language", "body"), LEFT_ALONE)
def test_what_is_left_alone(language: str, body: str) -> None:
    """Code, addresses, tables, lists, commands, quotations, names of the interface."""
    assert [str(problem) for problem in problems(tone, body, language)] == []


def test_titles_and_summaries_are_prose_too() -> None:
    """They are named at their key; what mends them depends on how YAML quotes them."""
    found = problems(tone, "Bien.", "fr", title="Est-ce l'heure ?", summary="'Si tu peux.'")

    assert [(problem.line, problem.column, problem.code) for problem in found] == [
        (2, 0, "straight-apostrophe"),
        (2, 0, "missing-nbsp"),
        (5, 0, "informal-address"),
    ]
    assert tone.corrected("Est-ce l'heure ?", "fr", {"straight-apostrophe", "missing-nbsp"}) == "Est-ce l’heure\u202f?"
    assert tone.corrected("Est-ce l'heure ?", "fr", {"missing-nbsp"}) == "Est-ce l'heure\u202f?"


@pytest.mark.parametrize("body", ['Choisissez "Non".', "Choisissez “Non”."])
def test_the_french_marks_can_be_read_in_the_message(body: str) -> None:
    """No blanks that nobody sees; the one that is wanted is named."""
    message = problems(tone, body, "fr")[0].message

    assert message.startswith(
        "The quotation marks are « and », with a narrow no-break space (U+202F) inside each, not "
    )


def test_an_odd_mark_is_not_mended() -> None:
    """Nobody but the writer knows which one is missing."""
    found = problems(tone, 'Choose "Save" or "Send now.')

    assert [(problem.code, problem.fix) for problem in found] == [("straight-quotes", None)]


def test_a_line_of_faults_is_not_looked_at_for_ever() -> None:
    """A hundred of a kind in one line are enough to go on with."""
    assert len(codes(tone, "a  b  " * 40_000)) == 100
    assert len(codes(tone, 'We say "a" here.\n\n' * 1_000)) == 1_000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("code: double-blank", "code: no-such-rule", "is no rule"),
        ("    hints: ['  ']\n", "", "with hints"),
        ("spoken: true", "spoken: maybe", "true or false"),
        ("message: There is more", "messages: There is more", "unknown one"),
        (r"\1+(?![\w=])", r"\1+((?![\w=])", "pattern"),
        ("\nru:", "\nes:", "languages"),
    ],
)
def test_wrong_data_is_refused(old: str, new: str, message: str) -> None:
    """A mistake in the file of the rules is named, not passed over."""
    source = files("portal.writing.rules").joinpath("tone.yml").read_text("utf-8")
    assert old in source

    with pytest.raises(ValueError, match=message):
        tone.read_rules(source.replace(old, new, 1))
