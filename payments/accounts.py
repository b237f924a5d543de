"""The chart of accounts: data in ``chart.csv``, one account per role, currency and provider.

The DATEV numbers (SKR03, SKR04) are proposals of that file, for an accountant to confirm.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.tables import account


class Role(StrEnum):
    """What an account is for; the rows of ``chart.csv``."""

    PROCESSOR = "processor"
    """Our balance at the payment processor, which is kept like a bank account."""
    PAYOUT_TRANSIT = "payout_transit"
    """Paid out by the processor, not yet seen at the bank."""
    RIDER_RECEIVABLE = "rider_receivable"
    """Ridden, but beyond what could be captured."""
    PROVIDER_PAYABLE = "provider_payable"
    """Collected for a provider as its agent, less our commission."""
    DISPUTED = "disputed"
    """Taken back by cardholders' banks, not decided yet."""
    CARRIER_RECEIVABLE = "carrier_receivable"
    """What a carrier's guarantee gives a rider and we advance: the carrier owes it to us."""
    CLAIM_PAYABLE = "claim_payable"
    """What a rider is to get by a carrier's guarantee, not yet paid out."""
    BANK = "bank"
    """Our bank account, where something is paid by hand."""
    DAY_CEILING_REBATES = "day_ceiling_rebates"
    """What riders' days cost beyond the city's ceiling: we bear it."""
    REBOOKING_COSTS = "rebooking_costs"
    """What a trip in place of one that could not be made cost beyond the locked price."""
    GOODWILL_REFUNDS = "goodwill_refunds"
    """What staff gives riders back for trips that are over: we bear it."""
    OUTPUT_VAT = "output_vat"
    COMMISSION = "commission"
    PROCESSOR_FEES = "processor_fees"


_OF_A_PROVIDER = frozenset({Role.PROVIDER_PAYABLE, Role.CARRIER_RECEIVABLE})


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the ledger."""

    role: Role
    currency: str
    provider_id: str | None = None

    def __post_init__(self) -> None:
        if (self.role in _OF_A_PROVIDER) != (self.provider_id is not None):
            raise ValueError(f"{self.role} with provider {self.provider_id!r}")

    @property
    def code(self) -> str:
        """The account's key, such as ``provider_payable:nextbike:EUR``."""
        parts = (self.role, self.provider_id, self.currency)
        return ":".join(part for part in parts if part is not None)

    @classmethod
    def of_code(cls, code: str) -> Account:
        """The account a code names.

        Raises:
            ValueError: not a code that ``code`` makes.
        """
        role, *provider, currency = code.split(":")
        return cls(Role(role), currency, ":".join(provider) if provider else None)


@dataclass(frozen=True, slots=True)
class ChartRow:
    """What the chart says of a role. ``kind`` is asset, liability, income or expense."""

    role: Role
    kind: str
    name: str
    skr03: str
    skr04: str


@cache
def chart() -> dict[Role, ChartRow]:
    """The chart as ``chart.csv`` has it."""
    text = resources.files("payments").joinpath("chart.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        Role(row["role"]): ChartRow(
            Role(row["role"]), row["kind"], row["name"], row["skr03"], row["skr04"]
        )
        for row in rows
    }


_ENSURE = insert(account).on_conflict_do_nothing()


async def ensure(tx: AsyncConnection, accounts: Iterable[Account]) -> None:
    """Create the accounts that are not there yet."""
    rows = [
        {
            "code": wanted.code,
            "role": wanted.role.value,
            "name": f"{line.name} ({wanted.provider_id})" if wanted.provider_id else line.name,
            "kind": line.kind,
            "currency": wanted.currency,
            "provider_id": wanted.provider_id,
            "skr03": line.skr03,
            "skr04": line.skr04,
        }
        for wanted in sorted(set(accounts), key=lambda each: each.code)
        for line in (chart()[wanted.role],)
    ]
    if rows:
        await tx.execute(_ENSURE, rows)
