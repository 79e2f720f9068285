"""Where a new request begins: its tier and its impact, by topic."""

from portal.organisation import SUPPLIER_TIER, Organisation

#: What a request begins with that no route is for.
_IMPACT = 3


def route(organisation: Organisation, topic: str = "") -> tuple[int, int]:
    """The tier and the impact (1–5) that a new request begins with.

    Args:
        organisation: as it is set up; a route to a tier that is no longer served leads to the first.
        topic: of the articles; empty where nobody knows.
    """
    served = sorted(
        tier.number for tier in organisation.tiers.values() if tier.is_active and tier.number < SUPPLIER_TIER
    )
    first = served[0] if served else 1
    found = organisation.routes.get(topic)
    if found is None:
        return first, _IMPACT
    return found.tier if found.tier in served else first, found.impact
