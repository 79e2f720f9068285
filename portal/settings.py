"""Every setting of the product: one frozen value, read from `PORTAL_*` variables and checked at once."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from portal import setting_texts as texts
from portal.errors import InvalidSetting
from portal.locales import CODES
from portal.queries import Cuts

PREFIX = "PORTAL_"
_KEYS = "secret_keys"


def _setting(default: Any, read: Callable[[str], Any], help_text: str, unit: str = "") -> Any:
    """A dataclass field that knows how to read itself from text; `read` raises ValueError(what is allowed)."""
    return field(default=default, metadata={"read": read, "help": help_text, "unit": unit})


@dataclass(frozen=True)
class Settings:
    """What an operator can choose; every field is `PORTAL_` + its name in capitals."""

    articles: Path = _setting(Path("articles"), texts.path, "folder of the Markdown articles")
    data: Path = _setting(Path("var"), texts.path, "instance folder: database, index, secret key")
    host: str = _setting("127.0.0.1", texts.line, "address to listen on")
    port: int = _setting(8000, texts.whole(1, 65535), "port to listen on")
    workers: int = _setting(0, texts.whole(0, 64), "server processes; 0 takes one per processor core, at least 2")
    threads: int = _setting(8, texts.whole(1, 64), "threads per server process")
    dev: bool = _setting(False, texts.truth, "one process that reloads code and templates")
    database_url: str = _setting("", texts.database, "database; empty is SQLite in the instance folder")
    redis_url: str = _setting("", texts.redis, "Redis for the rate limits of several machines; empty counts in memory")
    secret_keys: tuple[str, ...] = _setting((), texts.keys, "keys: the first signs, all are believed; empty is a file")
    secret_key_file: Path | None = _setting(
        None, texts.path, "file of such keys; empty is secret.key in the data folder"
    )
    node: str = _setting("", texts.line, "name of this machine among several; empty is its host name and port")
    agree_seconds: int = _setting(
        60, texts.whole(0, 3600), "longest wait for other machines to have new articles", "seconds"
    )
    drain_seconds: int = _setting(
        0, texts.whole(0, 300), "how long a portal that is told to end serves on and says so at /readyz", "seconds"
    )
    base_url: str = _setting("", texts.base_url, "public address for absolute links; empty takes the request's")
    trusted_hosts: tuple[str, ...] = _setting(
        (), texts.hosts, "host names served; empty is base_url's, or this machine's names and plain addresses"
    )
    proxy_count: int = _setting(0, texts.whole(0, 5), "reverse proxies whose X-Forwarded-* headers are believed")
    search_engine: str = _setting("whoosh", texts.one_of("whoosh", "postgresql"), "where the search index is kept")
    search_url: str = _setting(
        "", texts.postgresql, "PostgreSQL server that is searched, such as a replica; empty is database_url's"
    )
    search_low_cuts: tuple[tuple[str, float], ...] = _setting(
        tuple((code, 0.2) for code in CODES), texts.by_language, "confidence below which a search is unanswered"
    )
    search_high_cuts: tuple[tuple[str, float], ...] = _setting(
        tuple((code, 0.7) for code in CODES), texts.by_language, "confidence from which a search is answered"
    )
    site_name: str = _setting(
        "", texts.line, "name shown on every page; empty is “Help centre” in the reader's language"
    )
    default_language: str = _setting("en", texts.one_of(*CODES), "language where a browser asks for none of the four")
    session_hours: int = _setting(12, texts.whole(1, 720), "how long staff stay signed in at most", "hours")
    session_idle_minutes: int = _setting(
        60, texts.whole(5, 1440), "how long staff stay signed in without use", "minutes"
    )
    oidc_issuer: str = _setting("", texts.issuer, "identity provider (OpenID Connect) that staff can sign in through")
    oidc_client_id: str = _setting("", texts.line, "what the portal is called at the identity provider")
    oidc_client_secret: str = _setting(
        "", texts.line, "the portal’s password at the identity provider; empty is PKCE alone"
    )
    oidc_name: str = _setting("", texts.line, "name of the identity provider on its button; empty is its host name")
    time_zone: str = _setting("UTC", texts.time_zone, "time zone in which people are shown times")
    form_min_seconds: int = _setting(3, texts.whole(0, 60), "fastest time in which a person fills in a form", "seconds")
    form_max_hours: int = _setting(24, texts.whole(1, 720), "how long an opened form can be sent", "hours")
    requests_per_hour: int = _setting(30, texts.whole(1, 100000), "requests one network address may send", "per hour")
    sign_in_attempts: int = _setting(10, texts.whole(1, 1000), "wrong passwords per account and 15 minutes")
    reopen_days: int = _setting(30, texts.whole(0, 3650), "a solved gap asked again within this time re-opens", "days")
    chain_minutes: int = _setting(
        30, texts.whole(1, 1440), "pause after which a search begins a new attempt", "minutes"
    )
    doubt_sessions: int = _setting(3, texts.whole(1, 1000), "sessions that leave uncertain results before a gap opens")
    doubt_days: int = _setting(7, texts.whole(1, 365), "time within which these sessions count", "days")
    unconfirmed_days: int = _setting(
        14, texts.whole(1, 3650), "how long a gap is kept that perhaps no person asked", "days"
    )
    gaps_per_session: int = _setting(10, texts.whole(1, 100000), "new gaps of one browser session", "per hour")
    gaps_per_network: int = _setting(
        30, texts.whole(1, 100000), "new gaps from one network (IPv4 /24, IPv6 /56)", "per hour"
    )
    gaps_anonymous: int = _setting(
        100, texts.whole(0, 100000), "new gaps of all whose cookie has not come back", "per hour"
    )
    gaps_per_hour: int = _setting(300, texts.whole(1, 100000), "new gaps in all", "per hour")
    mail_url: str = _setting(
        "", texts.mail_url, "how mail is sent; empty writes it into the folder mail of the instance"
    )
    mail_from: str = _setting("", texts.address, "sender of mails; empty is support at base_url's host")
    mail_in: bool = _setting(
        False, texts.truth, "whether mails to the sender's address, also with + and more before the @, come back here"
    )
    imap_url: str = _setting(
        "", texts.imap_url, "mailbox that such mails are fetched from; empty where they are piped in"
    )
    imap_every: int = _setting(30, texts.whole(5, 3600), "pause between two looks into the mailbox", "seconds")
    link_days: int = _setting(
        90, texts.whole(1, 3650), "how long a private link works after the request is closed", "days"
    )
    event_days: int = _setting(30, texts.whole(1, 3650), "how long single searches are kept", "days")
    request_months: int = _setting(12, texts.whole(1, 120), "when closed requests are made anonymous", "months")
    api_per_minute: int = _setting(60, texts.whole(1, 100000), "requests to the API without a token", "per minute")
    api_token_per_minute: int = _setting(600, texts.whole(1, 100000), "requests to the API with a token", "per minute")
    webhook_hosts: tuple[str, ...] = _setting(
        (), texts.hosts, "the only hosts that webhooks may call, private ones among them; empty is any public one"
    )
    embed_origins: tuple[str, ...] = _setting((), texts.origins, "sites that may show the help widget; empty is none")
    second_factor: str = _setting(
        "optional", texts.one_of("optional", "required"), "whether everybody of the staff must use one-time codes"
    )
    security_contact: str = _setting(
        "", texts.address, "who is told of security faults; empty publishes no security.txt"
    )
    log_format: str = _setting("text", texts.one_of("text", "json"), "how log lines are written")
    log_level: str = _setting(
        "info", texts.one_of("debug", "info", "warning", "error"), "least severity that is logged"
    )

    @property
    def cuts(self) -> Mapping[str, Cuts]:
        """Where the verdicts of each language are divided."""
        low, high = dict(self.search_low_cuts), dict(self.search_high_cuts)
        return {code: Cuts(low[code], high[code]) for code in CODES}

    @property
    def database(self) -> str:
        """The database address in force."""
        return self.database_url or f"sqlite:///{self.data / 'portal.db'}"

    @property
    def search_kept(self) -> str:
        """The address of the database that the search index is written into; empty for the embedded engine.

        Raises:
            InvalidSetting: there is no such database.
        """
        if self.search_engine == "whoosh":
            return ""
        if not self.database_url.startswith("postgresql"):
            raise InvalidSetting("PORTAL_SEARCH_ENGINE is 'postgresql', which needs PORTAL_DATABASE_URL on PostgreSQL.")
        return self.database_url

    @property
    def search_asked(self) -> str:
        """The address of the server that is searched; empty for the embedded engine."""
        return self.search_kept and (self.search_url or self.search_kept)

    @property
    def public_url(self) -> str:
        """The address that links in mails begin with, without a last slash."""
        if self.base_url:
            return self.base_url
        host = "localhost" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound  # nosec B104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_https(self) -> bool:
        """Whether readers come over HTTPS."""
        return self.base_url.startswith("https://")

    @property
    def names(self) -> tuple[str, ...]:
        """What the portal is called: its name and its host."""
        return self.site_name, urlsplit(self.base_url).hostname or ""

    @property
    def sender(self) -> str:
        """The address that mails come from."""
        name = urlsplit(self.public_url).hostname or "localhost"
        return self.mail_from or (f"support@[{name}]" if ":" in name else f"support@{name}")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names that requests may name; empty is any."""
        if self.trusted_hosts or not self.base_url:
            return self.trusted_hosts
        name = urlsplit(self.base_url).hostname or ""
        return (f"[{name}]" if ":" in name else name,)


def _read(name: str, text: str, source: str) -> Any:
    """One field's value from text.

    Raises:
        InvalidSetting: names the variable or option, the value and what is allowed.
    """
    reader = {item.name: item.metadata["read"] for item in fields(Settings)}[name]
    try:
        return reader(text)
    except ValueError as allowed:
        shown = re.sub(r"(://[^:/@]*):.*@|([?&](?:ssl)?password=)[^&]*", _hidden, "***" if name == _KEYS else text)
        raise InvalidSetting(f"{source} is {shown!r}; allowed is {allowed}.") from None


def _hidden(found: re.Match[str]) -> str:
    """What is shown instead of a password in an address."""
    return f"{found[1]}:***@" if found[1] else f"{found[2]}***"


def load(environment: Mapping[str, str] | None = None, options: Mapping[str, str | None] | None = None) -> Settings:
    """The settings in force: options first, then `PORTAL_*` variables, then defaults.

    Args:
        environment: the variables; the process's own when None. Empty ones count as not set.
        options: values from the command line by field name; None means not given.

    Raises:
        InvalidSetting: for the first value that is not allowed.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for item in fields(Settings):
        variable = PREFIX + item.name.upper()
        if (given := (options or {}).get(item.name)) is not None:
            values[item.name] = _read(item.name, given, "--" + item.name.replace("_", "-"))
        elif environment.get(variable):
            values[item.name] = _read(item.name, environment[variable], variable)
    return replace(Settings(), **values)


def unknown(environment: Mapping[str, str]) -> list[str]:
    """The names of `PORTAL_*` variables that are no setting, most likely misspelt; in alphabetical order."""
    known = {PREFIX + item.name.upper() for item in fields(Settings)}
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
