"""The articles as others can take them away: a website that needs no server, or the files themselves."""

import os
from dataclasses import dataclass
from pathlib import Path

from portal.parallel import Progress
from portal.problems import Problem
from portal.writing.exporting.markdown_files import write_markdown
from portal.writing.exporting.selection import Wanted, select
from portal.writing.exporting.site import write_site
from portal.writing.exporting.target import replaced_folder

__all__ = ["Report", "Wanted", "export_markdown", "export_site"]


@dataclass(frozen=True)
class Report:
    """What was exported."""

    #: Articles, each language's text counted.
    articles: int
    languages: tuple[str, ...]
    #: Errors of the files that were left out.
    problems: tuple[Problem, ...]
    #: The zip file; None where none was wanted.
    archive: Path | None = None


def export_site(
    root: Path,
    target: Path,
    wanted: Wanted,
    default_language: str,
    progress: Progress,
    *,
    site_name: str = "",
    base_url: str = "",
    is_packed: bool = False,
) -> Report:
    """Make a website of the articles; the target stays as it is until the new one is complete.

    Args:
        root: folder of the articles.
        target: folder of the site.
        wanted: which articles.
        default_language: the likeliest source of a family.
        progress: told of every step.
        site_name: empty is “Help centre” in the reader's language.
        base_url: where the site will be; empty where that is not known.
        is_packed: whether to make a zip file of it as well, beside it.

    Raises:
        CannotStart: there is nothing to export, or it would replace what no export has made.
        OSError: a file cannot be read or written.
    """
    chosen = select(root, default_language, wanted)
    archive = _archive(target) if is_packed else None
    with replaced_folder(target, root, archive) as part:
        write_site(chosen, part, site_name, base_url.rstrip("/"), progress)
    return Report(len(chosen.files), chosen.languages, chosen.problems, archive)


def export_markdown(
    root: Path, target: Path, wanted: Wanted, default_language: str, progress: Progress, *, is_packed: bool = False
) -> Report:
    """Copy the articles' files with all that belongs to them; see `export_site`."""
    chosen = select(root, default_language, wanted)
    archive = _archive(target) if is_packed else None
    with replaced_folder(target, root, archive) as part:
        write_markdown(chosen, part, progress)
    return Report(len(chosen.files), chosen.languages, chosen.problems, archive)


def _archive(target: Path) -> Path:
    """The zip file of an export, beside it."""
    target = Path(os.path.abspath(target))  # noqa: PTH100 - as the folder itself is taken
    return target.with_name(f"{target.name}.zip")
