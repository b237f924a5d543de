"""What riders ask for: a booking, and to pay what they owe."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from mobility.booking.book import BookingRequest, ProviderTerms, prepare_booking
from mobility.booking.collect import ask_to_pay, list_owed
from mobility.db import transaction
from mobility.tables import booking
from payments.debt import DebtState
from payments.money import Money
from tests.simulation.world import Process, World


async def book(world: World, process: Process, request: BookingRequest) -> None:
    """Book an offer; who asks again after a crash gets what there is."""
    async with transaction(process.desk.engine) as tx:
        if await tx.scalar(select(booking.c.id).where(booking.c.offer_id == request.offer.id)):
            return
        await prepare_booking(
            tx,
            request,
            lambda id_: ProviderTerms(process.desk.providers[id_], Decimal(8)),
            hold=timedelta(minutes=10),
            now=world.clock.now,
        )


async def pay(
    world: World, process: Process, rider: str, method: str, *, by_debit: bool
) -> list[Money]:
    """Pay what a rider owes and may pay now; each amount."""
    asked = []
    async with transaction(process.desk.engine) as tx:
        for owed in await list_owed(tx, rider):
            debt = owed.debt
            if debt.is_due and debt.state in (DebtState.ARREARS, DebtState.PROCESSING):
                asked.append(debt.left)
                await ask_to_pay(
                    tx, owed, method=method, by_debit=by_debit,
                    return_url="http://rider.test/paid", now=world.clock.now,
                )  # fmt: skip
    return asked
