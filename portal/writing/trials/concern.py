"""Which of the queries that people asked a draft has to do with: the others need not be asked."""

from collections.abc import Iterable

from portal import markup
from portal.articles import Article
from portal.edition import Edition
from portal.indexing import document
from portal.search.analyzers import terms
from portal.writing.trials.asked import AskedQuery, Kind


class Concern:
    """Says whether a query may find something else because of a draft; the others only weigh their words anew.

    Of what readers of other languages asked, that is what is unanswered: an article that is not in their language takes
    the place of none.

    Args:
        before: the edition without the draft.
        after: the edition with it.
        draft: the text.
    """

    def __init__(self, before: Edition, after: Edition, draft: Article) -> None:
        self._index = after.index
        self._dictionary = after.dictionary
        self._language = draft.language
        told = document(draft, markup.render(draft.body, draft.language))
        texts = [told.title, told.summary, *told.headings, *told.keywords, told.text]
        content = before.content(draft.language, draft.slug)
        if item := before.knowledge.articles.get((draft.language, draft.slug)):
            old = item.article
            texts += [old.title, old.summary, *old.keywords, *old.tags]
            texts += [text for _, *both, _ in (content.sections if content else ()) for text in both]
        self._terms = frozenset(terms(self._language, "\n".join(texts), self._index.split(self._language)))

    def __call__(self, query: AskedQuery) -> bool:
        """Whether a query shares a term with the draft, or has a word that may be put right or translated."""
        source, text = query.language, query.text
        if source != self._language:
            return query.kind is Kind.GAP and self._is_translated(source, text)
        if self._shares(terms(source, text)):
            return True
        clues = self._index.clues(source, text)
        known = all(any(self._index.has(source, term) for term in clue.ways[0].terms) for clue in clues)
        return not known or any(self._shares(way.terms) for clue in clues for way in clue.ways)

    def _is_translated(self, source: str, text: str) -> bool:
        """Whether a query of another language's readers has words of the draft, or words that mean the same."""
        clues = self._index.clues(source, text)
        ways = self._dictionary.ways(source, self._language, clues, text)
        return self._shares(terms(self._language, text)) or any(self._shares(way.terms) for row in ways for way in row)

    def _shares(self, found: Iterable[str]) -> bool:
        """Whether the draft has one of some terms."""
        return not self._terms.isdisjoint(found)
