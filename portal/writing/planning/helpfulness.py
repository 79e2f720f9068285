"""Whether articles help: votes by revision of the text, the ranking, and translations that do worse than their source."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from portal.edition import Tallies
from portal.knowledge import KnowledgeBase, helpfulness, of_present

#: A translation does clearly worse whose share of yes-votes is so many points below its source's, and so many votes
#: each of them must have before that means anything.
WORSE_BY, ENOUGH = 15, 20
#: So many votes say that an article does not help; below, it may be one person's bad day.
TELLING = 5


@dataclass(frozen=True)
class Standing:
    """What readers think of a text as it is now; votes for its earlier texts do not count."""

    language: str
    slug: str
    yes: int
    votes: int
    #: See `knowledge.helpfulness`.
    score: float

    @property
    def share(self) -> float:
        """Of yes-votes, 0–1."""
        return self.yes / self.votes


@dataclass(frozen=True)
class Alarm:
    """A translation that helps clearly less than what it was made from."""

    translation: Standing
    source: Standing

    @property
    def points(self) -> float:
        """By how many percentage points less."""
        return 100 * (self.source.share - self.translation.share)


@lru_cache(maxsize=2)
def standings(knowledge: KnowledgeBase, tallies: Tallies) -> Mapping[tuple[str, str], Standing]:
    """What readers think of the present texts that have votes, by language and slug; the least helpful first."""
    present = of_present(knowledge.articles, tallies.votes, knowledge.aliases)
    votes = {key: tally for key, tally in present.items() if tally[1]}
    score = helpfulness(votes.values())
    found = [Standing(*key, yes, total, score(yes, total)) for key, (yes, total) in votes.items()]
    found.sort(key=lambda each: (each.score, -each.votes, each.slug, each.language))
    return {(each.language, each.slug): each for each in found}


@lru_cache(maxsize=2)
def alarms(knowledge: KnowledgeBase, tallies: Tallies) -> tuple[Alarm, ...]:
    """The translations that do clearly worse than their source, the worst first."""
    known = standings(knowledge, tallies)
    found = []
    enough = [(key, each) for key, each in known.items() if each.votes >= ENOUGH]
    for (language, slug), each in enough:
        source = knowledge.source(slug)
        other = known.get((source.article.language, slug)) if source else None
        if other is not None and other.language != language and _is_clearly_worse(each, other):
            found.append(Alarm(each, other))
    return tuple(sorted(found, key=lambda alarm: (-alarm.points, alarm.translation.slug, alarm.translation.language)))


def _is_clearly_worse(translation: Standing, source: Standing) -> bool:
    """Whether there are votes enough, and the difference is at least `WORSE_BY` points; exactly, in whole numbers."""
    if min(translation.votes, source.votes) < ENOUGH:
        return False
    difference = source.yes * translation.votes - translation.yes * source.votes
    return 100 * difference >= WORSE_BY * source.votes * translation.votes


def unhelpful(knowledge: KnowledgeBase, tallies: Tallies) -> list[Standing]:
    """The texts that fewer than half of their readers found helpful, of those with enough votes; the worst first."""
    known = standings(knowledge, tallies).values()
    return [each for each in known if each.votes >= TELLING and 2 * each.yes < each.votes]
