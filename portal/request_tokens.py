"""The tokens of requests' private links: derived, so that the same is sent once; those of older keys are found again."""

from datetime import date

from sqlalchemy import Connection

from portal import keys
from portal.sending import Sending
from portal.storage import links


class RequestTokens:
    """Derives tokens of 256 bits, which are kept nowhere.

    Args:
        secret: keys of the instance.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of_form(self, sent: Sending, nonce: str) -> list[str]:
        """The tokens that a sent form can have, by each key that is believed, that of the present one first."""
        same = (nonce, sent.name, sent.email, sent.subject, sent.description, sent.phone, sent.callback or "")
        return self._all("request", "\0".join(same))

    def following(self, connection: Connection, number: int) -> str:
        """The token of the request that goes on with a closed one: the one that it has, or will have."""
        tokens = self._all("following", str(number))
        return self.known(connection, tokens) or tokens[0]

    @staticmethod
    def known(connection: Connection, tokens: list[str]) -> str | None:
        """The one of some tokens that leads to a request; None where none does."""
        return next((token for token in tokens if links.is_known(connection, token)), None)

    def share(self, email: str, day: date) -> str:
        """What counts the mails of an address on a day, and says neither."""
        return self._all("received", f"{email.lower()}\0{day.isoformat()}")[0][:32]

    def _all(self, use: str, text: str) -> list[str]:
        """What only this instance can derive from a text, by each key; 64 hexadecimal digits."""
        return [proof.hex() for proof in keys.macs(self._secret, f"{use}\0{text}".encode("utf-8", "replace"))]
