"""The year that reports are measured on is one: no seam, and parts that fit the totals."""

import pytest
from sqlalchemy import update

from benchmarks.year import make_year
from benchmarks.year_check import check_year
from portal.services import Services
from portal.storage.schema import daily_facts


def test_a_made_year_is_one(portal_services: Services) -> None:
    """Days whose searches are gone come to what late days come to; what does not fit is noticed."""
    make_year(portal_services, 60, searches=60, requests=8, gaps=4)

    check_year(portal_services)
    with portal_services.database.write() as connection:
        one = (daily_facts.c.measure == "searches") & (daily_facts.c.language == "en") & (daily_facts.c.topic == "*")
        connection.execute(update(daily_facts).where(one).values(value=daily_facts.c.value + 5))
    with pytest.raises(ValueError, match="searches"):
        check_year(portal_services)
