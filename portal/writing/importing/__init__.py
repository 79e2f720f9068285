"""Articles from elsewhere: a folder of Markdown in any manner becomes articles of the portal, with a report of each."""

from portal.writing.importing.mapping import IDENTITY, BadMapping, Rules, example, read_mapping
from portal.writing.importing.report import Entry, Outcome, Report
from portal.writing.importing.taking import import_folder, unnamed_topics

__all__ = [
    "IDENTITY",
    "BadMapping",
    "Entry",
    "Outcome",
    "Report",
    "Rules",
    "example",
    "import_folder",
    "read_mapping",
    "unnamed_topics",
]
