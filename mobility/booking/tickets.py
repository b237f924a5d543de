"""Which device shows a ticket: one at a time, the one before it revoked in the same transaction.

A ticket has one row, and the row one binding, so that two valid ones cannot be written down.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.errors import (
    NotFoundError,
    TicketElsewhereError,
    TicketMovesUsedError,
    WrongStateError,
)
from mobility.booking.trip import Aim
from mobility.tables import booking, leg, ticket, ticket_key_revocation
from providers.bus.ticket import Ticket, read_claims
from providers.bus.ticket_keys import LASTS, read_day
from providers.values import AccessFormat, ProviderId

MOVES = 5
"""How often a rider may move a ticket by herself; more looks like passing it around."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a leg shows or opens, as its provider gave it."""

    leg_id: str
    provider_id: ProviderId
    code: str
    format: AccessFormat
    base64: bool
    valid_until: datetime | None

    @property
    def ticket(self) -> Ticket | None:
        """What it says, if it is a ticket that we sign."""
        return read_claims(self.code) if self.format is AccessFormat.TICKET else None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who shows a ticket: a device by its public key, else we do for one sign-in."""

    device_key: str | None
    session: str | None


@dataclass(frozen=True, slots=True)
class Binding:
    """The valid binding of a ticket."""

    number: int
    moves_left: int


@dataclass(frozen=True, slots=True)
class HeldTicket:
    """Who shows a ticket, as it is stored."""

    leg_id: str
    ticket_id: str
    valid_until: datetime
    binding: int
    device_key: str | None
    session: str | None
    void_at: datetime | None


async def lock_access(tx: AsyncConnection, rider_id: str, booking_id: str, leg_id: str) -> Access:
    """What a rider's leg shows; nothing of it is given back before the transaction ends.

    Raises:
        NotFoundError: no such leg of hers that a provider carries out.
        WrongStateError: there is nothing to show yet, or any more.
    """
    aim = await tx.scalar(
        select(booking.c.aim)
        .where(booking.c.id == booking_id, booking.c.rider_id == rider_id)
        .with_for_update()
    )
    mine = (leg.c.booking_id == booking_id, leg.c.id == leg_id)
    row = (await tx.execute(select(leg).where(*mine))).one_or_none()
    if aim is None or row is None or row.provider_id is None:
        raise NotFoundError(f"booking {booking_id} has no leg {leg_id} with a ticket")
    if aim != Aim.TRAVEL:
        raise WrongStateError(f"leg {leg_id} has no ticket any more: the booking is given back")
    if row.access_code is None:
        raise WrongStateError(f"leg {leg_id} has no ticket: it is {row.state}")
    return Access(
        leg_id=row.id,
        provider_id=ProviderId(row.provider_id),
        code=row.access_code,
        format=AccessFormat(row.access_format),
        base64=row.access_base64,
        valid_until=row.hold_expires_at,
    )


async def hold_ticket(
    tx: AsyncConnection, booking_id: str, access: Access, holder: Holder, *, move: bool
) -> Binding:
    """Bind a locked booking's ticket to a holder, or find it bound; ``move`` takes it from another.

    Raises:
        ValueError: it is no ticket of ours.
        WrongStateError: it is void.
        TicketElsewhereError: another one holds it, and it was not asked to move.
        TicketMovesUsedError: it has moved as often as it may.
    """
    said = access.ticket
    if said is None:
        raise ValueError(f"leg {access.leg_id} has no ticket to be bound")
    mine = (ticket.c.booking_id == booking_id, ticket.c.leg_id == access.leg_id)
    holds = {"device_key": holder.device_key, "session": holder.session}
    row = (await tx.execute(select(ticket).where(*mine))).mappings().one_or_none()
    if row is None:
        await tx.execute(
            insert(ticket).values(
                booking_id=booking_id,
                leg_id=access.leg_id,
                ticket_id=said.id,
                valid_until=said.valid_until,
                binding=1,
                moves_left=MOVES,
                **holds,
            )
        )
        return Binding(1, MOVES)
    if row["void_at"] is not None:
        raise WrongStateError(f"leg {access.leg_id} has no ticket any more")
    if _holder(row) == holder:
        return Binding(row["binding"], row["moves_left"])
    if not move:
        raise TicketElsewhereError("another device shows this ticket; POST to have it here instead")
    if not row["moves_left"]:
        raise TicketMovesUsedError("it has moved as often as a ticket may; ask the service")
    moved = Binding(row["binding"] + 1, row["moves_left"] - 1)
    await tx.execute(
        update(ticket)
        .where(*mine)
        .values(binding=moved.number, moves_left=moved.moves_left, **holds)
    )
    return moved


def _holder(row: RowMapping) -> Holder:
    return Holder(row["device_key"], row["session"])


async def list_tickets(tx: AsyncConnection, rider_id: str) -> list[HeldTicket]:
    """What is stored of a rider's tickets that were shown, beside their legs."""
    found = await tx.execute(
        select(ticket)
        .join(booking, booking.c.id == ticket.c.booking_id)
        .where(booking.c.rider_id == rider_id)
        .order_by(ticket.c.valid_until, ticket.c.leg_id)
    )
    return [
        HeldTicket(
            leg_id=row.leg_id,
            ticket_id=row.ticket_id,
            valid_until=row.valid_until,
            binding=row.binding,
            device_key=row.device_key,
            session=row.session,
            void_at=row.void_at,
        )
        for row in found
    ]


async def void_tickets(
    tx: AsyncConnection, booking_id: str, now: datetime, *, leg_id: str | None = None
) -> None:
    """Revoke whatever bindings the tickets of a locked booking have, or that of one leg."""
    these = [ticket.c.booking_id == booking_id, ticket.c.void_at.is_(None)]
    if leg_id is not None:
        these.append(ticket.c.leg_id == leg_id)
    await tx.execute(update(ticket).where(*these).values(void_at=now))


async def allow_move(tx: AsyncConnection, booking_id: str, leg_id: str) -> int:
    """Let a ticket move once more; returns how often it may now.

    Raises:
        NotFoundError: no such ticket was ever shown.
    """
    left = await tx.scalar(
        update(ticket)
        .where(ticket.c.booking_id == booking_id, ticket.c.leg_id == leg_id)
        .values(moves_left=ticket.c.moves_left + 1)
        .returning(ticket.c.moves_left)
    )
    if left is None:
        raise NotFoundError(f"no ticket of leg {leg_id} of booking {booking_id} was ever shown")
    return int(left)


async def list_revoked(tx: AsyncConnection, now: datetime) -> dict[str, int]:
    """By ticket id the last binding that is revoked, of tickets that could else be valid."""
    last = case((ticket.c.void_at.is_not(None), ticket.c.binding), else_=ticket.c.binding - 1)
    found = await tx.execute(
        select(ticket.c.ticket_id, last.label("last")).where(
            ticket.c.valid_until >= now,
            (ticket.c.binding > 1) | ticket.c.void_at.is_not(None),
        )
    )
    return {row.ticket_id: row.last for row in found}


async def list_revoked_keys(tx: AsyncConnection) -> frozenset[str]:
    """The ids of all signing keys that were ever withdrawn."""
    return frozenset(await tx.scalars(select(ticket_key_revocation.c.key_id)))


def could_be_valid(key_id: str, now: datetime) -> bool:
    """Whether something signed by a key could still be valid, or become so."""
    return read_day(key_id) >= (now - LASTS).date()


async def revoke_key(tx: AsyncConnection, key_id: str, now: datetime) -> None:
    """Withdraw a signing key; again changes nothing.

    Raises:
        ValueError: no key has such an id.
    """
    read_day(key_id)
    await tx.execute(
        insert(ticket_key_revocation).values(key_id=key_id, revoked_at=now).on_conflict_do_nothing()
    )
