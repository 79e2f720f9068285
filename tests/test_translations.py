"""Rules between a text and its translations: what is missing, old, or left out, each at its line; and nothing else."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from portal import library
from portal.articles import Article
from portal.locales import CODES
from portal.outline import read_outline
from portal.problems import Problem
from portal.writing.checking.texts import Collection, Facts
from portal.writing.files.families import read_family
from portal.writing.rules.translations import RULES, of_collection
from tests.builders import write_article

SOURCE = """See [passwords](reset-password.md).

## Start {#start}

1. Open the app, see ![The menu](../images/menu.png).
2. Read [the manual](https://example.org/en-us/vpn) or [more](https://en.wikipedia.org/wiki/VPN).

```sh
# Opens the tunnel
vpn --up
```

## On a phone {#phone}

The same, with [the app](mail-on-phone.md#app).

### iPhone {#iphone}

Tap **VPN**.

## Help {#help}

Ask [us](https://example.org/help)."""

GERMAN = """Siehe [Passwörter](../de/reset-password.md).

## Los {#start}

1. Öffnen Sie die App, siehe ![Das Menü](../images/menu.de.png).
2. Lesen Sie [das Handbuch](https://example.org/de-de/vpn) oder [mehr](https://de.wikipedia.org/wiki/Virtual_Private_Network).

```sh
# Öffnet den Tunnel
vpn --up
```

## Auf dem Telefon {#phone}

Ebenso mit [der App](mail-on-phone.md#app).

### iPhone {#iphone}

Tippen Sie auf **VPN**.

## Hilfe {#help}

Fragen Sie [uns](https://example.org/help)."""


def collected(root: Path, **changes: object) -> Collection:
    """The texts of a folder as the check collects them."""
    texts: dict[tuple[str, str], Facts] = {}
    for slug in sorted({file.slug for file in library.scan(root).files}):
        for code, file in read_family(root, slug, CODES).files.items():
            texts[code, slug] = file.facts()
    return replace(Collection(texts), **changes)  # type: ignore[arg-type]


def checked(root: Path, **changes: object) -> list[tuple[str, int, str]]:
    """Place and code of everything but missing translations."""
    found = of_collection(collected(root, **changes), date(2026, 3, 2))
    return sorted((each.path, each.line, each.code) for each in found if each.code != "missing-translation")


def write(root: Path, german: str = GERMAN, english: str = SOURCE, **fields: str) -> None:
    """A source and a fresh translation; the body begins on line 8."""
    write_article(root, "en", "vpn", "Connect", english)
    fields.setdefault("source", f'"{read_family(root, "vpn", CODES).source.fingerprint}"')
    write_article(root, "de", "vpn", "Verbinden", german, **fields)


def test_a_faithful_translation_has_no_problem(tmp_path: Path) -> None:
    """Pages elsewhere and images may be in its language, remarks in code translated, links written another way."""
    write(tmp_path)

    assert checked(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "code"),
    [
        ("### iPhone {#iphone}\n\nTippen Sie auf **VPN**.\n\n", "", 20, "missing-section"),
        ("## Hilfe {#help}\n\nFragen Sie [uns](https://example.org/help).", "", 24, "missing-section"),
        ("## Los {#start}", "## Zuerst\n\nNur hier.\n\n## Los {#start}", 10, "extra-section"),
        ("{#phone}", "{#telefon}", 20, "changed-anchor"),
        (" {#phone}", "", 20, "changed-anchor"),
        ("```sh\n# Öffnet den Tunnel\nvpn --up\n```", "Öffnen Sie den Tunnel.", 10, "missing-code-block"),
        (", siehe ![Das Menü](../images/menu.de.png)", "", 10, "left-out-image"),
        ("[Passwörter](../de/reset-password.md)", "Passwörter", 8, "missing-link"),
        ("[der App](mail-on-phone.md#app)", "der [App](https://example.org/app)", 20, "missing-link"),
        ("[uns](https://example.org/help)", "uns", 28, "missing-link"),
    ],
)
def test_what_a_translation_lacks_is_found_at_its_section(
    old: str, new: str, line: int, code: str, tmp_path: Path
) -> None:
    """Once; what stands in a section that is missing is not told again."""
    assert old in GERMAN
    write(tmp_path, GERMAN.replace(old, new))

    assert checked(tmp_path) == [("de/vpn.md", line, code)]


def test_an_address_may_move_and_an_article_may_be_linked_by_its_old_name(tmp_path: Path) -> None:
    """Within the text, by redirect or alias, to another page of the same site."""
    german = GERMAN.replace("reset-password.md", "old-password.md").replace("mail-on-phone.md", "alias.md")
    german = german.replace(" oder [mehr](https://de.wikipedia.org/wiki/Virtual_Private_Network)", "")
    german += " [Mehr](https://de.wikipedia.org/wiki/VPN) Und [noch mehr](https://example.org/other)."
    write(tmp_path, german)
    write_article(tmp_path, "en", "reset-password")
    write_article(tmp_path, "en", "mail-on-phone", aliases="[alias]")

    assert checked(tmp_path, redirects={"old-password": "reset-password"}) == []


def test_only_finished_translations_of_the_present_text_are_compared(tmp_path: Path) -> None:
    """A stale one is told to be stale; one of unknown age is compared, for many name no source."""
    short = GERMAN.partition("### iPhone")[0]
    for fields, codes in (
        ({"status": "draft"}, []),
        ({"source": '"0123456789abcdef"'}, [(5, "stale-translation")]),
    ):
        write(tmp_path, short, **fields)
        assert checked(tmp_path) == [("de/vpn.md", line, code) for line, code in codes]

    write_article(tmp_path, "de", "vpn", "Verbinden", short)
    assert [code for _, _, code in checked(tmp_path)] == ["unknown-freshness", "missing-section", "missing-section"]


def test_translations_without_anchors_are_paired_by_order_and_names(tmp_path: Path) -> None:
    """Headings are translated, product names are not: the section that is missing is named, not its neighbour."""
    plain = "\n\n".join(f"## {name} step\n\nDo it." for name in ("First", "Windows", "macOS", "Linux", "Last"))
    german = "\n\n".join(f"## Schritt {name}\n\nTun Sie es." for name in ("eins", "Windows", "Linux", "zuletzt"))
    write(tmp_path, german, plain)

    found = [each for each in of_collection(collected(tmp_path), date(2026, 3, 2)) if each.code == "missing-section"]

    assert [(each.path, each.line, "'macOS step' of en/vpn.md:15" in each.message) for each in found] == [
        ("de/vpn.md", 12, True)
    ]


def test_a_draft_is_a_source_only_where_nothing_is_published(tmp_path: Path) -> None:
    """What readers see is translated from what readers see."""
    write_article(tmp_path, "en", "vpn", "Connect", SOURCE, status="draft")
    write_article(tmp_path, "de", "vpn", "Verbinden", GERMAN)

    assert checked(tmp_path) == [("en/vpn.md", 1, "unknown-freshness")]


def test_what_is_indented_may_be_a_list(tmp_path: Path) -> None:
    """Only code between fences has to be in the translation."""
    write(tmp_path, "## Eins {#one}\n\nText.", "## One {#one}\n\nText.\n\n        indented")

    assert [code for _, _, code in checked(tmp_path) if code == "missing-code-block"] == []


def test_every_code_has_its_rule() -> None:
    """With what to do; each is used by something above, or by the tests of the whole check."""
    codes = [rule.code for rule in RULES]

    assert len(set(codes)) == len(codes) == 11
    assert all(rule.mend.endswith(".") and rule.why.endswith(".") for rule in RULES)


def test_many_sections_are_compared_in_bounded_time() -> None:
    """Thousands of headings in both texts, none of them alike."""

    def facts(code: str, words: str, count: int) -> Facts:
        body = "\n\n".join(f"{'#' * (2 + number % 3)} {words} {number}" for number in range(count))
        article = Article(code, "vpn", "T", "t", date(2026, 1, 5), source="0" * 16 if code == "de" else None)
        return Facts(article, f"{code}/vpn.md", 1, {}, read_outline(body, 1), "0" * 16)

    texts = {("en", "vpn"): facts("en", "Part", 3000), ("de", "vpn"): facts("de", "Teil", 2500)}
    found: list[Problem] = [
        each for each in of_collection(Collection(texts), date(2026, 3, 2)) if each.code == "missing-section"
    ]

    assert len(found) == 500
