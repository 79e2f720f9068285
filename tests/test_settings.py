"""Settings: where they come from, what is allowed, and what an operator is told about a wrong one."""

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from portal.errors import InvalidSetting
from portal.settings import Settings, load, unknown

HOME = Path.home()
#: What texts of a share for each language mean; the defaults are fitted to judged searches, and have a test of their own.
CUTS: dict[str, Any] = {
    "en:0,fr:1,de:0.25,ru:.5": (("en", 0.0), ("fr", 1.0), ("de", 0.25), ("ru", 0.5)),
    " ru: 0.5 , de:0.25,fr:1,en:0 ": (("ru", 0.5), ("de", 0.25), ("fr", 1.0), ("en", 0.0)),
}
#: Of every setting: its default, and what texts of it mean.
GOOD: dict[str, tuple[Any, dict[str, Any]]] = {
    "articles": (Path("articles"), {"/srv/help": Path("/srv/help"), "~/help": HOME / "help", "a b": Path("a b")}),
    "data": (Path("var"), {"/var/lib/portal": Path("/var/lib/portal"), "статьи": Path("статьи")}),
    "host": ("127.0.0.1", {"0.0.0.0": "0.0.0.0", "::1": "::1"}),
    "port": (8000, {"1": 1, "65535": 65535, " 8080 ": 8080}),
    "workers": (0, {"0": 0, "64": 64}),
    "threads": (8, {"1": 1, "64": 64}),
    "dev": (False, {"true": True, "Yes": True, "1": True, "FALSE": False, "no": False, "0": False}),
    "database_url": ("", {
        "sqlite:////srv/portal.db": "sqlite:////srv/portal.db",
        "postgresql+psycopg://portal@db/portal": "postgresql+psycopg://portal@db/portal",
    }),
    "redis_url": ("", {"redis://cache:6379/0": "redis://cache:6379/0", "rediss://cache:6380/1": "rediss://cache:6380/1"}),
    "secret_keys": ((), {f"{'a' * 32}, {'b' * 32},": ("a" * 32, "b" * 32)}),
    "secret_key_file": (None, {"/run/secrets/portal": Path("/run/secrets/portal"), "~/key": HOME / "key"}),
    "node": ("", {"node-1": "node-1"}),
    "agree_seconds": (60, {"0": 0, "3600": 3600}),
    "drain_seconds": (0, {"0": 0, "300": 300}),
    "base_url": ("", {
        "https://help.example.org": "https://help.example.org",
        "https://example.org/": "https://example.org",
        "http://[::1]:65535": "http://[::1]:65535",
    }),
    "trusted_hosts": ((), {"a.example.org, b.example.org,": ("a.example.org", "b.example.org"), "[::1]": ("[::1]",)}),
    "proxy_count": (0, {"0": 0, "5": 5}),
    "search_engine": ("whoosh", {"postgresql": "postgresql", " Whoosh": "whoosh"}),
    "search_url": ("", {"postgresql+psycopg://portal@replica/portal": "postgresql+psycopg://portal@replica/portal"}),
    "search_low_cuts": (Settings().search_low_cuts, CUTS),
    "search_high_cuts": (Settings().search_high_cuts, CUTS),
    "site_name": ("", {"Aide & Assistance": "Aide & Assistance", " Центр поддержки ": "Центр поддержки"}),
    "default_language": ("en", {"en": "en", "fr": "fr", "DE": "de", "ru": "ru"}),
    "session_hours": (12, {"1": 1, "720": 720}),
    "session_idle_minutes": (60, {"5": 5, "1440": 1440}),
    "oidc_issuer": ("", {
        "https://login.example.org": "https://login.example.org",
        "https://login.example.org:8443/realms/desk/": "https://login.example.org:8443/realms/desk/",
        " http://localhost:9400 ": "http://localhost:9400",
    }),
    "oidc_client_id": ("", {"help-desk": "help-desk"}),
    "oidc_client_secret": ("", {"s3cret": "s3cret"}),
    "oidc_name": ("", {"Beispiel-Konto": "Beispiel-Konto", " Учётная запись ": "Учётная запись"}),
    "time_zone": ("UTC", {"Europe/Berlin": "Europe/Berlin", "UTC": "UTC"}),
    "form_min_seconds": (3, {"0": 0, "60": 60}),
    "form_max_hours": (24, {"1": 1, "720": 720}),
    "requests_per_hour": (30, {"1": 1, "100000": 100_000}),
    "sign_in_attempts": (10, {"1": 1, "1000": 1000}),
    "reopen_days": (30, {"0": 0, "3650": 3650}),
    "chain_minutes": (30, {"1": 1, "1440": 1440}),
    "doubt_sessions": (3, {"1": 1, "1000": 1000}),
    "doubt_days": (7, {"1": 1, "365": 365}),
    "unconfirmed_days": (14, {"1": 1, "3650": 3650}),
    "gaps_per_session": (10, {"1": 1, "100000": 100_000}),
    "gaps_per_network": (30, {"1": 1, "100000": 100_000}),
    "gaps_anonymous": (100, {"0": 0, "100000": 100_000}),
    "gaps_per_hour": (300, {"1": 1, "100000": 100_000}),
    "mail_url": ("", {
        "smtp://mail.example.org": "smtp://mail.example.org",
        "smtps://user:p%40ss@mail.example.org:465": "smtps://user:p%40ss@mail.example.org:465",
        "smtp+starttls://[::1]:587/": "smtp+starttls://[::1]:587/",
        "console:": "console:",
    }),
    "mail_from": ("", {"support@example.org": "support@example.org"}),
    "mail_in": (False, {"true": True, "no": False}),
    "imap_url": ("", {
        "imaps://support:p%40ss%2F1@mail.example.org/INBOX": "imaps://support:p%40ss%2F1@mail.example.org/INBOX",
        "imaps://support%40example.org:x@[::1]:993/Help%20desk/New": "imaps://support%40example.org:x@[::1]:993/Help%20desk/New",
        "imap://a:b@localhost": "imap://a:b@localhost",
    }),
    "imap_every": (30, {"5": 5, "3600": 3600}),
    "link_days": (90, {"1": 1, "3650": 3650}),
    "event_days": (30, {"1": 1, "3650": 3650}),
    "request_months": (12, {"1": 1, "120": 120}),
    "api_per_minute": (60, {"1": 1, "100000": 100_000}),
    "api_token_per_minute": (600, {"1": 1, "100000": 100_000}),
    "webhook_hosts": ((), {"hooks.example.org, .example.net": ("hooks.example.org", ".example.net"), "[::1]": ("[::1]",)}),
    "embed_origins": ((), {
        "https://www.example.org, http://localhost:3000/": ("https://www.example.org", "http://localhost:3000"),
        "HTTPS://Shop.Example.org": ("https://shop.example.org",),
    }),
    "second_factor": ("optional", {"required": "required", "Optional": "optional"}),
    "security_contact": ("", {"security@example.org": "security@example.org"}),
    "log_format": ("text", {"text": "text", "JSON": "json"}),
    "log_level": ("info", {"debug": "debug", "WARNING": "warning", "error": "error"}),
}  # fmt: skip
SHARES = "a number from 0 to 1 for each language, such as en:0.5"
WRONG_SHARES = (
    "0.5", "en:0.5", "en:0,fr:0,de:0,ru:1.01", "en:0,fr:0,de:0,ru:-0.1", "en:0,fr:0,de:0,ru:", "en:0,fr:0,de:0,ru:x",
    "en:0,fr:0,de:0,ru:nan", "en:0,fr:0,de:0,ru:inf", "en:0,fr:0,de:0,ru:0,pt:0", "en:0:1,fr:0,de:0,ru:0", ",",
    "en:0,fr:0,de:0,EN:0", "en:0;fr:0;de:0;ru:0", "\0",
)  # fmt: skip
#: Of every setting that can be wrong: a part of what is said to be allowed, and wrong texts.
BAD: dict[str, tuple[str, tuple[str, ...]]] = {
    "articles": ("path of a folder", ("  ", "a\0b", "~no-such-user/help")),
    "data": ("path of a folder", ("\t", "\0", "~no-such-user/var")),
    "host": ("one line", (" ", "a\nb", "x" * 201, "a\x1bb")),
    "port": ("from 1 to 65535", ("0", "65536", "-1", "+1", "8e3", "80.0", "0x50", "８０", "1" * 5000, "http", "1_000")),
    "workers": ("from 0 to 64", ("65", "two")),
    "threads": ("from 1 to 64", ("0", "65")),
    "dev": ("true, false", ("on", "2", "truee", "ja")),
    "database_url": ("sqlite:///PATH", ("mysql://db/portal", "portal.db", "postgresql://db/portal", "sqlite://")),
    "redis_url": ("redis://HOST:PORT/NUMBER", ("cache:6379", "http://cache", "xredis://cache")),
    "secret_keys": ("at least 32 characters", ("***",)),
    "secret_key_file": ("path of a folder", (" ", "\0", "~no-such-user/key")),
    "node": ("one line", ("a\nb", "x" * 201)),
    "agree_seconds": ("from 0 to 3600", ("3601", "1m")),
    "drain_seconds": ("from 0 to 300", ("301", "5s", "-1")),
    "base_url": (
        "https://help.example.org",
        (
            "a.org", "ftp://a.org", "https://:80", "https://a.org/?q=1", "https://a.org/#a", "https://a b", "http://[:::1]",
            "javascript:alert(1)", "https://u@a.org", "https://a.org\nX: y", "https://a.org:65536", "https://a.org:\u0663",
        ),
    ),
    "trusted_hosts": ("host names separated by commas", (",", "https://a.org", "a.org:80", "a.org/x", "*", "a b", "a;b")),
    "proxy_count": ("from 0 to 5", ("6", "-1")),
    "search_engine": ("whoosh, postgresql", ("elastic", "postgres")),
    "search_url": ("postgresql+psycopg://USER@HOST/NAME", ("sqlite:///x.db", "postgresql://db/portal", "redis://x")),
    "search_low_cuts": (SHARES, WRONG_SHARES),
    "search_high_cuts": (SHARES, WRONG_SHARES),
    "site_name": ("one line of 1 to 200 characters", ("\t ", "x" * 201, "a\nb", "a\u202eb")),
    "default_language": ("en, fr, de, ru", ("pt", "en-GB", "english")),
    "session_hours": ("from 1 to 720", ("0", "721", "12h")),
    "session_idle_minutes": ("from 5 to 1440", ("4", "1441", "1h")),
    "oidc_issuer": (
        "https://login.example.org",
        (
            "login.example.org", "http://login.example.org", "http://localhost.example.org", "https://a.org:0", "ldap://a",
            "https://user@example.org", "https://example.org/?a=1", "https://example.org/#a", "https://a b", "https://a\nb",
        ),
    ),
    "oidc_client_id": ("one line of 1 to 200 characters", (" ", "x" * 201, "a\nb")),
    "oidc_client_secret": ("one line of 1 to 200 characters", ("\t", "x" * 201, "a\0b")),
    "oidc_name": ("one line of 1 to 200 characters", (" ", "x" * 201, "a\u202eb")),
    "time_zone": ("Europe/Berlin", ("Europe/Nowhere", "../../etc/passwd", "/etc/passwd", "Europe", "\0", "+01:00")),
    "form_min_seconds": ("from 0 to 60", ("61", "0.5")),
    "form_max_hours": ("from 1 to 720", ("0", "721")),
    "requests_per_hour": ("from 1 to 100000", ("0", "100001")),
    "sign_in_attempts": ("from 1 to 1000", ("0", "1001")),
    "reopen_days": ("from 0 to 3650", ("3651", "-1")),
    "chain_minutes": ("from 1 to 1440", ("0", "1441")),
    "doubt_sessions": ("from 1 to 1000", ("0", "1001")),
    "doubt_days": ("from 1 to 365", ("0", "366")),
    "unconfirmed_days": ("from 1 to 3650", ("0", "3651")),
    "gaps_per_session": ("from 1 to 100000", ("0", "100001")),
    "gaps_per_network": ("from 1 to 100000", ("0", "100001")),
    "gaps_anonymous": ("from 0 to 100000", ("-1", "100001")),
    "gaps_per_hour": ("from 1 to 100000", ("0", "100001")),
    "mail_url": (
        "smtp://[USER:PASSWORD@]HOST[:PORT]",
        ("smtp://", "http://mail", "mail.example.org", "smtp://mail:0", "smtp://mail:99999", "smtp://mail/x", "console", "smtp://a b"),
    ),
    "mail_from": ("support@example.org", ("support", "a@b", "a@example.org, b@example.org", "a@example.org\nBcc: c@d.org")),
    "mail_in": ("true, false", ("on",)),
    "imap_url": (
        "imaps://USER:PASSWORD@HOST[:PORT]/FOLDER",
        (
            "mail.example.org", "imaps://mail.example.org/INBOX", "imaps://user@mail.example.org/INBOX",
            "pop3://a:b@mail.example.org/INBOX", "imaps://a:b@/INBOX", "imaps://a:b@host:0/INBOX", "imaps://a:b@host:99999/INBOX",
            "imaps://a:b@host/IN BOX", 'imaps://a:b@host/"x"', "imaps://a:b@host/a%0d%0aLOGOUT", "imaps://a:p@ss@host/INBOX",
            "imaps://a%0A:b@host/INBOX",
        ),
    ),
    "imap_every": ("from 5 to 3600", ("4", "3601")),
    "link_days": ("from 1 to 3650", ("0", "3651")),
    "event_days": ("from 1 to 3650", ("0", "3651")),
    "request_months": ("from 1 to 120", ("0", "121")),
    "api_per_minute": ("from 1 to 100000", ("0", "100001")),
    "api_token_per_minute": ("from 1 to 100000", ("0", "100001")),
    "webhook_hosts": ("help.example.org", (",", "a b", "http://a.example.org")),
    "embed_origins": (
        "https://www.example.org", (",", "www.example.org", "*", "https://www.example.org/shop", "https://a, ftp://b", "null"),
    ),
    "second_factor": ("required", ("yes", "totp")),
    "security_contact": ("support@example.org", ("security", "a@b", "mailto:a@example.org")),
    "log_format": ("text, json", ("xml", "logfmt")),
    "log_level": ("debug, info, warning, error", ("trace", "critical", "20")),
}  # fmt: skip
GOOD_TEXTS = [
    pytest.param(name, text, value, id=f"{name}={text}")
    for name, (_, texts) in GOOD.items()
    for text, value in texts.items()
]
BAD_TEXTS = [
    pytest.param(name, text, allowed, id=f"{name}={ascii(text)[:30]}")
    for name, (allowed, texts) in BAD.items()
    for text in texts
]


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"PORTAL_{name.upper()}"


def option(name: str) -> str:
    """The command line option of a setting."""
    return "--" + name.replace("_", "-")


def test_every_setting_is_tested() -> None:
    """The tables of this file have every setting."""
    names = [item.name for item in fields(Settings)]

    assert list(GOOD) == names
    assert list(BAD) == names


def test_defaults() -> None:
    """Without variables and options every setting has its default."""
    chosen = load({})

    assert {item.name: getattr(chosen, item.name) for item in fields(Settings)} == {
        name: default for name, (default, _) in GOOD.items()
    }
    assert chosen == Settings()


@pytest.mark.parametrize(("name", "text", "value"), GOOD_TEXTS)
def test_from_the_environment(name: str, text: str, value: object) -> None:
    """Every setting is read from its variable, and no other setting changes."""
    chosen = load({variable(name): text, "OTHER": "x"})

    changed = {item.name: getattr(chosen, item.name) for item in fields(Settings)}
    assert changed == {other: default for other, (default, _) in GOOD.items()} | {name: value}


@pytest.mark.parametrize(("name", "text", "value"), GOOD_TEXTS)
def test_from_an_option(name: str, text: str, value: object) -> None:
    """Every setting is read from its option, which means the same text as the variable."""
    chosen = load({}, {name: text})

    assert getattr(chosen, name) == value
    assert chosen == load({variable(name): text})


@pytest.mark.parametrize("name", GOOD)
def test_option_wins(name: str) -> None:
    """An option outranks its variable, even one that is wrong; None is no option."""
    (first, value), *_ = GOOD[name][1].items()
    last, in_environment = list(GOOD[name][1].items())[-1]

    assert getattr(load({variable(name): last}, {name: first}), name) == value
    assert getattr(load({variable(name): "\0"}, {name: first}), name) == value
    assert getattr(load({variable(name): last}, {name: None}), name) == in_environment


@pytest.mark.parametrize("name", GOOD)
def test_empty_is_not_set(name: str) -> None:
    """An empty variable is as none."""
    chosen = load({variable(name): ""})

    assert chosen == Settings()


def shown(text: str) -> str:
    """How a value is repeated: whole, but for a password."""
    return repr(re.sub(r"(://[^:/@]*):.*@", r"\1:***@", text))


@pytest.mark.parametrize(("name", "text", "allowed"), BAD_TEXTS)
def test_wrong_variable(name: str, text: str, allowed: str) -> None:
    """A wrong variable is refused with its name, its value and what is allowed."""
    with pytest.raises(InvalidSetting) as refused:
        load({variable(name): text})

    message = str(refused.value)
    assert variable(name) in message
    assert shown(text) in message
    assert allowed in message


@pytest.mark.parametrize(("name", "text", "allowed"), BAD_TEXTS)
def test_wrong_option(name: str, text: str, allowed: str) -> None:
    """A wrong option is refused with the option's name, its value and what is allowed."""
    with pytest.raises(InvalidSetting) as refused:
        load({variable(name): ""}, {name: text})

    message = str(refused.value)
    assert message.startswith(option(name) + " ")
    assert variable(name) not in message
    assert shown(text) in message
    assert allowed in message


@pytest.mark.parametrize("name", GOOD)
@examples(deadline=None, max_examples=30)
@given(text=st.text(max_size=20) | st.integers().map(str))
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    """Whatever stands in a variable either is a value of the right type or is refused by name."""
    try:
        value = getattr(load({variable(name): text}), name)
    except InvalidSetting as refused:
        message = str(refused)
    else:
        message = variable(name)
        assert isinstance(value, type(GOOD[name][0]) if name not in {"articles", "data"} else Path) or (
            name == "secret_key_file" and isinstance(value, Path)
        )

    assert variable(name) in message


def test_process_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mapping the process's own variables count."""
    monkeypatch.setenv("PORTAL_PORT", "8123")

    chosen = load(options={"host": "::1"})

    assert (chosen.port, chosen.host) == (8123, "::1")


def test_unknown_variables() -> None:
    """Variables that look like settings and are none are named in order; others are nobody's business."""
    environment = {"PORTAL_PROT": "1", "PORTAL_": "", "PORTAL_PORT": "1", "portal_x": "1", "XPORTAL_A": "", "PATH": "/"}

    names = unknown(environment | {"PORTAL_ARTICLE": "x"})

    assert names == ["PORTAL_", "PORTAL_ARTICLE", "PORTAL_PROT"]
    assert unknown({variable(name): "" for name in GOOD}) == []


@pytest.mark.parametrize("name", GOOD)
def test_frozen(name: str) -> None:
    """No setting changes while the portal runs."""
    chosen = load({})

    with pytest.raises(FrozenInstanceError):
        setattr(chosen, name, "x")
