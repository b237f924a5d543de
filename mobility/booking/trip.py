"""A booked trip as one value: the booking, its legs, what was asked of providers, its payment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from payments.money import Money
from providers.values import Mode, ProviderId


class BookingState(StrEnum):
    """What a client sees of a booking."""

    HELD = "held"
    """The price is locked; vehicles are being held or are held."""
    AWAITING_PAYMENT = "awaiting_payment"
    CONFIRMED = "confirmed"
    ACTIVE = "active"
    COMPLETED = "completed"
    SETTLED = "settled"
    CANCELLED = "cancelled"
    FAILED = "failed"
    NEEDS_ATTENTION = "needs_attention"


class Aim(StrEnum):
    """Where a booking is being brought to."""

    TRAVEL = "travel"
    CANCEL = "cancel"
    FAIL = "fail"
    GIVE_BACK = "give_back"
    """Staff ends it: all money goes back, also for what was ridden."""


class LegState(StrEnum):
    """A leg, as our records have it."""

    PLANNED = "planned"
    HELD = "held"
    CONFIRMED = "confirmed"
    ACTIVE = "active"
    ENDED = "ended"
    CANCELLED = "cancelled"
    FAILED = "failed"


GONE = (LegState.CANCELLED, LegState.FAILED)
"""A leg that nobody rides any more."""


class Ask(StrEnum):
    """What we ask a provider to do with a leg."""

    HOLD = "hold"
    CONFIRM = "confirm"
    START = "start"
    FINISH = "finish"
    CANCEL = "cancel"
    EXTEND = "extend"


class AskState(StrEnum):
    """How far an ask is: only ``sent`` may or may not have happened."""

    PLANNED = "planned"
    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"


class PaymentView(StrEnum):
    """A payment as far as a booking cares."""

    NONE = "none"
    OPEN = "open"
    """An operation is under way, or its outcome is not known yet."""
    REQUIRES_ACTION = "requires_action"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    DECLINED = "declined"
    RELEASED = "released"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Asked:
    """One ask of a provider, as recorded."""

    state: AskState
    attempts: int
    asked_at: datetime
    error: str | None = None
    ours: bool = False
    """Asked because the leg's time was up, whatever the rider wanted."""


def _may_have_happened(asked: Asked) -> bool:
    """A refusal of the first attempt is certain; a later one may follow an effect we missed."""
    if asked.state is AskState.REFUSED:
        return asked.attempts > 1
    return asked.attempts > 0 and asked.state is not AskState.DONE


@dataclass(frozen=True, slots=True)
class Contract:
    """What a leg was booked as, which never changes: what its provider is asked for, and gets."""

    order_key: str
    offered: str | None
    """The offer's leg as JSON; None once the trip's places were forgotten."""
    tariff_version: str
    vat_percent: Decimal
    commission_percent: Decimal


@dataclass(frozen=True, slots=True)
class TripLeg:
    """One leg. A walk has no provider and nothing is asked of anyone for it."""

    id: str
    position: int
    mode: Mode
    provider_id: ProviderId | None
    scarce: bool
    state: LegState
    departs_at: datetime
    arrives_at: datetime
    quoted: Money
    ceiling: Money
    final: Money | None
    looked_at: datetime | None
    """When a vehicle being ridden was last read at its provider."""
    asked: Mapping[Ask, Asked]
    started_at: datetime | None = None
    held_until: datetime | None = None
    """Until when the provider said that it holds the leg."""
    kept_until: datetime | None = None
    """Until when a vehicle waits for its rider at least; None as long as is usual."""
    end_by: datetime | None = None
    """When we end a ride of this leg ourselves; None as long as it may go on."""
    product: str | None = None
    """Which ticket it is on; None for a rented vehicle."""
    contract: Contract | None = None

    @property
    def issued(self) -> bool:
        """A ticket that its rider has. That she says she begins it changes nothing of it."""
        return not self.scarce and self.state in (LegState.CONFIRMED, LegState.ACTIVE)

    @property
    def ridden(self) -> bool:
        """Over, or a vehicle that is being ridden; a ticket is used by the clock alone."""
        return self.state is LegState.ENDED or (self.scarce and self.state is LegState.ACTIVE)

    @property
    def open(self) -> bool:
        """Whether the provider may still hold something for this leg."""
        if self.state in (LegState.HELD, LegState.CONFIRMED) or self.issued:
            return True
        return self.state is LegState.PLANNED and any(
            _may_have_happened(asked)
            for ask, asked in self.asked.items()
            if ask in (Ask.HOLD, Ask.CONFIRM)
        )

    def pending(self, ask: Ask) -> Asked | None:
        """The ask, if it is neither fulfilled nor refused."""
        asked = self.asked.get(ask)
        if asked is None or asked.state not in (AskState.PLANNED, AskState.SENT):
            return None
        return asked


@dataclass(frozen=True, slots=True)
class Trip:
    """Everything that decides what happens next to a booking."""

    id: str
    rider_id: str
    state: BookingState
    aim: Aim
    payment: PaymentView
    price: Money
    ceiling: Money
    """What is authorised: no more is taken from the rider's card."""
    kept: Money
    """What was captured and not refunded."""
    owed: Money
    """What was used beyond what could be captured, and stands in the books as a receivable."""
    lapses_at: datetime | None
    """When the card's issuer lets the authorisation lapse."""
    created_at: datetime
    expires_at: datetime
    legs: tuple[TripLeg, ...]
    locked: Money | None = None
    """What its rider pays at most, where it takes the place of the rest of another trip."""
    payment_id: str = ""
    payment_method: str = ""
    passengers: int = 1

    @property
    def provided(self) -> tuple[TripLeg, ...]:
        """The legs that a provider carries out."""
        return tuple(leg for leg in self.legs if leg.provider_id is not None)

    @property
    def tickets(self) -> tuple[TripLeg, ...]:
        """The rides on a ticket, as products count them."""
        return tuple(leg for leg in self.provided if not leg.scarce)

    @property
    def metered(self) -> bool:
        """Whether the price is known only after the ride."""
        return any(leg.scarce for leg in self.provided)

    @property
    def final(self) -> Money:
        """What the legs that were used cost; beyond the ceiling the rider owes it."""
        return Money.total(
            leg.quoted if leg.final is None else leg.final
            for leg in self.provided
            if leg.state is LegState.ENDED
        )

    @property
    def costing_nothing(self) -> frozenset[str]:
        """The legs that were given back, or that turned out to be free."""
        return frozenset(
            leg.id
            for leg in self.provided
            if leg.state is LegState.CANCELLED or (leg.final is not None and not leg.final)
        )
