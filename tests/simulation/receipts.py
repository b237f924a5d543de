"""Receipts and bills that are split say what was paid, and each price computed anew is the same."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import cast

from mobility.booking.bill_split import BillShare, split_by_amounts, split_equally
from mobility.booking.errors import WrongStateError
from mobility.booking.queries import get_any_booking
from mobility.booking.receipt import Receipt, get_receipt
from mobility.booking.trip import Trip
from mobility.cities.city import City
from payments.money import Money
from providers.bus.fare_table import FareTable
from tests.simulation.offers import BUS
from tests.simulation.world import World

OUT = ("refund", "guarantee", "rebate", "rebooking", "goodwill", "taken_back")
PERSONS = ("Anna", "Ben", "Cem")


async def list_misbilled(world: World, trips: list[Trip], paid: Mapping[str, int]) -> list[str]:
    """Where a receipt or a split bill says something else than what happened.

    ``paid``: what each trip cost its rider in the end, in cents.
    """
    breaks = []
    for trip in trips:
        with suppress(WrongStateError):  # not over
            async with world.engine.begin() as tx:
                record = await get_any_booking(tx, trip.id)
                receipt = await get_receipt(tx, record, _city(world))
            breaks += [f"the receipt of {trip.id}: {wrong}" for wrong in _check(receipt)]
            if trip.id in paid and receipt.paid.minor != paid[trip.id]:
                breaks.append(f"the receipt of {trip.id}: {receipt.paid}, not {paid[trip.id]} ct")
            breaks += [f"the bill of {trip.id}: {wrong}" for wrong in _split(receipt)]
    return breaks


def _city(world: World) -> City:
    def get_fares(provider_id: str) -> FareTable:
        if provider_id != BUS:
            raise KeyError(provider_id)
        return world.city.fares

    stanzas = {str(id_): stanza for id_, stanza in world.city.stanzas.items()}
    return cast("City", SimpleNamespace(get_fares=get_fares, get_provider=stanzas.__getitem__))


def _check(receipt: Receipt) -> list[str]:
    moved = sum(
        -each.amount.minor if each.kind in OUT else each.amount.minor for each in receipt.movements
    )
    wrong = [f"{line.mode} is {line.off} off" for line in receipt.lines if line.off]
    if moved != (receipt.captured - receipt.refunded).minor:
        told = ", ".join(f"{each.kind} {each.amount}" for each in receipt.movements)
        wrong.append(f"{told} are not {receipt.captured} less {receipt.refunded}")
    return wrong


def _split(receipt: Receipt) -> list[str]:
    wrong = []
    with suppress(WrongStateError):  # nothing to share, or not paid
        equal = split_equally(receipt, PERSONS)
        least = Money(1)
        uneven = split_by_amounts(receipt, [("Anna", least), ("Ben", receipt.paid - least)])
        cents = [share.amount.minor for share in equal]
        if max(cents) - min(cents) > 1:
            wrong.append(f"{cents} are not equal")
        for shares in (equal, uneven):
            wrong += _add_up(shares, receipt.paid)
    return wrong


def _add_up(shares: tuple[BillShare, ...], paid: Money) -> list[str]:
    wrong = []
    if Money.total((share.amount for share in shares), paid.currency) != paid:
        wrong.append(f"the shares are not {paid}")
    for share in shares:
        rates = Money.total((rate.gross for rate in share.rates), paid.currency)
        if rates != share.amount:
            wrong.append(f"{rates} by rates, {share.amount}")
        wrong += [
            f"tax {r.vat} of {r.gross}"
            for r in share.rates
            if not 0 <= r.vat.minor <= r.gross.minor
        ]
    return wrong
