"""Renaming and retiring articles: all files, links and addresses at once, or none; everything else stays byte for byte."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import library, redirects
from portal.articles import fingerprint
from portal.cli import main
from portal.errors import PortalError
from portal.outline import read_outline
from portal.writing.files import together
from portal.writing.files.beside import CannotEdit, with_featured, with_redirects
from portal.writing.files.relinking import relink
from portal.writing.slugs.renaming import plan_rename, plan_retirement
from tests.builders import write_article


def print_of(root: Path, language: str, slug: str) -> str:
    """The fingerprint of a text."""
    article = library.parse((root / language / f"{slug}.md").read_bytes(), language, slug, "").article
    assert article is not None
    return fingerprint(article)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A VPN article in two languages, and others that link to it."""
    root = tmp_path / "articles"
    write_article(root, "en", "vpn", "Connect to the VPN", "## Start {#start}\n\nSee [above](vpn.md#start).")
    write_article(root, "fr", "vpn", "Se connecter au VPN", "## Démarrer {#start}\n\nVoilà.")
    write_article(root, "en", "wifi", "Wi-Fi", "First the [VPN](vpn.md#start), then `[VPN](vpn.md)`.", aliases="[wlan]")
    write_article(
        root, "de", "wifi", "WLAN", "Zuerst das [VPN](../en/vpn.md).", source=f'"{print_of(root, "en", "wifi")}"'
    )
    write_article(root, "ru", "wifi", "Вайфай", "Сначала [VPN](vpn.md).", source='"0123456789abcdef"')
    (root / "topics.yml").write_text(
        "# Shelves\naccounts: # first\n  featured: [wifi, 'vpn'] # both\n  name: {en: A, fr: A, de: A, ru: A}\n",
        encoding="utf-8",
    )
    return root


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file's bytes."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def run(*arguments: str) -> Result:
    """A command of `portal articles`."""
    return CliRunner().invoke(main, ["articles", *arguments])


def test_a_rename_takes_everything_with_it(root: Path) -> None:
    """Files, links of all kinds in all languages, featured articles, and the old slug's line; it says what it did."""
    before = snapshot(root)

    result = run("rename", "vpn", "connect-vpn", "--articles", str(root))

    after = snapshot(root)
    assert result.exit_code == 0, result.output
    assert after["redirects.yml"].endswith(b"\nvpn: connect-vpn\n")
    assert {name for name in after if "vpn" in name} == {"en/connect-vpn.md", "fr/connect-vpn.md"}
    assert after["en/connect-vpn.md"] == before["en/vpn.md"].replace(b"(vpn.md#", b"(connect-vpn.md#")
    assert after["fr/connect-vpn.md"] == before["fr/vpn.md"]
    assert b"[VPN](connect-vpn.md#start), then `[VPN](vpn.md)`." in after["en/wifi.md"]
    assert b"(../en/connect-vpn.md)" in after["de/wifi.md"]
    assert after["topics.yml"] == before["topics.yml"].replace(b"'vpn'", b"'connect-vpn'")
    for line in ("renamed   en/vpn.md → en/connect-vpn.md", "redirect  vpn → connect-vpn", "links     ru/wifi.md: 1",
                 "source    de/wifi.md: ", "featured  topics.yml: accounts"):  # fmt: skip
        assert line in result.output


def test_translations_stay_as_fresh_as_they_were(root: Path) -> None:
    """A turned link is no change that a translator must follow; what was stale before stays so."""
    plan_rename(root, "vpn", "connect-vpn", "en").carry_out()

    sources = {code: (root / code / "wifi.md").read_text(encoding="utf-8") for code in ("de", "ru")}
    assert f'source: "{print_of(root, "en", "wifi")}"' in sources["de"]
    assert 'source: "0123456789abcdef"' in sources["ru"]


def test_a_dry_run_changes_nothing(root: Path) -> None:
    """The same words, no deed; also as JSON."""
    before = snapshot(root)

    told = run("rename", "vpn", "connect-vpn", "--dry-run", "--articles", str(root)).output
    values = json.loads(run("rename", "vpn", "connect-vpn", "--dry-run", "--json", "--articles", str(root)).stdout)

    assert snapshot(root) == before
    assert "renamed   fr/vpn.md → fr/connect-vpn.md" in told
    assert "Nothing was changed" in told
    assert values["redirects"] == {"vpn": "connect-vpn"}
    assert values["links"] == {"en/connect-vpn.md": 1, "en/wifi.md": 1, "de/wifi.md": 1, "ru/wifi.md": 1}
    assert values["done"] is False


def test_renamed_there_and_back_all_is_as_before(root: Path) -> None:
    """The name that it gets back is no old slug any more; the one in between is."""
    before = snapshot(root)

    plan_rename(root, "vpn", "tunnel", "en").carry_out()
    plan_rename(root, "tunnel", "vpn", "en").carry_out()

    after = snapshot(root)
    assert redirects.read(root).mapping == {"tunnel": "vpn"}
    assert {name: raw for name, raw in after.items() if name != "redirects.yml"} == before


def test_an_alias_of_its_own_becomes_its_slug(root: Path) -> None:
    """It leaves the front matter, where it would lead to itself."""
    plan_rename(root, "wifi", "wlan", "en").carry_out()

    assert "aliases" not in (root / "en" / "wlan.md").read_text(encoding="utf-8")
    assert redirects.read(root).mapping == {"wifi": "wlan"}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("vpm", "tunnel", "Did you mean vpn?"),
        ("vpn", "wifi", "en/wifi.md, de/wifi.md, ru/wifi.md exist already"),
        ("vpn", "vpn", "en/vpn.md, fr/vpn.md exist already"),
        ("vpn", "wlan", "wlan is an alias of wifi (en/wifi.md)"),
        ("vpn", "wireless", "wireless is an old slug and leads to wifi (redirects.yml:1)"),
        ("vpn", "lost", "lost is an old slug of another article (redirects.yml:2)"),
        ("wireless", "air", "It is wifi now."),
        ("vpn", "../en/x", "is no slug"),
        ("vpn", "Tunnel", "is no slug"),
        ("vpn", "x" * 121, "is no slug"),
        ("../../etc/passwd", "x", "There is no article"),
    ],
)
def test_what_would_mislead_is_refused(old: str, new: str, why: str, root: Path) -> None:
    """With a sentence and exit code 1, and nothing is changed."""
    (root / "redirects.yml").write_text("wireless: wifi\nlost: ~\n", encoding="utf-8")
    before = snapshot(root)

    result = run("rename", old, new, "--articles", str(root))

    assert result.exit_code == 1
    assert why in result.output
    assert snapshot(root) == before


def test_files_that_cannot_be_changed_safely_are_refused(root: Path) -> None:
    """A faulty file of redirects, links instead of files, a text that is not even read."""
    (root / "redirects.yml").write_text("a: [\n", encoding="utf-8")
    with pytest.raises(CannotEdit, match=r"redirects.yml:2: .*Mend it first"):
        plan_rename(root, "vpn", "tunnel", "en")
    (root / "redirects.yml").unlink()
    (root / "de" / "vpn.md").symlink_to(root / "en" / "vpn.md")
    with pytest.raises(PortalError, match=r"de/vpn.md is a symbolic link"):
        plan_rename(root, "vpn", "tunnel", "en")
    (root / "de" / "vpn.md").unlink()
    (root / "de" / "vpn.md").write_bytes(b"x" * (library.MAX_BYTES + 1))
    with pytest.raises(PortalError, match=r"de/vpn.md is not read"):
        plan_rename(root, "vpn", "tunnel", "en")


def test_a_text_with_an_error_is_left_to_its_writer(root: Path) -> None:
    """Its links are named, not touched; the redirect carries them meanwhile."""
    path = write_article(root, "ru", "wifi", body="[VPN](vpn.md)", nonsense="true")
    before = path.read_bytes()

    plan = plan_rename(root, "vpn", "tunnel", "en")
    plan.carry_out()

    assert plan.notes == ["ru/wifi.md has an error; look for links to vpn.md yourself"]
    assert path.read_bytes() == before


def test_retiring_lets_every_address_lead_to_the_other_article(root: Path) -> None:
    """Its aliases too, which would be deleted with it; anchors that the other article lacks go."""
    write_article(root, "fr", "wifi", "Wi-Fi", "Voir [VPN](vpn.md#start) et [VPN](vpn.md#other).")
    (root / "redirects.yml").write_text("radio: wifi\n", encoding="utf-8")

    result = run("retire", "wifi", "--to", "vpn", "--force", "--articles", str(root))

    assert result.exit_code == 0, result.output
    assert redirects.read(root).mapping == {"radio": "wifi", "wifi": "vpn", "wlan": "vpn"}
    assert sorted(path.parent.name for path in root.rglob("wifi.md")) == []
    assert "featured: ['vpn'] # both" in (root / "topics.yml").read_text(encoding="utf-8")


def test_languages_that_would_be_lost_are_named(root: Path) -> None:
    """Their readers would be led to another language's text; a draft is no text for them."""
    write_article(root, "de", "vpn", status="draft")
    before = snapshot(root)

    result = run("retire", "wifi", "--to", "vpn", "--articles", str(root))

    assert result.exit_code == 1
    assert "wifi would be deleted in de, ru, and vpn cannot be read there. Translate vpn first, or" in result.output
    assert snapshot(root) == before


def test_links_to_a_retired_article_keep_the_anchors_that_lead_somewhere(root: Path) -> None:
    """By the text that readers of the link's language see."""
    write_article(root, "de", "help", "Hilfe", "[a](wifi.md#start), [b](wifi.md#gone), [c](wifi.md).")

    plan = plan_retirement(root, "wifi", "vpn", "en", is_forced=True)
    plan.carry_out()

    assert "[a](vpn.md#start), [b](vpn.md), [c](vpn.md)." in (root / "de" / "help.md").read_text(encoding="utf-8")
    assert plan.notes == ["de/help.md: vpn has no #gone; the link leads to its top"]


def test_an_address_can_be_given_up_on_purpose(root: Path) -> None:
    """It is written down, so that nobody takes it for lost; links to it are named."""
    plan = plan_retirement(root, "vpn", None, "en")
    plan.carry_out()

    assert redirects.read(root).given_up == {"vpn"}
    assert plan.notes == [f"{code}/wifi.md has links to vpn.md; take them out" for code in ("en", "de", "ru")]
    assert "featured: [wifi] # both" in (root / "topics.yml").read_text(encoding="utf-8")


def test_retiring_needs_a_place_to_lead_to(root: Path) -> None:
    """An article that readers can open, and one answer only."""
    write_article(root, "en", "soon", status="draft")

    outputs = [
        run("retire", "vpn", *options, "--articles", str(root)).output
        for options in (("--to", "soon"), ("--to", "vpn"), ("--to", "none"), (), ("--to", "wifi", "--gone"))
    ]

    for output, why in zip(outputs, ("is a draft", "its own place", "no article", "either", "either"), strict=True):
        assert why in output
    assert (root / "en" / "vpn.md").exists()


@pytest.mark.parametrize("fails_at", range(8))
def test_a_failure_at_any_step_leaves_everything_as_it_was(
    fails_at: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done is taken back, and nothing is left beside."""
    before = snapshot(root)
    do, count = together._do, iter(range(100))

    def failing(*arguments: object) -> None:
        if next(count) == fails_at:
            raise OSError(28, "No space left on device")
        do(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(together, "_do", failing)

    result = run("rename", "vpn", "connect-vpn", "--articles", str(root))

    assert result.exit_code == 1
    assert "No space left on device. Nothing was changed." in result.output
    assert snapshot(root) == before


def test_a_file_that_was_written_meanwhile_is_not_overwritten(root: Path) -> None:
    """The writer's last word counts; nothing is done."""
    plan = plan_rename(root, "vpn", "connect-vpn", "en")
    write_article(root, "ru", "wifi", body="Новое.")
    before = snapshot(root)

    with pytest.raises(together.ChangedMeanwhile):
        plan.carry_out()

    assert snapshot(root) == before


def test_lines_are_put_in_their_alphabetical_place() -> None:
    """Remarks and line ends stay; a file in another order gets them at its end."""
    ordered = b"# Old\r\na: x\r\n# About m\r\nm: x # why"

    assert (
        with_redirects(ordered, {"c": "y", "z": None})
        == b"# Old\r\na: x\r\nc: y\r\n# About m\r\nm: x # why\r\nz: ~\r\n"
    )
    assert with_redirects(b"b: x\na: x\n", {"aa": "y"}, ["b"]) == b"a: x\naa: y\n"
    assert with_redirects(b"z: x\na: x\n", {"b": "y"}) == b"z: x\na: x\nb: y\n"
    with pytest.raises(CannotEdit, match="one line for each"):
        with_redirects(b"{a: x, b: x}\n", {"c": "y"})


def test_featured_articles_keep_the_form_of_their_list() -> None:
    """In brackets or in lines, with remarks; twice in one list they become one."""
    raw = b"a:\n  featured:\n    - old # why\n    - other\nb: {featured: [other, old], name: {en: B}}\n"

    assert with_featured(raw, "old", "new") == (
        b"a:\n  featured:\n    - new # why\n    - other\nb: {featured: [other, new], name: {en: B}}\n", ("a", "b")
    )  # fmt: skip
    assert with_featured(raw, "old", "other")[0] == (
        b"a:\n  featured:\n    - other\nb: {featured: [other], name: {en: B}}\n"
    )


@given(st.text(st.sampled_from("[]()<>`!#:\\\n old.md\"'x~\r"), max_size=120))
@settings(deadline=None, max_examples=300)
def test_turned_links_are_all_that_changes(body: str) -> None:
    """The outline is the same but for those targets; what is no link stays; a second time nothing is left to do."""
    raw = f"---\ntitle: T\n---\n{body} [a](old.md#x)\n\n[r]: ./old.md\n\n[b][r] `old.md`\n".encode()

    done = relink(raw, 4, "old", "brand-new")

    before, after = (
        read_outline(item.decode().replace("\r\n", "\n").replace("\r", "\n"), 1) for item in (raw, done.raw)
    )
    assert done.raw.replace(b"brand-new.md", b"old.md") == raw
    assert relink(done.raw, 4, "old", "brand-new").count == 0
    assert [(link.line, link.is_image) for link in after.links] == [(link.line, link.is_image) for link in before.links]
