"""The errors of the domain; what each becomes over HTTP is decided in one place, `portal.web.errors`."""

from dataclasses import dataclass


class PortalError(Exception):
    """Base of every error that the product raises on purpose."""


class InvalidSetting(PortalError):
    """A setting has a value that is not allowed; the message names it, the value and what is allowed."""


class CannotStart(PortalError):
    """The portal cannot start; the message is one plain sentence for the operator."""


class NotFound(PortalError):
    """What was asked for does not exist, or the asker may not know that it does."""


class NotAllowed(PortalError):
    """The person is known but has no right to do this."""


class SearchUnavailable(PortalError):
    """The search index is missing, broken or too slow; says nothing about whether an answer exists."""


class StaleTicket(PortalError):
    """The ticket was changed by somebody else since it was read."""


class AlreadyTaken(PortalError):
    """Another agent owns the ticket.

    Args:
        owner: the other agent's name.
    """

    def __init__(self, owner: str) -> None:
        super().__init__(f"the ticket is already taken by {owner}")
        self.owner = owner


class TransitionRefused(PortalError):
    """The action is not in the lifecycle's table for the ticket's present status."""


class NotProven(PortalError):
    """The search that opened the gap is not answered by the article, so the gap stays open.

    Args:
        rank: at which the search finds the article, from 1; None where it does not.
        slug: the article.
    """

    def __init__(self, rank: int | None, slug: str) -> None:
        super().__init__(f"the search finds {slug} at rank {rank}" if rank else f"the search does not find {slug}")
        self.rank = rank
        self.slug = slug


class InvalidInput(PortalError):
    """A value from outside breaks a rule.

    Args:
        field: the name of the field.
        code: which rule it breaks, for example `too_long`.
    """

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code


class SignInRefused(PortalError):
    """Address, password and code do not belong together; which of them is wrong is told to nobody."""


class TooManyAttempts(PortalError):
    """The account has had too many wrong passwords; the right one is refused too for a while."""


@dataclass(frozen=True)
class Pending:
    """Somebody who has shown who they are, and still owes something; it gives no right to anything."""

    person_id: int
    #: Worth nothing once the password has changed.
    proof: str
    #: Whether the identity provider said who it is, and no password was typed.
    is_elsewhere: bool = False


class SignInPending(PortalError):
    """Somebody has shown who they are, and owes something before a session begins.

    Args:
        pending: who owes it.
    """

    def __init__(self, pending: Pending) -> None:
        super().__init__("something is owed before the session begins")
        self.pending = pending


class CodeNeeded(SignInPending):
    """This account also asks for a code, see `Staff.sign_in_with_code`."""


class PasswordNeeded(SignInPending):
    """An administrator knows the password: another one is needed, see `OwnAccount.choose_password`."""
