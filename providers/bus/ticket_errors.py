"""Why a shown code does not entitle to this ride, or why that cannot be said.

::

    TicketError
    ├── ForgedTicketError     not a ticket, or not signed by the key it names
    ├── UnknownKeyError       signed by a key that is not published
    ├── RevokedKeyError       signed by a key that was withdrawn; the rider fetches the ticket again
    ├── KeyOfAnotherDayError  signed by a key that is not for the day of the ticket
    ├── WrongDeviceError      shown by another device than the one it is bound to
    ├── StaleCodeError        a code of another moment: a copy, or the phone's clock is wrong
    ├── RevokedTicketError    cancelled, or moved to another phone since
    ├── NotYetValidError      valid later
    └── TicketExpiredError    was valid
    TrustError                keys or revocation list cannot be used: nothing is said of the ticket
"""

from __future__ import annotations


class TicketError(Exception):
    """A code that does not entitle to this ride; the subclass says why."""


class ForgedTicketError(TicketError):
    """Not a ticket, or not signed by the key it names."""


class UnknownKeyError(TicketError):
    """Signed by a key that is not published."""


class RevokedKeyError(TicketError):
    """Signed by a key that was withdrawn."""


class KeyOfAnotherDayError(TicketError):
    """Signed by a key that is not for the day of the ticket."""


class WrongDeviceError(TicketError):
    """Not signed by the device to which the ticket is bound."""


class StaleCodeError(TicketError):
    """A code of another moment."""


class RevokedTicketError(TicketError):
    """Cancelled, or moved to another phone."""


class NotYetValidError(TicketError):
    """Valid later."""


class TicketExpiredError(TicketError):
    """Was valid."""


class TrustError(Exception):
    """The published keys or the revocation list cannot be used."""
