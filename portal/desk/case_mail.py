"""Mails of a case, and by what an answer is known to belong to it: the address that it goes to, and message ids."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from portal import keys
from portal.mail import Mail, wire_domain
from portal.storage import outbox
from portal.storage.cases import Case

_ADDRESS = re.compile(r"\+s([1-9][0-9]{0,8})\.([0-9a-f]{24})@", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<case-([1-9][0-9]{0,8})\.([0-9a-f]{24})\.[0-9]{1,9}@")


def match(recipients: Iterable[str], references: Iterable[str]) -> tuple[int, str] | None:
    """The case that a mail answers, with the token that proves it; None where it names none.

    Args:
        recipients: addresses that it was sent to.
        references: message ids that it answers, with their angle brackets.
    """
    for pattern, texts in ((_ADDRESS, recipients), (_MESSAGE_ID, references)):
        for text in texts:
            if found := pattern.search(text):
                return int(found[1]), found[2].lower()
    return None


@dataclass(frozen=True)
class CaseMail:
    """Makes the addresses and message ids of cases."""

    secret: bytes
    #: Of our own address.
    domain: str
    #: What stands before the @ in the address for answers; empty where the portal takes no mail.
    local: str

    def token(self, case_id: int) -> str:
        """What proves that somebody answers a mail about a case: 96 bits, derived and kept nowhere."""
        return self._tokens(case_id)[0]

    def is_token(self, case_id: int, token: str) -> bool:
        """Whether a token is the case's."""
        return keys.is_any(token, self._tokens(case_id))

    def _tokens(self, case_id: int) -> list[str]:
        """The case's token by each key that is believed, that of the present one first."""
        return [proof.hex()[:24] for proof in keys.macs(self.secret, f"supplier\0{case_id}".encode())]

    def message_id(self, case_id: int, count: int) -> str:
        """The message id of a case's mail, counted from 1."""
        return f"<case-{case_id}.{self.token(case_id)}.{count}@{wire_domain(self.domain) or 'localhost'}>"

    def headers(self, case_id: int, count: int, agent: str) -> dict[str, str]:
        """The headers of a case's mail: where answers go, and its thread, to which no mail of the requester belongs.

        Args:
            case_id: of the case.
            count: of the mail, from 1.
            agent: the agent's address, to which answers go where the portal takes no mail.
        """
        domain = wire_domain(self.domain) or "localhost"
        first = self.message_id(case_id, 1) if count > 1 else ""
        answers = f"{self.local}+s{case_id}.{self.token(case_id)}@{domain}" if self.local else agent
        return {"Reply-To": answers, "In-Reply-To": first, "References": first}

    def post(self, connection: Connection, mail: Mail, case: Case, count: int, agent: str, now: datetime) -> None:
        """Put a case's mail into the outbox; see `headers` for count and agent."""
        mail = replace(mail, headers=mail.headers | self.headers(case.id, count, agent))
        message_id = self.message_id(case.id, count)
        key = f"supplier-{case.id}-{count}"
        outbox.add(connection, mail, key, now, ticket_id=case.ticket_id, message_id=message_id)


def domain_of(address: str) -> str:
    """The domain of an address; empty where it is none."""
    _local, at, domain = address.rpartition("@")
    return domain.casefold() if at else ""
