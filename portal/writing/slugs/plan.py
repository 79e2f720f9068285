"""What renaming or retiring an article does to the files: checked, ready, and to be told before it is done."""

from dataclasses import dataclass, field
from pathlib import Path

from portal.errors import PortalError
from portal.writing.files.leftovers import sweep
from portal.writing.files.together import Step, carry_out


class Refused(PortalError):
    """It cannot be done; the message is a sentence that says why. Nothing has been changed."""


@dataclass
class Plan:
    """What is done, checked and ready; paths are relative to the folder of the articles."""

    moved: list[tuple[str, str]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    #: Lines of `redirects.yml`; None for an address that is given up.
    redirects: dict[str, str | None] = field(default_factory=dict)
    #: Links that were turned, by file.
    links: dict[str, int] = field(default_factory=dict)
    #: Translations that stay fresh because their `source` was set anew.
    sources: list[str] = field(default_factory=list)
    #: Topics whose featured articles have changed.
    featured: list[str] = field(default_factory=list)
    #: What people should look at.
    notes: list[str] = field(default_factory=list)
    #: Whether it finishes a rename that was interrupted.
    is_resumed: bool = False
    steps: list[Step] = field(default_factory=list)
    #: What the files held when this was planned.
    read: dict[Path, bytes | None] = field(default_factory=dict)
    #: All of the articles; what a killed command has left in them is removed.
    folders: tuple[Path, ...] = ()

    def carry_out(self) -> None:
        """Change the files, all or none.

        Raises:
            ChangedMeanwhile, HalfDone, OSError: see `together.carry_out`.
        """
        carry_out(self.steps, self.read)
        sweep(self.folders)
