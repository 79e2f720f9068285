"""Where the slugs lead that articles had before: chains in one step, loops nowhere."""

from collections.abc import Container, Mapping
from enum import StrEnum


class Fault(StrEnum):
    """Why an old slug leads nowhere."""

    #: It is the slug of an article: that is shown.
    IN_USE = "in use"
    #: No article stands at its end.
    DEAD = "dead"
    #: It comes back to itself, or leads to one that does.
    LOOP = "loop"


def flatten(
    redirects: Mapping[str, str], aliases: Mapping[str, str], slugs: Container[str]
) -> tuple[dict[str, str], dict[str, Fault]]:
    """The article that each old slug leads to, whatever number of names it has had since; and those without one.

    Takes time linear in the number of old slugs, also for one long chain.

    Args:
        redirects: old slugs and what they lead to, of `redirects.yml`; they count before aliases.
        aliases: old slugs and the articles that name them.
        slugs: of the articles that there are.
    """
    steps = {**aliases, **redirects}
    ends: dict[str, str | Fault] = {old: Fault.IN_USE for old in steps if old in slugs}
    for old in steps:
        way: dict[str, None] = {}
        place = old
        while place not in ends and place not in slugs and place in steps and place not in way:
            way[place] = None
            place = steps[place]
        end: str | Fault = Fault.LOOP if place in way else Fault.DEAD
        if place in slugs:
            end = place
        elif place in ends:
            end = ends[place]
        ends.update(dict.fromkeys(way, end))
    leading = {old: end for old, end in ends.items() if not isinstance(end, Fault)}
    return leading, {old: end for old, end in ends.items() if isinstance(end, Fault)}
