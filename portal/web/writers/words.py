"""The words for the states of texts, as writers see them."""

from enum import StrEnum

from flask_babel import lazy_pgettext as _lp

from portal.articles import Freshness
from portal.writing.translation.differences import State


class Visibility(StrEnum):
    """Who sees a text."""

    #: Everybody, as it is in the file.
    PUBLIC = "public"
    #: Everybody in a moment; until then they see what was there before.
    SOON = "soon"
    DRAFT = "draft"
    #: Its topic is for writers.
    INTERNAL = "internal"
    #: It has errors.
    ERROR = "error"


# Translators: who sees a text (de der Text, fr le texte, ru текст).
VISIBILITY = {
    Visibility.PUBLIC: _lp("text", "Readers see this text"),
    Visibility.SOON: _lp("text", "Being published"),
    Visibility.DRAFT: _lp("text", "Draft"),
    Visibility.INTERNAL: _lp("text", "For writers only"),
    Visibility.ERROR: _lp("text", "Has an error: readers do not see it"),
}
# Translators: how a text stands to the one that it was translated from.
FRESHNESS = {
    Freshness.SOURCE: _lp("freshness", "Source"),
    Freshness.FRESH: _lp("freshness", "Up to date"),
    Freshness.STALE: _lp("freshness", "Stale: the source has changed"),
    Freshness.OUTDATED: _lp("freshness", "Out of date: the source has had a critical change"),
    Freshness.UNKNOWN: _lp("freshness", "Freshness not known"),
}
# Translators: what has become of a passage of the source since it was translated.
SOURCE_PASSAGE = {
    State.CHANGED: _lp("passage of a source", "Changed"),
    State.ADDED: _lp("passage of a source", "New"),
    State.REMOVED: _lp("passage of a source", "Removed"),
}
# Translators: what is to be done with a passage of a translation.
TRANSLATED_PASSAGE = {
    State.CHANGED: _lp("passage of a translation", "Stale: translate anew"),
    State.ADDED: _lp("passage of a translation", "Missing: still to be translated"),
    State.REMOVED: _lp("passage of a translation", "No longer in the source"),
}
