"""Who somebody is elsewhere: what signing in through an identity provider (OpenID Connect) begins and ends with."""

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Protocol, cast
from urllib.parse import urlsplit

from portal.errors import CannotStart, PortalError
from portal.settings import Settings

#: Longest subject (OpenID Connect Core, 2), in characters.
SUBJECT_LENGTH = 255


class IdentityRefused(PortalError):
    """Somebody cannot be signed in through the provider.

    Args:
        code: `unavailable` (the provider does not answer), `invalid` (its answer is not to be trusted), `cancelled`,
            `expired` (the way back took too long, or began elsewhere), `unverified` (it does not vouch for the
            address) or `unknown` (nobody of the active staff has it).
        reason: for the log; never shown, never a secret.
    """

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(f"{code}: {reason}" if reason else code)
        self.code = code


@dataclass(frozen=True)
class Identity:
    """Somebody, as the provider knows them."""

    #: Their account there: never given to anybody else.
    subject: str
    #: Lower case; empty where it is not told.
    email: str
    #: Whether the provider vouches that the address is theirs.
    is_verified: bool


@dataclass(frozen=True)
class Journey:
    """One way to the provider and back; all of it but the address stays with the browser that began it."""

    #: Where the browser is sent.
    address: str
    #: Comes back with the answer: it belongs to this browser.
    state: str
    #: Comes back inside the signed token: it was made for this journey.
    nonce: str
    #: Proves that whoever redeems the code began the journey (PKCE).
    verifier: str


class Provider(Protocol):
    """An identity provider."""

    #: As the button calls it.
    name: str

    def begin(self, back: str) -> Journey:
        """Begin a journey that ends at an address of ours."""

    def finish(self, journey: Journey, code: str, back: str, now: datetime) -> Identity:
        """Redeem the code that a journey has brought."""


def open_provider(settings: Settings) -> Provider | None:
    """The provider of the settings; None where there is none. Nothing is asked of it yet.

    Raises:
        CannotStart: a setting or a library is missing.
    """
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id:
        raise CannotStart("PORTAL_OIDC_ISSUER is set; PORTAL_OIDC_CLIENT_ID is missing.")
    try:
        machinery = import_module("portal.openid")
    except ModuleNotFoundError as error:
        raise CannotStart("OpenID Connect needs an extra: pip install 'tier0-portal[oidc]'.") from error
    name = settings.oidc_name or urlsplit(settings.oidc_issuer).hostname or ""
    made = machinery.OpenIdProvider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, name)
    return cast(Provider, made)
