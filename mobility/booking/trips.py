"""Reading and writing trips: rows to values and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    ClauseElement,
    RowMapping,
    Text,
    Update,
    bindparam,
    cast,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.errors import NotFoundError
from mobility.booking.moves import TOO_LONG, Act, Move
from mobility.booking.payment_view import SEEN, PaymentSeen, seen_of
from mobility.booking.tickets import void_tickets
from mobility.booking.trip import (
    Aim,
    Ask,
    Asked,
    AskState,
    BookingState,
    Contract,
    LegState,
    Trip,
    TripLeg,
)
from mobility.planning.offer import OfferLeg
from mobility.tables import booking, leg, provider_operation
from payments.money import Money
from payments.tables import payment
from providers.values import LegOrder, Mode, ProviderId

MONEY_GOES_BACK = (Act.RELEASE, Act.REFUND)
OFFER_LEG = TypeAdapter(OfferLeg)


async def get_trip(tx: AsyncConnection, booking_id: str, *, lock: bool = False) -> Trip:
    """The trip; with ``lock`` nobody else decides about it until the transaction ends.

    Raises:
        NotFoundError: there is no such booking.
    """
    if lock:
        await lock_booking(tx, booking_id)
    rows = (await tx.execute(_TRIP, {"booking_id": booking_id})).mappings().all()
    if not rows:
        raise NotFoundError(f"there is no booking {booking_id}")
    legs: dict[str, RowMapping] = {}
    asked: dict[str, dict[Ask, Asked]] = defaultdict(dict)
    for each in rows:
        if each["leg_id"] is not None:
            legs[each["leg_id"]] = each
        if each["kind"] is not None:
            asked[each["leg_id"]][Ask(each["kind"])] = Asked(
                AskState(each["ask_state"]),
                each["attempts"],
                each["asked_at"],
                each["error"],
                each["ours"],
            )
    row = rows[0]
    payment = await seen_of(tx, row)
    return _trip(
        row, tuple(_leg(r, row["currency"], asked[r["leg_id"]]) for r in legs.values()), payment
    )


_TRIP = (
    select(
        *(booking.c.id, booking.c.rider_id, booking.c.state, booking.c.aim, booking.c.payment_id),
        *(booking.c.price_minor, booking.c.ceiling_minor, booking.c.currency),
        *(booking.c.created_at, booking.c.expires_at, booking.c.locked_minor),
        *(booking.c.payment_method, booking.c.passengers),
        *(leg.c.id.label("leg_id"), leg.c.position, leg.c.mode, leg.c.provider_id, leg.c.scarce),
        *(leg.c.state.label("leg_state"), leg.c.departs_at, leg.c.arrives_at, leg.c.quoted_minor),
        leg.c.ceiling_minor.label("leg_ceiling_minor"),
        *(leg.c.final_minor, leg.c.looked_at, leg.c.started_at, leg.c.hold_expires_at),
        *(leg.c.kept_until, leg.c.end_by, leg.c.product),
        *(leg.c.order_key, cast(leg.c.detail, Text).label("offered"), leg.c.tariff_version),
        *(leg.c.vat_percent, leg.c.commission_percent),
        provider_operation.c.kind,
        provider_operation.c.state.label("ask_state"),
        *(provider_operation.c.attempts, provider_operation.c.asked_at),
        *(provider_operation.c.error, provider_operation.c.ours),
        *SEEN,
    )
    .outerjoin(leg, leg.c.booking_id == booking.c.id)
    .outerjoin(
        provider_operation,
        (provider_operation.c.booking_id == leg.c.booking_id)
        & (provider_operation.c.leg_id == leg.c.id),
    )
    .outerjoin(payment, payment.c.id == booking.c.payment_id)
    .where(booking.c.id == bindparam("booking_id"))
    .order_by(leg.c.position)
)
"""A row for each leg and ask. One statement, as it is the one asked most; it locks nothing, since a
lock that was waited for shows the locked row anew and the joined ones as they were.
"""
_LOCK = select(booking.c.id).where(booking.c.id == bindparam("booking_id")).with_for_update()


async def lock_booking(tx: AsyncConnection, booking_id: str) -> None:
    """Let nobody else decide about a booking until the transaction ends; before it is read."""
    await tx.execute(_LOCK, {"booking_id": booking_id})


def _trip(row: RowMapping, legs: tuple[TripLeg, ...], payment: PaymentSeen) -> Trip:
    locked = row["locked_minor"]
    return Trip(
        id=row["id"],
        rider_id=row["rider_id"],
        state=BookingState(row["state"]),
        aim=Aim(row["aim"]),
        payment=payment.view,
        price=Money(row["price_minor"], row["currency"]),
        ceiling=Money(row["ceiling_minor"], row["currency"]),
        kept=payment.kept,
        owed=payment.owed,
        lapses_at=payment.lapses_at,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        legs=legs,
        locked=None if locked is None else Money(locked, row["currency"]),
        payment_id=row["payment_id"],
        payment_method=row["payment_method"],
        passengers=row["passengers"],
    )


def _leg(row: RowMapping, currency: str, asked: Mapping[Ask, Asked]) -> TripLeg:
    final = row["final_minor"]
    return TripLeg(
        id=row["leg_id"],
        position=row["position"],
        mode=Mode(row["mode"]),
        provider_id=ProviderId(row["provider_id"]) if row["provider_id"] else None,
        scarce=row["scarce"],
        state=LegState(row["leg_state"]),
        departs_at=row["departs_at"],
        arrives_at=row["arrives_at"],
        quoted=Money(row["quoted_minor"], currency),
        ceiling=Money(row["leg_ceiling_minor"], currency),
        final=None if final is None else Money(final, currency),
        looked_at=row["looked_at"],
        asked=asked,
        started_at=row["started_at"],
        held_until=row["hold_expires_at"],
        kept_until=row["kept_until"],
        end_by=row["end_by"],
        product=row["product"],
        contract=Contract(
            row["order_key"],
            row["offered"],
            row["tariff_version"] or "",
            row["vat_percent"],
            row["commission_percent"],
        ),
    )


_THIS_LEG = (leg.c.booking_id == bindparam("of_booking"), leg.c.id == bindparam("of_leg"))
SET_LEG = update(leg).where(*_THIS_LEG)


def order_of(trip: Trip, leg: TripLeg, rider: str) -> LegOrder:
    """What is asked of the provider for a leg, always the same for the same leg.

    Raises:
        ValueError: no provider carries it out, or its places were forgotten.
    """
    contract, provider_id = leg.contract, leg.provider_id
    if provider_id is None or contract is None or contract.offered is None:
        raise ValueError(f"nothing can be asked of a provider for {leg.id}")
    offered = OFFER_LEG.validate_json(contract.offered)
    return LegOrder(
        key=contract.order_key,
        rider=rider,
        provider_id=provider_id,
        mode=offered.mode,
        departs_at=leg.departs_at,
        arrives_at=leg.arrives_at,
        origin=offered.origin,
        destination=offered.destination,
        origin_name=offered.origin_name,
        destination_name=offered.destination_name,
        price=leg.quoted,
        vehicle_ref=offered.vehicle_ref,
        station_id=offered.station_id,
        line=offered.line,
        product=leg.product,
        tariff_version=contract.tariff_version,
        passengers=trip.passengers,
    )


_SET_BOOKING = update(booking).where(booking.c.id == bindparam("of_booking"))


async def record_move(tx: AsyncConnection, trip: Trip, move: Move, now: datetime) -> None:
    """Write a decision: the booking's state and aim, and the legs that it ends by itself.

    Before the money of a whole booking goes back, its tickets are void, also where a provider
    does not take a leg back.
    """
    if move.aim is not Aim.TRAVEL and any(action.act in MONEY_GOES_BACK for action in move.actions):
        await void_tickets(tx, trip.id, now)
    changes: dict[str, Any] = {}
    if move.state is not trip.state:
        changes["state"] = move.state
        needs_attention = move.state is BookingState.NEEDS_ATTENTION
        changes["attention_since"] = now if needs_attention else None
    if move.aim is not trip.aim:
        changes["aim"] = move.aim
        changes["undo_since"] = None if move.aim is Aim.TRAVEL else now
    if move.failure is not None:
        changes |= {
            "failure_type": move.failure.type,
            "failure_detail": move.failure.detail,
            "decided_at": now,
        }
    if changes:
        await tx.execute(_SET_BOOKING, {"of_booking": trip.id, **changes})
    for leg_id in move.ended_legs:
        one = next(item for item in trip.legs if item.id == leg_id)
        await set_leg(
            tx,
            trip.id,
            leg_id,
            state=LegState.ENDED,
            ended_at=one.arrives_at,
            final_minor=(one.quoted if one.final is None else one.final).minor,
        )
    for leg_id in move.dropped_legs:
        await set_leg(tx, trip.id, leg_id, state=LegState.CANCELLED)
    for leg_id in move.dropped_starts:
        await tx.execute(
            update(provider_operation)
            .where(
                provider_operation.c.booking_id == trip.id,
                provider_operation.c.leg_id == leg_id,
                provider_operation.c.kind == Ask.START,
            )
            .values(state=AskState.REFUSED, error=TOO_LONG, decided_at=now)
        )


async def mark_needs_attention(tx: AsyncConnection, booking_id: str, now: datetime) -> None:
    """Say that a person must look at a booking, since now unless it said so before."""
    await tx.execute(
        update(booking)
        .where(booking.c.id == booking_id)
        .values(
            state=BookingState.NEEDS_ATTENTION,
            attention_since=func.coalesce(booking.c.attention_since, now),
        )
    )


async def set_undo_aim(tx: AsyncConnection, booking_id: str, aim: Aim, now: datetime) -> str:
    """Turn a booking towards its end; returns the id of its payment."""
    payment_id = await tx.scalar(
        update(booking)
        .where(booking.c.id == booking_id)
        .values(aim=aim, undo_since=func.coalesce(booking.c.undo_since, now))
        .returning(booking.c.payment_id)
    )
    return str(payment_id)


async def set_leg(tx: AsyncConnection, booking_id: str, leg_id: str, **values: Any) -> None:
    """Change a leg's row."""
    statement, plain = with_values(SET_LEG, values)
    await tx.execute(statement, {"of_booking": booking_id, "of_leg": leg_id, **plain})


def with_values(statement: Update, values: Mapping[str, Any]) -> tuple[Update, dict[str, Any]]:
    """The statement with what the database reckons, and the other values to send with it."""
    reckoned = {name: value for name, value in values.items() if isinstance(value, ClauseElement)}
    plain = {name: value for name, value in values.items() if name not in reckoned}
    return statement.values(**reckoned) if reckoned else statement, plain
