"""What every page says of itself at its head: its language, a title and one description, also where it is an error."""

import re
from collections import Counter

from flask import Flask

from portal.people import Role
from portal.services import Services
from tests.builders import PASSWORD, person
from tests.test_access import address, client_of, rules


def test_every_page_says_what_it_is(app: Flask, portal_services: Services) -> None:
    """Search engines, previews of links and lists of open pages have something to show."""
    somebody = person(roles=frozenset({Role.ADMINISTRATOR}))
    portal_services.staff.add(somebody, PASSWORD, portal_services.clock())
    client = client_of(app, portal_services, Role.ADMINISTRATOR)
    statuses: Counter[int] = Counter()
    faults: list[str] = []
    for rule, method in rules(app):
        if method != "GET":
            continue
        answer = client.get(address(app, rule))
        if not 300 <= answer.status_code < 400 and answer.text.startswith("<!doctype html>"):
            statuses[answer.status_code] += 1
            head = answer.text.partition("</head>")[0]
            for wanted in (
                r'<html lang="en" ',
                r"<title>[^<]*\w[^<]* – [^<]*\w</title>",
                r'<meta name="description" content="[^"]{20,200}">',
            ):
                if len(re.findall(wanted, head)) != 1:
                    faults.append(f"{rule.endpoint} ({answer.status_code}): {wanted}")
        answer.close()

    assert faults == []
    assert statuses[200] > 50
    assert statuses[404] > 5
