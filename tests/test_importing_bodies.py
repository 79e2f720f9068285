"""Links, images and boxes of articles from elsewhere."""

from pathlib import Path

import pytest

from tests.exchanging import FRONT, PNG, SIMPLE, article, put, taken


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """An empty folder to import."""
    (tmp_path / "theirs").mkdir()
    return tmp_path / "theirs"


def test_links_between_articles_are_turned(theirs: Path) -> None:
    """Relative, rooted, with the site's address, to anchors as others make them; code stays; dead ones are told."""
    put(theirs, "guides/wi-fi.md", FRONT + "## Before you start!\n\n## Élan vital\n\n## Kept {#own}\n")
    links = [
        "[a](../guides/wi-fi.md)", "[b](../guides/wi-fi/#before-you-start)", "[c](/guides/wi-fi.html#own)",
        "[d](https://old.example.org/docs/guides/wi-fi?x=1)", "[e][ref]", '<a href="../guides/wi-fi.md">e</a>',
        "`[f](../guides/wi-fi.md)`", "[g](https://example.org/guides/wi-fi.md)", '[h]({{< ref "wi-fi.md" >}})',
        "[i](nowhere.md)", "[j](mailto:a@example.org)", "[k](#own-heading)", "\n[ref]: <../guides/wi-fi.md> 'T'\n",
    ]  # fmt: skip
    put(
        theirs,
        "mail/links.md",
        FRONT + "## Own heading\n\n" + "\n".join(links) + "\n\n    [code](../guides/wi-fi.md)\n",
    )

    report = taken(theirs, f"{SIMPLE}addresses: https://old.example.org/docs/\n")
    body = article(theirs, "en", "links").body

    assert "[a](wi-fi.md)\n[b](wi-fi.md#before-you-start)\n[c](wi-fi.md#own)\n[d](wi-fi.md)\n" in body
    assert '<a href="wi-fi.md">e</a>\n`[f](../guides/wi-fi.md)`\n[g](https://example.org/guides/wi-fi.md)\n' in body
    assert "[h](wi-fi.md)\n[i](nowhere.md)\n[j](mailto:a@example.org)\n[k](#own-heading)\n" in body
    assert "[ref]: <wi-fi.md> 'T'" in body
    assert "    [code](../guides/wi-fi.md)" in body
    notes = [note for entry in report.entries for note in entry.notes]
    assert [(line, "nowhere.md" in text) for line, text in notes] == [(17, True)]


def test_links_to_the_addresses_that_pages_give_themselves_are_turned(theirs: Path) -> None:
    """Of Jekyll and Hugo, whatever the file is called; patterns are none, and a file's own path stays where it leads."""
    put(theirs, "_docs/mail.md", FRONT.replace("title:", "permalink: /help/mail-setup/\ntitle:") + "## Start\n")
    put(
        theirs, "content/vpn.md", FRONT.replace("title:", "url: https://old.example.org/docs/tunnel.html\ntitle:") + "B"
    )
    put(theirs, "_docs/odd.md", FRONT.replace("title:", "permalink: /:categories/:title/\ntitle:") + "C")
    links = (
        "[a](/help/mail-setup/)\n[b](/help/mail-setup#start)\n[c](https://old.example.org/docs/tunnel)\n"
        "[d](../mail-setup/)\n[e](mail.md)\n[f](/help/other/)\n[g](https://example.org/help/mail-setup/)\n"
    )
    put(theirs, "_docs/links.md", FRONT + links)

    report = taken(theirs, SIMPLE + "addresses: [/help/, https://old.example.org/docs/]\n")

    assert article(theirs, "en", "links").body == (
        "[a](mail-setup.md)\n[b](mail-setup.md#start)\n[c](tunnel.md)\n"
        "[d](mail-setup.md)\n[e](mail-setup.md)\n[f](/help/other/)\n[g](https://example.org/help/mail-setup/)"
    )
    notes = [text for entry in report.entries for _line, text in entry.notes]
    assert notes == ["'/help/other/' leads to no article that is imported"]


def test_tags_are_taken_apart_as_the_mapping_says(theirs: Path) -> None:
    """At commas; at blanks, as Jekyll does, where it says so and there is no comma."""
    put(theirs, "a.md", FRONT.replace("title:", "tags: toner printer\ntitle:") + "A")
    put(theirs, "b.md", FRONT.replace("title:", "tags: toner, laser printer\ntitle:") + "B")

    taken(theirs)
    plain = article(theirs, "en", "a").tags
    taken(theirs, SIMPLE + "split_at_blanks: tags\n", is_overwriting=True)

    assert plain == ("toner printer",)
    assert article(theirs, "en", "a").tags == ("toner", "printer")
    assert article(theirs, "en", "b").tags == ("toner", "laser printer")


def test_images_are_copied_checked_and_renamed(theirs: Path) -> None:
    """Into one folder; another of the same name is renamed; what is no image, or a program, is left out."""
    put(theirs, "a/map.png", PNG)
    put(theirs, "b/map.png", PNG + b"other")
    put(theirs, "static/Plan Étage.png", PNG + b"third")
    put(theirs, "a/evil.svg", b"<svg onload='x()'></svg>")
    put(theirs, "a/false.png", b"MZ")
    put(theirs, "a/one.md", FRONT + "![A](map.png) ![B](evil.svg) ![C](false.png) ![D](../../../etc/x.png)")
    put(
        theirs,
        "b/two.md",
        FRONT + '![A](map.png "T"){width=300} ![B](/Plan%20Étage.png) ![C](https://example.org/x.png)',
    )

    report = taken(theirs, f"{SIMPLE}images: static\n")

    assert article(theirs, "en", "one").body.startswith("![A](images/map.png) ![B](evil.svg)")
    assert article(theirs, "en", "two").body.startswith(
        '![A](images/map-2.png "T"){width=300} ![B](images/Plan-Etage.png)'
    )
    assert {path.name for path in (theirs.parent / "ours" / "images").iterdir()} == {
        "map.png",
        "map-2.png",
        "Plan-Etage.png",
    }
    notes = " ".join(text for entry in report.entries for _, text in entry.notes)
    assert all(word in notes for word in ("evil.svg", "false.png", "etc/x.png", "elsewhere"))


def test_boxes_of_others_become_ours(theirs: Path) -> None:
    """Docusaurus, GitHub, GitBook; none inside code."""
    boxes = ':::caution Mind\nOne\n:::\n\n> [!NOTE]\n> Two\n> three\n\n{% hint style="danger" %}\nFour\n{% endhint %}\n\n```\n:::note\nx\n:::\n```\n'
    put(theirs, "boxes.md", FRONT + boxes)

    taken(theirs)
    body = article(theirs, "en", "boxes").body

    assert '!!! warning "Mind"\n    One\n' in body
    assert "!!! note\n    Two\n    three\n" in body
    assert "!!! danger\n    Four\n" in body
    assert "```\n:::note\nx\n:::\n```" in body
