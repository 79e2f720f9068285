"""Every setting of the product: one frozen value, read from `PORTAL_*` variables and checked at once."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal.errors import InvalidInput, InvalidSetting
from portal.locales import CODES
from portal.people import clean_email
from portal.queries import Cuts

PREFIX = "PORTAL_"


def _setting(default: Any, read: Callable[[str], Any], help_text: str, unit: str = "") -> Any:
    """A dataclass field that knows how to read itself from text; `read` raises ValueError(what is allowed)."""
    return field(default=default, metadata={"read": read, "help": help_text, "unit": unit})


def _whole(low: int, high: int) -> Callable[[str], int]:
    """Reader of a whole number from `low` to `high`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text.strip()) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _one_of(*allowed: str) -> Callable[[str], str]:
    """Reader of one of a few words."""

    def read(text: str) -> str:
        if text.strip().lower() not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return text.strip().lower()

    return read


def _truth(text: str) -> bool:
    """Reader of yes or no."""
    return _one_of("true", "false", "1", "0", "yes", "no")(text) in {"true", "1", "yes"}


def _path(text: str) -> Path:
    """Reader of a path."""
    if not text.strip() or "\0" in text or "?" in text:
        raise ValueError("the path of a folder, without a question mark")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("the path of a folder") from None


def _line(text: str) -> str:
    """Reader of one short line of text."""
    if not text.strip() or len(text) > 200 or not text.isprintable():
        raise ValueError("one line of 1 to 200 characters")
    return text.strip()


def _has_port(address: str) -> bool:
    """Whether an address names no port or a possible one."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


def _database(text: str) -> str:
    """Reader of a database address."""
    if not re.match(r"sqlite:///.|postgresql\+psycopg://", text) or not _has_port(text):
        raise ValueError("sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME")
    return text


def _redis(text: str) -> str:
    """Reader of a Redis address."""
    if not re.match(r"(redis|rediss|unix)://", text) or not _has_port(text):
        raise ValueError("redis://HOST:PORT/NUMBER")
    return text


def _base_url(text: str) -> str:
    """Reader of the public address: scheme and host, without a path."""
    if not re.fullmatch(r"https?://([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\])(:\d{1,5})?/?", text.strip()):
        raise ValueError("an address such as https://help.example.org")
    return text.strip().rstrip("/")


def _issuer(text: str) -> str:
    """Reader of an identity provider's address, kept as it is spelt; without encryption only on this machine."""
    is_secure = re.fullmatch(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?", text.strip())
    if not is_secure and not re.fullmatch(r"http://(localhost|127\.0\.0\.1)(:\d{1,5})?/?", text.strip()):
        raise ValueError("an address such as https://login.example.org")
    return text.strip()


def _hosts(text: str) -> tuple[str, ...]:
    """Reader of host names separated by commas."""
    hosts = tuple(host.strip() for host in text.split(",") if host.strip())
    if not hosts or not all(re.fullmatch(r"\.?[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]", host) for host in hosts):
        raise ValueError("host names separated by commas, such as help.example.org")
    return hosts


def _origins(text: str) -> tuple[str, ...]:
    """Reader of the addresses of other sites, without paths, separated by commas."""
    wrong = ValueError("addresses separated by commas, such as https://www.example.org")
    try:
        origins = tuple(_base_url(origin.lower()) for origin in text.split(",") if origin.strip())
    except ValueError:
        raise wrong from None
    if not origins:
        raise wrong
    return origins


def _by_language(text: str) -> tuple[tuple[str, float], ...]:
    """Reader of a share for each language."""
    try:
        pairs = [part.split(":") for part in text.split(",")]
        shares = {code.strip(): float(share) for code, share in pairs}
    except ValueError:
        shares = {}
    if set(shares) != set(CODES) or not all(0 <= share <= 1 for share in shares.values()):
        raise ValueError("a number from 0 to 1 for each language, such as " + ",".join(f"{code}:0.5" for code in CODES))
    return tuple(shares.items())


def _mail_url(text: str) -> str:
    """Reader of a way to send mail."""
    is_server = (
        re.match(r"(smtp|smtps|smtp\+starttls)://[^/\s]+/?$", text) and urlsplit(text).hostname and _has_port(text)
    )
    if text != "console:" and not is_server:
        raise ValueError("smtp://[USER:PASSWORD@]HOST[:PORT], smtps://…, smtp+starttls://… or console:")
    return text


def _imap_url(text: str) -> str:
    """Reader of a mailbox's address."""
    is_mailbox = (
        re.match(r"imaps?://[^/\s:@]+:[^/\s:@]+@[^/\s@]+(/[^\s\"\\?#]*)?$", text)
        and urlsplit(text).hostname
        and _has_port(text)
        and unquote(urlsplit(text).netloc + urlsplit(text).path).isprintable()
    )
    if not is_mailbox:
        raise ValueError("imaps://USER:PASSWORD@HOST[:PORT]/FOLDER, with special characters as %XX")
    return text


def _address(text: str) -> str:
    """Reader of an e-mail address."""
    try:
        return clean_email(text)
    except InvalidInput:
        raise ValueError("an e-mail address such as support@example.org") from None


def _time_zone(text: str) -> str:
    """Reader of a time zone's name."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("the name of a time zone, such as Europe/Berlin") from None


@dataclass(frozen=True)
class Settings:
    """What an operator can choose; every field is `PORTAL_` + its name in capitals."""

    articles: Path = _setting(Path("articles"), _path, "folder of the Markdown articles")
    data: Path = _setting(Path("var"), _path, "instance folder: database, index, secret key")
    host: str = _setting("127.0.0.1", _line, "address to listen on")
    port: int = _setting(8000, _whole(1, 65535), "port to listen on")
    workers: int = _setting(0, _whole(0, 64), "server processes; 0 takes one per processor core, at least 2")
    threads: int = _setting(8, _whole(1, 64), "threads per server process")
    dev: bool = _setting(False, _truth, "one process that reloads code and templates")
    database_url: str = _setting("", _database, "database; empty is SQLite in the instance folder")
    redis_url: str = _setting("", _redis, "Redis for the rate limits of several machines; empty counts in memory")
    base_url: str = _setting("", _base_url, "public address for absolute links; empty takes the request's")
    trusted_hosts: tuple[str, ...] = _setting(
        (), _hosts, "host names served; empty is base_url's, or this machine's names and plain addresses"
    )
    proxy_count: int = _setting(0, _whole(0, 5), "reverse proxies whose X-Forwarded-* headers are believed")
    search_low_cuts: tuple[tuple[str, float], ...] = _setting(
        tuple((code, 0.2) for code in CODES), _by_language, "confidence below which a search is unanswered"
    )
    search_high_cuts: tuple[tuple[str, float], ...] = _setting(
        tuple((code, 0.7) for code in CODES), _by_language, "confidence from which a search is answered"
    )
    site_name: str = _setting("", _line, "name shown on every page; empty is “Help centre” in the reader's language")
    default_language: str = _setting("en", _one_of(*CODES), "language where a browser asks for none of the four")
    session_hours: int = _setting(12, _whole(1, 720), "how long staff stay signed in at most", "hours")
    session_idle_minutes: int = _setting(60, _whole(5, 1440), "how long staff stay signed in without use", "minutes")
    oidc_issuer: str = _setting("", _issuer, "identity provider (OpenID Connect) that staff can sign in through")
    oidc_client_id: str = _setting("", _line, "what the portal is called at the identity provider")
    oidc_client_secret: str = _setting("", _line, "the portal’s password at the identity provider; empty is PKCE alone")
    oidc_name: str = _setting("", _line, "name of the identity provider on its button; empty is its host name")
    time_zone: str = _setting("UTC", _time_zone, "time zone in which people are shown times")
    form_min_seconds: int = _setting(3, _whole(0, 60), "fastest time in which a person fills in a form", "seconds")
    form_max_hours: int = _setting(24, _whole(1, 720), "how long an opened form can be sent", "hours")
    requests_per_hour: int = _setting(30, _whole(1, 100000), "requests one network address may send", "per hour")
    sign_in_attempts: int = _setting(10, _whole(1, 1000), "wrong passwords per account and 15 minutes")
    reopen_days: int = _setting(30, _whole(0, 3650), "a solved gap asked again within this time re-opens", "days")
    chain_minutes: int = _setting(30, _whole(1, 1440), "pause after which a search begins a new attempt", "minutes")
    doubt_sessions: int = _setting(3, _whole(1, 1000), "sessions that leave uncertain results before a gap opens")
    doubt_days: int = _setting(7, _whole(1, 365), "time within which these sessions count", "days")
    unconfirmed_days: int = _setting(14, _whole(1, 3650), "how long a gap is kept that perhaps no person asked", "days")
    gaps_per_session: int = _setting(10, _whole(1, 100000), "new gaps of one browser session", "per hour")
    gaps_per_network: int = _setting(
        30, _whole(1, 100000), "new gaps from one network (IPv4 /24, IPv6 /56)", "per hour"
    )
    gaps_anonymous: int = _setting(100, _whole(0, 100000), "new gaps of all whose cookie has not come back", "per hour")
    gaps_per_hour: int = _setting(300, _whole(1, 100000), "new gaps in all", "per hour")
    mail_url: str = _setting("", _mail_url, "how mail is sent; empty writes it into the folder mail of the instance")
    mail_from: str = _setting("", _address, "sender of mails; empty is support at base_url's host")
    mail_in: bool = _setting(
        False, _truth, "whether mails to the sender's address, also with + and more before the @, come back here"
    )
    imap_url: str = _setting("", _imap_url, "mailbox that such mails are fetched from; empty where they are piped in")
    imap_every: int = _setting(30, _whole(5, 3600), "pause between two looks into the mailbox", "seconds")
    link_days: int = _setting(90, _whole(1, 3650), "how long a private link works after the request is closed", "days")
    event_days: int = _setting(30, _whole(1, 3650), "how long single searches are kept", "days")
    request_months: int = _setting(12, _whole(1, 120), "when closed requests are made anonymous", "months")
    api_per_minute: int = _setting(60, _whole(1, 100000), "requests to the API without a token", "per minute")
    api_token_per_minute: int = _setting(600, _whole(1, 100000), "requests to the API with a token", "per minute")
    webhook_hosts: tuple[str, ...] = _setting(
        (), _hosts, "the only hosts that webhooks may call, private ones among them; empty is any public one"
    )
    embed_origins: tuple[str, ...] = _setting((), _origins, "sites that may show the help widget; empty is none")
    security_contact: str = _setting("", _address, "who is told of security faults; empty publishes no security.txt")
    log_format: str = _setting("text", _one_of("text", "json"), "how log lines are written")
    log_level: str = _setting("info", _one_of("debug", "info", "warning", "error"), "least severity that is logged")

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
    def public_url(self) -> str:
        """The address that links in mails begin with, without a last slash."""
        if self.base_url:
            return self.base_url
        host = "localhost" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound  # nosec B104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

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
        raise InvalidSetting(f"{source} is {text!r}; allowed is {allowed}.") from None


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
