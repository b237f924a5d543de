"""A payment from start to end, as the use cases drive it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from payments import charge, ledger, refund
from payments.gateway import Gateway
from payments.money import Money
from payments.operation import Operation, Outcome
from payments.payment import Payment
from payments.postings import Split


def split(gross: int, leg: str = "leg_1", commission: int = 0, provider: str = "bus") -> Split:
    return Split(provider, leg, Money(gross), Decimal(7), Money(commission), "sh-tarif-2026")


@dataclass
class Till:
    """Drives payments against one database and one processor."""

    engine: AsyncEngine
    gateway: Gateway
    now: datetime
    customer: str = ""

    async def drive(self, operation: Operation | None) -> Payment:
        assert operation is not None
        while operation:
            outcome = await charge.call(self.gateway, operation)
            payment = await self.record(operation, outcome)
            operation = payment.next_operation
        return payment

    async def record(self, operation: Operation, outcome: Outcome) -> Payment:
        async with self.engine.begin() as tx:
            return await charge.record(tx, operation, outcome, self.now)

    async def begin(self, amount: int, method: str = "pm_card_visa", pid: str = "pay_1"):
        if not self.customer:
            self.customer = await self.gateway.create_customer(f"rider of {pid}")
        async with self.engine.begin() as tx:
            return await charge.prepare_authorisation(
                tx,
                payment_id=pid,
                booking_id=pid.replace("pay", "bkg"),
                amount=Money(amount),
                customer_ref=self.customer,
                method=method,
                return_url="http://127.0.0.1/back",
                now=self.now,
            )

    async def authorise(
        self, amount: int, method: str = "pm_card_visa", pid: str = "pay_1"
    ) -> Payment:
        return await self.drive(await self.begin(amount, method, pid))

    async def begin_capture(self, *splits: Split, pid: str = "pay_1") -> Operation:
        total = Money.total(each.gross for each in splits)
        async with self.engine.begin() as tx:
            return await charge.prepare_capture(tx, pid, total, splits, now=self.now)

    async def capture(self, *splits: Split, pid: str = "pay_1") -> Payment:
        return await self.drive(await self.begin_capture(*splits, pid=pid))

    async def begin_release(self, pid: str = "pay_1") -> Operation | None:
        async with self.engine.begin() as tx:
            return await charge.prepare_release(tx, pid, now=self.now)

    async def begin_refund(self, amount: int, key: str = "all", pid: str = "pay_1") -> Operation:
        async with self.engine.begin() as tx:
            return await refund.prepare_refund(
                tx, pid, Money(amount), "cancelled", key=key, now=self.now
            )

    async def refund(self, amount: int, key: str = "all", pid: str = "pay_1") -> Payment:
        return await self.drive(await self.begin_refund(amount, key, pid))

    async def resume(self, pid: str = "pay_1") -> Payment:
        """What a process does that finds a payment another one left behind."""
        async with self.engine.connect() as tx:
            operations = await charge.find_open_operations(tx, pid)
        for operation in operations:
            await self.drive(operation)
        return await self.payment(pid)

    async def payment(self, pid: str = "pay_1") -> Payment:
        async with self.engine.connect() as tx:
            return await charge.get_payment(tx, pid)

    async def balances(self) -> dict[str, int]:
        async with self.engine.connect() as tx:
            return {a.code: total.minor for a, total in await ledger.list_balances(tx)}
