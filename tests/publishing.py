"""A folder of articles with the instance that publishes it, as tests use it."""

from datetime import UTC, datetime
from pathlib import Path

from portal.edition import Edition, Editions
from portal.publishing import Publisher, Report
from portal.settings import Settings


class Folder:
    """A folder of articles with the instance that publishes it."""

    def __init__(self, articles: Path, data: Path) -> None:
        self.articles = articles
        self.data = data
        data.mkdir()

    def publish(self, *, rebuild: bool = False, verify: bool = True) -> Report:
        """Publish now."""
        return Publisher(self.articles, self.data).publish(datetime.now(UTC), rebuild=rebuild, verify=verify)

    @property
    def edition(self) -> Edition:
        """What a process that starts now would show."""
        return Editions(self.data, "en", Settings().cuts).current()

    def find(self, language: str, text: str) -> list[str]:
        """Slugs that a search finds."""
        index = self.edition.index
        return [match.slug for match in index.search(language, index.clues(language, text)).matches]
