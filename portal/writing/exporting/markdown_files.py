"""The articles as the files that they are, with all that belongs to them: what `portal articles import` reads back."""

import shutil
from pathlib import Path

from portal import redirects
from portal.parallel import Progress
from portal.writing.exporting.selection import Selection
from portal.writing.exporting.site import copy_images

#: What stands beside the articles, for all languages and in the folder of each.
COMPANIONS = ("topics.yml", "glossary.yml", redirects.NAME, "check.yml")
OF_LANGUAGE = ("synonyms.txt",)


def write_markdown(chosen: Selection, target: Path, progress: Progress) -> None:
    """Copy the files, byte for byte.

    Args:
        chosen: what is exported.
        target: an empty folder.
        progress: told of every file.

    Raises:
        OSError: a file cannot be read or written.
    """
    for code in chosen.languages:
        (target / code).mkdir()
    for done, ((code, slug), file) in enumerate(sorted(chosen.files.items()), 1):
        shutil.copyfile(file.path, target / code / f"{slug}.md")
        progress(done, len(chosen.files))
    names = [*COMPANIONS, *(f"{code}/{name}" for code in chosen.languages for name in OF_LANGUAGE)]
    for name in names:
        path = chosen.root / name
        if path.is_file() and path.resolve().is_relative_to(chosen.root.resolve()):
            shutil.copyfile(path, target / name)
    copy_images(chosen, chosen.all_images, target)
