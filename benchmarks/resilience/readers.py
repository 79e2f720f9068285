"""What readers ask for: articles, and judged queries or titles."""

import random

from benchmarks import corpus
from benchmarks.resilience.crowd import Pages
from portal.settings import Settings


def pages(settings: Settings, source: corpus.Corpus) -> Pages:
    """What readers ask for: articles, and judged queries or titles."""
    edition = corpus.open_edition(settings.data)
    keys = sorted(edition.knowledge.articles)
    asked = corpus.queries(source, edition, 400)
    texts = [(language, text) for (language, _), group in sorted(asked.items()) for text in group]
    chooser = random.Random(corpus.SEED)
    return Pages(tuple(chooser.sample(keys, min(2000, len(keys)))), tuple(chooser.sample(texts, min(2000, len(texts)))))
