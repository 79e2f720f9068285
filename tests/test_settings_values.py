"""What settings say together: hosts, cuts, the database, and in words; which addresses a portal may have."""

from dataclasses import fields
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.locales import CODES
from portal.queries import Cuts
from portal.settings import Settings, load


def test_every_setting_is_explained() -> None:
    """Every setting says in words what it is for."""
    texts = {item.name: item.metadata["help"] for item in fields(Settings)}

    assert all(len(text) > 10 for text in texts.values())
    assert len(set(texts.values())) == len(texts)


@pytest.mark.parametrize(
    ("options", "hosts"),
    [
        ({}, ()),
        ({"base_url": "https://help.example.org"}, ("help.example.org",)),
        ({"base_url": "http://help.example.org:8000"}, ("help.example.org",)),
        ({"base_url": "http://[::1]:8000"}, ("[::1]",)),
        ({"base_url": "http://[::1]"}, ("[::1]",)),
        ({"trusted_hosts": "a.org, .b.org"}, ("a.org", ".b.org")),
        ({"trusted_hosts": "a.org", "base_url": "https://b.org"}, ("a.org",)),
    ],
    ids=["any", "base", "port", "ipv6-port", "ipv6", "trusted", "trusted-first"],
)
def test_hosts(options: dict[str, str], hosts: tuple[str, ...]) -> None:
    """The trusted hosts, or else the host of the public address without port and path, or else any."""
    chosen = load({}, options)

    assert chosen.hosts == hosts


def test_cuts() -> None:
    """Each language has its own two cuts, in whichever order they are written."""
    cuts = load(
        {}, {"search_low_cuts": "ru:0.4,de:0.3,fr:0.2,en:0.1", "search_high_cuts": "en:.5,fr:.6,de:.7,ru:1"}
    ).cuts

    assert cuts == {"en": Cuts(0.1, 0.5), "fr": Cuts(0.2, 0.6), "de": Cuts(0.3, 0.7), "ru": Cuts(0.4, 1.0)}


def test_cuts_unless_told() -> None:
    """The defaults leave room for each of the three verdicts, in every language."""
    cuts = load({}).cuts

    assert list(cuts) == list(CODES)
    assert all(0 < cut.low < cut.high < 1 for cut in cuts.values())


def test_database() -> None:
    """Without an address the database is a file in the instance folder."""
    assert load({}, {"data": "/srv/portal"}).database == "sqlite:////srv/portal/portal.db"
    assert load({}, {"data": "/srv/portal", "database_url": "sqlite:////x.db"}).database == "sqlite:////x.db"


@pytest.mark.parametrize("address", ["http://127.0.0.1:65535", "http://[::1]:60543/", "https://help.example.org"])
def test_every_address_of_a_portal_is_taken(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever port it has; it is served until the other side ends."""
    serve = Mock()
    monkeypatch.setattr("portal.assistant.serve", serve)

    done = CliRunner().invoke(main, ["mcp", "--url", address])

    assert done.exit_code == 0
    assert serve.call_args.args[0].url == address.rstrip("/")
