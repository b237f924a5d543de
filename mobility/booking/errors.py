"""What can be wrong with a request about bookings.

::

    BookingError
    ├── OfferExpiredError       the offer is unknown or has run out; search again
    ├── OfferChangedError       for this rider the price differs; carries the new offer
    ├── NotEligibleError        the rider lacks what the provider asks for
    ├── CeilingTooLowError      the rider's ceiling is below the expected price
    ├── NothingToBookError      a journey on foot
    ├── BookingFailedError      it was tried and undone; nothing was charged
    ├── NotFoundError           no such booking or leg of this rider
    ├── WrongStateError         not possible in the state the booking or leg is in
    └── KeyReusedError          the same Idempotency-Key came with another body
"""

from __future__ import annotations


class BookingError(Exception):
    """Root of what a booking use case refuses."""


class OfferExpiredError(BookingError):
    """The offer cannot be booked any more."""


class OfferChangedError(BookingError):
    """The price is another one for this rider; ``offer_id`` is the offer that holds it."""

    def __init__(self, offer_id: str, amount_minor: int, currency: str) -> None:
        super().__init__("the price differs for this rider; book the new offer instead")
        self.offer_id = offer_id
        self.amount_minor = amount_minor
        self.currency = currency


class NotEligibleError(BookingError):
    """What the rider lacks, and what would make the journey bookable."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class CeilingTooLowError(BookingError):
    """The rider's spending ceiling does not cover the expected price."""


class NothingToBookError(BookingError):
    """No leg of the journey is carried out by a provider."""


class BookingFailedError(BookingError):
    """The booking was tried and undone. ``type`` names the cause as a problem slug."""

    def __init__(self, booking_id: str, type_: str, detail: str) -> None:
        super().__init__(detail)
        self.booking_id = booking_id
        self.type = type_


class NotFoundError(BookingError):
    """There is no such booking, or it is somebody else's."""


class WrongStateError(BookingError):
    """The state does not allow it."""


class KeyReusedError(BookingError):
    """An Idempotency-Key must not be used for two different requests."""


class StillWorkingError(BookingError):
    """The first request with this Idempotency-Key is still being worked on; ask again."""
