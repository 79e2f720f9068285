"""Which section of one text is which of another: of an earlier version, or of a translation."""

from collections.abc import Callable, Sequence

from portal.outline import Heading

#: So many pairs of sections are weighed in all; beyond that they are paired in their order alone.
MOST = 90_000

Likeness = Callable[[int, int], float]


def pair(left: Sequence[Heading], right: Sequence[Heading], likeness: Likeness) -> dict[int, int]:
    """The sections of two texts that are the same one, by their places in the two lists.

    Equal anchors are the same section, wherever it stands. The others are paired in their order, between the same
    neighbours, so that the sum of their likeness is the greatest.

    Args:
        left: headings of the one text.
        right: headings of the other.
        likeness: of two sections by their places; where it is not above 0, they are not the same.
    """
    anchors = {heading.anchor: place for place, heading in reversed([*enumerate(right)])}
    pairs: dict[int, int] = {}
    for place, heading in enumerate(left):
        if heading.anchor in anchors:
            pairs[place] = anchors.pop(heading.anchor)
    taken = set(pairs.values())
    first = weighed = 0
    while first < len(left):
        if first in pairs:
            first += 1
            continue
        end = first
        while end < len(left) and end not in pairs:
            end += 1
        # What follows the same section in the other text, or precedes the same one.
        others = _free(pairs[first - 1] + 1 if first else 0, 1, len(right), taken)
        if not others and end < len(left):
            others = _free(pairs[end] - 1, -1, len(right), taken)[::-1]
        weighed += (end - first) * len(others)
        found = best_pairs(range(first, end), others, likeness, MOST - weighed)
        pairs |= found
        taken |= set(found.values())
        # What has no partner separates nothing from what follows it.
        first = end
    return pairs


def _free(start: int, step: int, count: int, taken: set[int]) -> list[int]:
    """The places from one on, in one direction, up to the first that is taken."""
    place = start
    while 0 <= place < count and place not in taken:
        place += step
    return [*range(start, place, step)]


def best_pairs(left: Sequence[int], right: Sequence[int], likeness: Likeness, rest: int = 0) -> dict[int, int]:
    """The pairs in the order of both whose likeness together is the greatest; of equal ones those that come first.

    Args:
        left: places in the one text.
        right: places in the other.
        likeness: of two places; where it is not above 0, they are no pair.
        rest: below 0, or where there are too many, they are paired in their order alone.
    """
    if rest < 0 or len(left) * len(right) > MOST:
        return {one: other for one, other in zip(left, right, strict=False) if likeness(one, other) > 0}
    width = len(right) + 1
    like = [[likeness(one, other) for other in right] for one in left]
    total = [[0.0] * width for _ in range(len(left) + 1)]
    for one in range(len(left) - 1, -1, -1):
        for other in range(len(right) - 1, -1, -1):
            both = total[one + 1][other + 1] + like[one][other] if like[one][other] > 0 else 0.0
            total[one][other] = max(both, total[one + 1][other], total[one][other + 1])
    pairs: dict[int, int] = {}
    one = other = 0
    while one < len(left) and other < len(right):
        score = like[one][other]
        if score > 0 and total[one][other] == total[one + 1][other + 1] + score:
            pairs[left[one]] = right[other]
            one, other = one + 1, other + 1
        elif total[one][other] == total[one + 1][other]:
            one += 1
        else:
            other += 1
    return pairs
