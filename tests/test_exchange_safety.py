"""What import and export must not do: take what is not theirs, stop half-way, join strangers, hang, carry programs."""

import os
import shutil
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest

from portal.errors import CannotStart
from portal.knowledge import KnowledgeBase
from portal.writing.exporting import Wanted, export_markdown
from portal.writing.exporting.drawings import fault
from portal.writing.exporting.selection import select
from portal.writing.exporting.target import MARK
from portal.writing.files.together import ChangedMeanwhile
from portal.writing.importing import IDENTITY, Report, bodies, leads
from portal.writing.importing.writing import Staging
from tests.builders import write_article, write_library
from tests.exchanging import FRONT, put, taken

_SVG = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """An empty folder to import."""
    (tmp_path / "theirs").mkdir()
    return tmp_path / "theirs"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Some articles."""
    return write_library(tmp_path / "articles")


def exported(root: Path, name: str = "help", *, is_packed: bool = False) -> Path:
    """Files of the articles, beside them."""
    target = root.parent / name
    export_markdown(root, target, Wanted(), "en", lambda *_: None, is_packed=is_packed)
    return target


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told(report: Report) -> str:
    """All that a report says."""
    return "\n".join(report.lines())


def test_an_export_replaces_its_own_files_and_no_others(root: Path) -> None:
    """What git and the web server keep in the folder stays; what the new export lacks goes, with its folder."""
    site = exported(root)
    put(site, ".git/config", "[core]")
    put(site, "CNAME", "help.example.org")
    put(site, "en/own.txt", "mine")
    shutil.rmtree(root / "ru")
    write_article(root, "en", "brand-new", "New")

    exported(root)

    assert {name: (site / name).is_file() for name in (".git/config", "CNAME", "en/own.txt", "en/brand-new.md")} == {
        ".git/config": True, "CNAME": True, "en/own.txt": True, "en/brand-new.md": True,
    }  # fmt: skip
    assert not (site / "ru").exists()
    assert "en/own.txt" not in (site / MARK).read_text(encoding="utf-8")
    assert not [path for path in site.iterdir() if path.name.startswith(".export")]


def test_a_folder_or_file_that_no_export_made_is_refused(root: Path) -> None:
    """Whatever its names; and nothing of it is changed."""
    docs = root.parent / "docs"
    put(docs, MARK, "sales figures 2019\n")
    put(docs, "thesis.odt", "years")
    site = exported(root)
    put(site, "fr/clash.md", "mine")
    before = contents(site)
    write_article(root, "fr", "clash", "Nouveau")

    with pytest.raises(CannotStart, match="no export"):
        exported(root, "docs")
    with pytest.raises(CannotStart, match=r"clash\.md is no file of an earlier export"):
        exported(root)
    assert contents(site) == before
    assert sorted(contents(docs)) == [MARK, "thesis.odt"]


def test_what_a_mark_names_outside_or_behind_links_is_not_touched(root: Path) -> None:
    """Somebody may have written it by hand."""
    site = exported(root)
    put(root.parent, "private/a.md", "mine")
    put(site, ".git/config", "[core]")
    (site / "away").symlink_to(root.parent / "private")
    with (site / MARK).open("a", encoding="utf-8") as mark:
        mark.write("../private/a.md\naway/a.md\n.git/config\n/etc/hosts\n\n")

    exported(root)

    assert (root.parent / "private" / "a.md").read_text() == "mine"
    assert (site / ".git" / "config").is_file()


def test_only_a_zip_file_of_an_export_is_replaced(root: Path) -> None:
    """Also where another zip file has the name."""
    archive = root.parent / "help.zip"
    for made in ("thesis", "zip"):
        archive.write_bytes(b"my thesis")
        if made == "zip":
            with zipfile.ZipFile(archive, "w") as other:
                other.writestr("help/export.txt", "sales\n")
        before = archive.read_bytes()
        with pytest.raises(CannotStart, match="no zip file of an earlier export"):
            exported(root, is_packed=True)
        assert archive.read_bytes() == before
        assert not (root.parent / "help").exists()
    archive.unlink()

    exported(root, is_packed=True)
    first = archive.read_bytes()
    exported(root, is_packed=True)

    assert archive.read_bytes() == first
    assert sorted(path.name for path in root.parent.iterdir()) == ["articles", "help", "help.zip"]


@pytest.mark.parametrize("at", [1, 4, 9])
def test_an_export_that_fails_half_way_puts_all_back(root: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte."""
    site = exported(root)
    put(site, "CNAME", "help.example.org")
    before = contents(site)
    write_article(root, "en", "brand-new", "New")
    rename, calls = Path.rename, iter(range(1000))

    def fail(self: Path, to: Path) -> Path:
        if next(calls) == at:
            raise OSError(28, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="No space"):
        exported(root)

    assert contents(site) == before


def test_an_alias_that_two_articles_claim_leads_where_the_portal_leads(root: Path) -> None:
    """The same rule, with redirects before and loops nowhere."""
    write_article(root, "en", "aa", "A", aliases="[shared, vpn]")
    write_article(root, "en", "bb", "B", aliases="[shared]")
    (root / "redirects.yml").write_text("vpn: bb\nround: about\nabout: round\n", encoding="utf-8")

    chosen = select(root, "en", Wanted())
    there = KnowledgeBase("", chosen.articles, (), "en", redirects={"vpn": "bb", "round": "about", "about": "round"})

    assert dict(chosen.moved) == there.aliases == {"shared": "bb", "vpn": "bb"}


def test_nothing_written_during_an_import_is_replaced(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a new file nor, with --overwrite, a changed one; all others stay as they were."""
    ours = theirs.parent / "ours"
    for name in ("a", "b", "c"):
        put(theirs, f"en/{name}.md", FRONT + "Theirs")
    settle = Staging.settle

    def meanwhile(stage: Staging) -> None:
        write_article(ours, "en", "b", "Written meanwhile")
        settle(stage)

    monkeypatch.setattr(Staging, "settle", meanwhile)
    with pytest.raises(ChangedMeanwhile, match=r"b\.md was written during the import; nothing was imported"):
        taken(theirs)
    assert sorted(contents(ours)) == ["en/b.md"]

    write_article(ours, "en", "a", "Ours")
    put(ours, "en/b.md", "old")
    before = (ours / "en" / "a.md").read_bytes()
    with pytest.raises(ChangedMeanwhile):
        taken(theirs, is_overwriting=True)
    assert sorted(contents(ours)) == ["en/a.md", "en/b.md"]
    assert (ours / "en" / "a.md").read_bytes() == before


def test_a_file_that_appears_at_the_last_moment_is_not_replaced(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After all comparisons; what was written before it is taken back."""
    ours, link = theirs.parent / "ours", os.link
    for name in ("a", "b"):
        put(theirs, f"en/{name}.md", FRONT + "Theirs")

    def late(source: Path, target: Path) -> None:
        if target.name == "b.md":
            target.write_text("mine")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(ChangedMeanwhile):
        taken(theirs)
    assert contents(ours) == {"en/b.md": b"mine"}


def test_an_import_that_fails_half_way_puts_all_back(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so; new folders go as well."""
    ours, replace = theirs.parent / "ours", Path.replace
    for name in ("en/a", "en/b", "de/n"):
        put(theirs, f"{name}.md", FRONT + "Theirs")
    for name in ("a", "b"):
        write_article(ours, "en", name, "Ours")
    before = contents(ours)

    def full(self: Path, target: Path) -> Path:
        if target.name == "b.md" and self.suffix != ".old":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CannotStart, match="All files are as they were"):
        taken(theirs, is_overwriting=True)
    assert contents(ours) == before
    assert sorted(path.name for path in ours.iterdir()) == ["en"]


def test_only_what_says_so_becomes_a_translation_of_what_was_there(theirs: Path) -> None:
    """The same name is chance; a family's key, or the other text in the same import, is not."""
    ours = theirs.parent / "ours"
    write_article(ours, "en", "contact", "Contact the school")
    put(theirs, "fr/contact.md", FRONT + "Nettoyez les lentilles.")

    assert "refused: en/contact.md is there already, and nothing says" in told(taken(theirs))
    put(theirs, "fr/contact.md", FRONT.replace("---\n", "---\ntranslation_key: contact\n", 1) + "Nettoyez.")
    assert "it becomes a translation of en/contact.md, which was there" in told(taken(theirs, is_trial=True))
    put(theirs, "fr/contact.md", FRONT + "Nettoyez les lentilles.")
    put(theirs, "en/contact.md", FRONT + "Clean the lenses.")
    assert taken(theirs, is_trial=True).counts["refused"] == 2
    assert "becomes a translation" not in told(taken(theirs, is_overwriting=True))
    assert (ours / "fr" / "contact.md").is_file()


def test_a_folder_of_ours_is_told_what_it_joins(theirs: Path) -> None:
    """There slugs are the portal's own, so it is a note."""
    write_article(theirs.parent / "ours", "en", "contact", "Contact the school")
    write_article(theirs, "fr", "contact", "Lentilles")

    report = taken(theirs, IDENTITY)

    assert (report.counts["refused"], "line 1: it becomes a translation" in told(report)) == (0, True)


def test_links_and_headings_take_time_once_each(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not their product; and beyond the library's limits nothing is looked for."""
    counted = Mock(side_effect=bodies.plain_anchor)
    monkeypatch.setattr(leads, "plain_anchor", counted)
    headings = "".join(f"## Heading {number}\n\n" for number in range(200))
    put(theirs, "a.md", FRONT + headings + "".join(f"[a](#q{number})\n" for number in range(150)))

    assert taken(theirs, is_trial=True).counts["refused"] == 0
    assert counted.call_count == 200

    monkeypatch.setattr(bodies, "rewritten", lambda *_: pytest.fail("links were looked for"))
    put(theirs, "a.md", FRONT + "[a](#b)\n" * 2_001)
    assert "too-many-brackets" in told(taken(theirs, is_trial=True))


@pytest.mark.parametrize(
    "drawing",
    [
        "<s:svg xmlns:s='http://www.w3.org/2000/svg'><s:script>alert(1)</s:script></s:svg>",
        f"<svg {_SVG}/onload='alert(1)'>",
        f"<svg {_SVG} onload='alert(1)'/>",
        f"<svg {_SVG}><a><set attributeName='href' to='&#106;avascript:alert(1)'/></a></svg>",
        f"<svg {_SVG}><a xlink:href='&#106;avascript:alert(1)'/></svg>",
        f"<svg {_SVG}><a href=' javascript:alert(1)'/></svg>",
        f"<svg {_SVG}><style>@import url(http://x/y.css);</style></svg>",
        f"<svg {_SVG}><style>@im<!-- -->port 'http://x/y.css';</style></svg>",
        f"<svg {_SVG}><style><![CDATA[a{{fill:u\\72l(http://x)}}]]></style></svg>",
        f"<svg {_SVG}><rect style='fill:url(http://x/y#z)'/></svg>",
        f"<svg {_SVG}><rect fill='url( &quot;//x/y#z&quot; )'/></svg>",
        f"<svg {_SVG}><image href='https://x/y.png'/></svg>",
        f"<svg {_SVG}><image href='data:image/svg+xml;base64,AAAA'/></svg>",
        f"<svg {_SVG}><use href='other.svg#a'/></svg>",
        f"<svg {_SVG} xml:base='http://x/'/>",
        f"<svg {_SVG}><foreignObject/></svg>",
        f"<svg {_SVG}><h:script xmlns:h='http://www.w3.org/1999/xhtml'>alert(1)</h:script></svg>",
        f"<?xml-stylesheet href='#x'?><svg {_SVG}/>",
        f"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg {_SVG}>&a;</svg>",
        f"<?xml version='1.0' encoding='UTF-16'?><svg {_SVG}/>".encode("utf-16"),
        f"<?xml version='1.0' encoding='utf-7'?><svg {_SVG}/>",
        "<html xmlns='http://www.w3.org/1999/xhtml'/>",
        "no drawing",
        b"",
    ],
)
def test_a_drawing_that_does_more_than_draw_is_refused(drawing: str | bytes) -> None:
    """However it is spelled."""
    assert fault(drawing if isinstance(drawing, bytes) else drawing.encode())


def test_drawings_that_only_draw_are_taken(root: Path) -> None:
    """With styles, gradients, pictures within, and what drawing programs add; others stay out of both exports."""
    inkscape = "xmlns:i='http://www.inkscape.org/namespaces/inkscape'"
    good = (
        f"\ufeff<?xml version='1.0' encoding='UTF-8'?><!-- A --><svg {_SVG} {inkscape} viewBox='0 0 9 9' i:version='1' "
        "aria-label='url(x)'><i:view a='http://x'/><style>.a { fill: url(#g); } @media print { .a { fill: red } }</style>"
        "<linearGradient id='g'><stop offset='1' stop-color='#fff'/></linearGradient><use xlink:href='#g'/>"
        "<image href='data:image/png;base64,AAAA'/><path d='M0 0' style='clip-path: url(\"#g\")'/></svg>"
    )
    assert fault(good.encode()) == ""
    for name, drawing in (("good", good), ("evil", f"<svg {_SVG} onload='x()'/>")):
        put(root, f"images/{name}.svg", drawing)

    chosen = select(root, "en", Wanted())

    assert "images/good.svg" in contents(exported(root))
    assert "images/evil.svg" not in contents(exported(root))
    assert [problem.path for problem in chosen.problems] == ["images/evil.svg"]
    assert "'onload'" in chosen.problems[0].message
