"""The address that a requester's mail program answers to: it names the request and proves that its mail was read."""

import re
from collections.abc import Iterable

from portal import keys
from portal.mail import Refused, wire_address

#: Hexadecimal digits of a proof: 80 bits, checked here and never guessed offline.
_PROOF = 20


class ReplyAddress:
    """Makes and reads addresses such as `support+r42.00112233445566778899@help.example.org`.

    Args:
        secret: key of the instance.
        sender: address that mails come from; what is sent to it with `+` and anything reaches the same mailbox.
    """

    def __init__(self, secret: bytes, sender: str) -> None:
        self._secret = secret
        try:
            wire = wire_address(sender)
        except Refused:
            wire = sender
        self.sender = wire.lower()
        self._local, _, self._domain = self.sender.rpartition("@")
        names = {re.escape(domain) for domain in (self._domain, sender.rpartition("@")[2].lower())}
        self._pattern = re.compile(
            rf"{re.escape(self._local)}\+r([1-9][0-9]{{0,9}})\.([0-9a-f]{{{_PROOF}}})@(?:{'|'.join(sorted(names))})"
        )

    def of(self, number: int) -> str:
        """The address of a request; empty where the sender's own is too long to carry it."""
        local = f"{self._local}+r{number}.{self._proofs(number)[0]}"
        return f"{local}@{self._domain}" if len(local) <= 64 else ""

    def number(self, recipients: Iterable[str]) -> int | None:
        """The request that a mail to these addresses answers; None where none of them is one that was made here."""
        for recipient in recipients:
            found = self._pattern.fullmatch(recipient.lower())
            if found and keys.is_any(found[2], self._proofs(int(found[1]))):
                return int(found[1])
        return None

    def is_own(self, address: str) -> bool:
        """Whether an address is the sender's, with or without anything after `+`."""
        local, _, domain = address.lower().rpartition("@")
        return domain == self._domain and local.partition("+")[0] == self._local.partition("+")[0]

    def _proofs(self, number: int) -> list[str]:
        """What nobody else can derive from a number, by each key that is believed; that of the present one first."""
        return [proof.hex()[:_PROOF] for proof in keys.macs(self._secret, f"mail\0{number}".encode())]
