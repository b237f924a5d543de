"""What our books say of a booking when all is over, in words that are the same in every world."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from mobility.tables import booking, leg
from payments.tables import debt, entry, journal, money_operation, payment, psp_event
from tests.simulation.world import World


@dataclass(frozen=True)
class Books:
    """Every row without its times, with names for ids."""

    booking: str
    legs: tuple[str, ...]
    payments: tuple[str, ...]
    debts: tuple[str, ...]
    operations: tuple[str, ...]
    lines: tuple[str, ...]
    """Of the ledger, as ``journal's key, account, amount``."""


async def read_books(world: World) -> Books:
    """The booking, its payment, the operations and the whole ledger."""
    async with world.engine.begin() as tx:
        trip = (await tx.execute(select(booking))).one()
        legs = (await tx.execute(select(leg).order_by(leg.c.position))).all()
        payments = (await tx.execute(select(payment).order_by("created_at", "id"))).all()
        debts = (await tx.execute(select(debt))).all()
        operations = (await tx.execute(select(money_operation))).all()
        lines = (
            await tx.execute(
                select(journal.c.idem_key, journal.c.kind, entry).join(
                    entry, entry.c.journal_id == journal.c.id
                )
            )
        ).all()
    names = {each.id: f"leg {each.position}" for each in legs}

    def named(text: object) -> str:
        for number, each in enumerate(payments, 1):
            text = str(text).replace(each.id, f"pay {number}")
        return str(text)

    return Books(
        f"{trip.state} {trip.aim}",
        tuple(f"{each.mode} {each.state} {each.final_minor}" for each in legs),
        tuple(
            f"{each.state} {each.amount_minor} {each.authorised_minor} {each.captured_minor}"
            f" {each.refunded_minor} {each.receivable_minor} {each.decline_code}"
            for each in payments
        ),
        tuple(
            f"{each.state} {each.amount_minor} {each.paid_minor} {each.refused_because}"
            for each in debts
        ),
        tuple(
            f"{named(each.id)} {each.state} {each.amount_minor} {each.error_code}"
            for each in sorted(operations, key=lambda each: named(each.id))
        ),
        tuple(
            f"{named(each.idem_key)} {each.kind} {each.account_code} {each.amount_minor}"
            f" {names.get(each.leg_id)} {each.vat_percent} {each.tariff_version}"
            for each in sorted(lines, key=lambda each: (named(each.idem_key), each.line))
        ),
    )


async def read_events(world: World) -> dict[str, str]:
    """Each event that we know and what became of it."""
    async with world.engine.begin() as tx:
        rows = await tx.execute(select(psp_event.c.id, psp_event.c.state))
        return {row.id: row.state for row in rows}
