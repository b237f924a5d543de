"""What identity refuses, in the domain's words.

::

    IdentityError
    ├── NotSignedInError      no token, or one that is not valid here and now
    ├── RoleMissingError      signed in, but not allowed to do this
    ├── SignInRefusedError    the code or refresh token does not open a session
    ├── TooManyAttemptsError  the limit is reached; ``retry_after_s`` says how long to wait
    ├── AddressRefusedError   not an e-mail address we can write to
    ├── DeclarationRefusedError  what the rider declares cannot be
    ├── MailNotSentError      the message could not be handed over
    ├── RiderErasedError      there is no such rider, or no longer
    ├── PassNotFoundError     the rider has no such pass
    ├── PassBoundError        the pass serves another account
    ├── MethodNotFoundError   the rider has no such payment method
    ├── PassKeyReusedError    the same Idempotency-Key came with another pass
    └── TripsRunningError     the account cannot be erased while ``booking_ids`` are open
"""

from __future__ import annotations


class IdentityError(Exception):
    """Root of all that identity raises."""


class NotSignedInError(IdentityError):
    """The request carries no valid token."""


class RoleMissingError(IdentityError):
    """The token is valid and lacks the role."""

    def __init__(self, role: str) -> None:
        super().__init__(f"this needs the role {role}")
        self.role = role


class SignInRefusedError(IdentityError):
    """Wrong, used or expired; which of them is not said, so that nothing can be learned."""


class TooManyAttemptsError(IdentityError):
    """A limit is reached."""

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class AddressRefusedError(IdentityError):
    """Not an address that a mail can be sent to."""


class DeclarationRefusedError(IdentityError):
    """What the rider declares of itself cannot be."""


class MailNotSentError(IdentityError):
    """The mail server did not take the message."""


class RiderErasedError(IdentityError):
    """The rider's key is gone, and with it all that it opened."""


class PassNotFoundError(IdentityError):
    """No such pass of this rider."""


class PassBoundError(IdentityError):
    """One pass serves one account."""


class MethodNotFoundError(IdentityError):
    """No such payment method of this rider."""


class PassKeyReusedError(IdentityError):
    """An Idempotency-Key must not be used for two different passes."""


class TripsRunningError(IdentityError):
    """In these bookings money or a vehicle is at stake; the account ends after them."""

    def __init__(self, booking_ids: tuple[str, ...]) -> None:
        super().__init__(
            f"{len(booking_ids)} booking(s) are still open, not paid, in question with a bank, or "
            "owe you money that would not find you any more; end or cancel what runs, pay what GET "
            "/v1/me/arrears lists or wait for its debit, wait for what comes back to you, then "
            "erase again"
        )
        self.booking_ids = booking_ids
