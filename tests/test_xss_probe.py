"""The attacks bite where nothing is escaped, so that finding none of them elsewhere means something."""

import markdown
import pytest
from playwright.sync_api import Browser

from tests.attacking import ATTACKS, MARKDOWN, PICTURE, PLACES, Watch

pytestmark = pytest.mark.browser
#: Nobody listens there; the tab is given what it opens.
HERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def bitten(browser: Browser) -> dict[str, list[str]]:
    """What is noticed of each attack at its place without escaping, without a policy."""
    watch, found = Watch(browser, HERE, bypass_csp=True), {}
    watch.context.route("**/*", lambda route: route.fulfill(status=404, body=""))
    texts = {name: PLACES[place].format(text) for name, (place, text) in ATTACKS.items() if place}
    for number, text in enumerate(MARKDOWN):
        extensions = ["attr_list", "tables", "fenced_code", "footnotes", "admonition", "def_list", "md_in_html"]
        texts[f"markdown {number}"] = markdown.markdown(text, extensions=extensions)
    texts["picture"] = PICTURE
    texts["template"] = "<p>5332114</p>"
    for name, text in texts.items():
        watch.faults.clear()
        watch.page.goto("about:blank")
        watch.page.set_content(f'<!doctype html><meta charset="utf-8"><body>{text}')
        watch.page.evaluate("new Promise((done) => { setTimeout(done); })")
        watch.examine()
        found[name] = list(watch.faults)
    watch.close()
    return found


def test_at_least_forty_attacks_of_many_classes() -> None:
    """And none twice."""
    texts = [text for _, text in ATTACKS.values()]
    assert len(set(texts)) == len(texts) >= 40
    assert {place for place, _ in ATTACKS.values()} >= set(PLACES)


def test_each_is_noticed_where_nothing_is_escaped(bitten: dict[str, list[str]]) -> None:
    """A script that ran, an element, an attribute, a link, a request to another host."""
    assert [name for name, faults in bitten.items() if not faults] == []


def test_scripts_do_run_there(bitten: dict[str, list[str]]) -> None:
    """Most attacks are more than marks: they end in a call."""
    ran = [name for name, faults in bitten.items() if any("script of an attacker ran" in fault for fault in faults)]
    assert len(ran) >= 25, sorted(set(bitten) - set(ran))


def test_a_policy_that_had_to_help_is_noticed(browser: Browser) -> None:
    """Under the portal's own policy an attack does nothing, and is a fault all the same."""
    watch = Watch(browser, HERE)
    policy = {"Content-Security-Policy": "default-src 'none'", "Content-Type": "text/html; charset=utf-8"}
    watch.context.route(
        "**/*", lambda route: route.fulfill(status=200, headers=policy, body="<img src=x onerror=__xss()>")
    )
    watch.look(HERE)
    watch.close()
    assert any("the policy had to refuse" in fault for fault in watch.faults)
    assert not any("attacker ran" in fault for fault in watch.faults)
