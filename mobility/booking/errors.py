"""What can be wrong with a request about bookings.

::

    BookingError
    ├── OfferExpiredError       the offer is unknown or has run out; search again
    ├── OfferChangedError       for this rider the price differs; carries the new offer
    ├── TooEarlyError           a vehicle of the journey cannot be booked so far ahead
    ├── NotEligibleError        the rider lacks what the provider asks for
    ├── ArrearsError            the rider owes for earlier trips and must pay first
    ├── BookedAlreadyError      a vehicle of the journey is in another booking of the rider
    ├── CeilingTooLowError      the rider's ceiling is below the expected price
    ├── NothingToBookError      a journey on foot
    ├── UnknownMethodError      the payment method is not one of the rider's
    ├── DebitRefusedError       an account cannot be debited for this; a card can be charged
    ├── DebitUnderWayError      it is being paid by a debit that is not decided yet
    ├── BookingFailedError      it was tried and undone; nothing was charged
    │   ├── VehicleTakenError        a vehicle is no longer to be had
    │   ├── ProviderRefusedError     the provider said no
    │   ├── ProviderSilentError      the provider did not answer in time
    │   ├── TooLateError             the bus has left while it was being paid
    │   └── PaymentFailedError       declined, abandoned, or not in time
    ├── TicketElsewhereError    the ticket is shown on another device
    ├── TicketMovesUsedError    the ticket has moved too often
    ├── LegRefusedError         the provider refused to start or finish a leg
    ├── NotFoundError           no such booking or leg of this rider
    ├── SplitRefusedError       the shares of a bill do not add up to it
    ├── ClaimRefusedError       a claim lacks what it needs to be filed
    ├── NothingToRebookError    nothing known stands against the trip as booked
    ├── AlreadyRebookedError    another booking takes its place
    ├── NoOptionError           there is no other way at the locked price
    ├── WrongStateError         not possible in the state the booking or leg is in
    ├── KeyMissingError         the request needs an Idempotency-Key
    └── KeyReusedError          the same Idempotency-Key came with another body
"""

from __future__ import annotations

from payments.money import Money


class BookingError(Exception):
    """Root of what a booking use case refuses."""


class OfferExpiredError(BookingError):
    """The offer cannot be booked any more."""


class OfferChangedError(BookingError):
    """``price`` is what it costs for this rider; ``offer_id`` is the offer that holds it."""

    def __init__(self, offer_id: str, price: Money, *, passes_missing: bool = False) -> None:
        why = f"it costs {price} for this rider; book the new offer {offer_id} instead"
        if passes_missing:
            why += (
                ". It was priced with a pass that is not verified for this rider on the day of "
                "travel; GET /v1/me/passes says what is missing"
            )
        super().__init__(why)
        self.offer_id = offer_id
        self.price = price


class TooEarlyError(BookingError):
    """A rented vehicle is kept free for others until shortly before the ride."""


class NotEligibleError(BookingError):
    """What the rider lacks, and what would make the journey bookable."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class ArrearsError(BookingError):
    """The rider is in arrears; names the bookings and what they add up to."""

    def __init__(
        self, booking_ids: tuple[str, ...], owed: Money, *, all_on_their_way: bool = False
    ) -> None:
        what_to_do = (
            "debits for them are on their way: book again when they have come, within about six "
            "banking days; /v1/me/arrears shows it"
            if all_on_their_way
            else "pay them first: POST /v1/me/arrears/{booking_id}/pay for each of booking_ids"
        )
        super().__init__(f"{owed} of earlier trips are not paid; {what_to_do}")
        self.booking_ids = booking_ids
        self.owed = owed


class BookedAlreadyError(BookingError):
    """The rider has a vehicle of the journey already, in her booking ``booking_id``."""

    def __init__(self, booking_id: str, mode: str, state: str) -> None:
        super().__init__(
            f"the {mode} is in your booking {booking_id} already, which is {state}: go on with "
            "that one, or cancel it first"
        )
        self.booking_id = booking_id


class CeilingTooLowError(BookingError):
    """The rider's spending ceiling does not cover the expected price."""


class UnknownMethodError(BookingError):
    """The payment method is neither saved with this rider nor a test card."""


class DebitRefusedError(BookingError):
    """A debit takes days and can be taken back; what is paid for here does not wait for it."""

    def __init__(self, detail: str, usable_methods: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.usable_methods = usable_methods


class DebitUnderWayError(BookingError):
    """A debit is on its way; charging something else meanwhile would be charging twice."""


class NothingToBookError(BookingError):
    """No leg of the journey is carried out by a provider."""


class BookingFailedError(BookingError):
    """The booking was tried and undone; ``booking_id`` keeps the story."""

    def __init__(self, booking_id: str, detail: str) -> None:
        super().__init__(f"{detail}; nothing was charged")
        self.booking_id = booking_id


class VehicleTakenError(BookingFailedError):
    """A vehicle of the journey is no longer to be had."""


class ProviderRefusedError(BookingFailedError):
    """A provider of the journey refused."""


class ProviderSilentError(BookingFailedError):
    """A provider of the journey did not answer in time."""


class TooLateError(BookingFailedError):
    """A bus or ferry of the journey left before the booking was decided."""


class PaymentFailedError(BookingFailedError):
    """The payment was declined, abandoned or came too late."""


FAILURES: dict[str, type[BookingFailedError]] = {
    "vehicle-taken": VehicleTakenError,
    "provider-refused": ProviderRefusedError,
    "provider-not-answering": ProviderSilentError,
    "too-late": TooLateError,
    "payment-declined": PaymentFailedError,
    "payment-abandoned": PaymentFailedError,
    "payment-released": PaymentFailedError,
    "hold-expired": PaymentFailedError,
}
"""The error for each ``states.Failure.type``."""


class TicketElsewhereError(BookingError):
    """The ticket is bound to another device or session; it can be moved here."""


class TicketMovesUsedError(BookingError):
    """The ticket has moved between devices as often as it may; staff can allow more."""


class LegRefusedError(BookingError):
    """The provider refused to start or finish a leg."""


class NotFoundError(BookingError):
    """There is no such booking, or it is somebody else's."""


class SplitRefusedError(BookingError):
    """The shares of a bill do not add up to what was paid."""


class ClaimRefusedError(BookingError):
    """A claim cannot be filed as it was asked for; says what is missing."""


class NothingToRebookError(BookingError):
    """Of no leg of the trip it is known that it is cancelled or will be missed."""


class AlreadyRebookedError(BookingError):
    """Another booking takes the place of the rest of this one; ``booking_id`` names it."""

    def __init__(self, booking_id: str, by: str) -> None:
        super().__init__(f"booking {booking_id} is rebooked as {by}; go on with that one")
        self.booking_id = by


class NoOptionError(BookingError):
    """No other way can be had at the locked price; ``reasons`` say in German what else there is."""

    def __init__(self, detail: str, reasons: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.reasons = reasons


class WrongStateError(BookingError):
    """The state does not allow it."""


class KeyReusedError(BookingError):
    """An Idempotency-Key must not be used for two different requests."""


class KeyMissingError(BookingError):
    """A request that books must carry an Idempotency-Key."""
