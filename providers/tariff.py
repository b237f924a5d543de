"""What a ride costs by a published plan, and how to say so.

A plan is GBFS 3.0 ``system_pricing_plans``: a price per ride, and segments that charge ``rate`` at
``start`` and again every ``interval`` until before ``end``. A charge at minute or kilometre *t* is
due as soon as the unit that begins at *t* has been entered, so ``interval = 30`` reads "per
started 30 minutes". With a day cap the time tariff starts anew every 24 hours of the ride, and no
24 hours cost more than the cap; the price per ride and kilometres are outside it. Where the plan
names a zone for its days, the first 24 hours of all rides that a rider begins there on one calendar
day cost no more than the cap together; such a plan charges by time alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from payments.money import Money
from providers.price_item import ItemKind, PriceItem
from providers.values import PricingPlan, Quote, Segment, Usage

MINUTES_PER_DAY = 1440
METRES_PER_KM = 1000
CEILING_LEAST_MINUTES = 15
CEILING_LEAST_METRES = 1000


@dataclass(frozen=True, slots=True)
class Priced:
    """A price and the items that add up to it."""

    price: Money
    lines: tuple[str, ...]
    """The items as text; never none."""
    items: tuple[PriceItem, ...] = ()


def version_of(plan: PricingPlan) -> str:
    """The tariff version that quotes and orders carry: ``plan/version``."""
    return f"{plan.id}/{plan.version}"


def price(plan: PricingPlan, usage: Usage, paid: Money | None = None) -> Money:
    """The price of ``usage``, rounded once, half up, to a minor unit; never below zero."""
    return explain(plan, usage, paid).price


def minutes_within(
    plan: PricingPlan, most: Money, metres: int, limit: int, paid: Money | None = None
) -> int:
    """How many minutes cost no more than ``most`` together with ``metres``; at most ``limit``."""
    return bisect_right(
        range(1, limit + 1), most, key=lambda minutes: price(plan, Usage(minutes, metres), paid)
    )


def capped_day(plan: PricingPlan, begins_at: datetime) -> date | None:
    """The day whose rides a ride shares its cap with; None where each ride is for itself."""
    return None if plan.day_zone is None else begins_at.astimezone(ZoneInfo(plan.day_zone)).date()


def explain(plan: PricingPlan, usage: Usage, paid: Money | None = None) -> Priced:
    """The price with one calculation a line, in German, so that a rider can redo it by hand.

    ``paid`` is what the rider has paid for rides begun on the same ``capped_day``.

    Raises:
        ValueError: negative usage.
    """
    if usage.minutes < 0 or usage.metres < 0:
        raise ValueError(f"a ride cannot use {usage.minutes} min and {usage.metres} m")
    items: list[PriceItem] = []
    if plan.price:
        text = f"Grundpreis je Fahrt: {_amount(plan.price, plan.currency)}"
        items.append(PriceItem(ItemKind.BASE, 1, "ride", plan.price, text))
    _time_price(plan, usage.minutes, items, _paid(plan, paid))
    for segment in plan.per_km:
        _segment_item(segment, usage.metres, _PER_KM, plan.currency, items, _km(usage.metres))
    total = sum((item.amount for item in items), Decimal(0))
    rounded = max(total, Decimal(0)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    if rounded != total:
        text = f"gerundet von {_amount(total, plan.currency)} auf {_amount(rounded, plan.currency)}"
        items.append(PriceItem(ItemKind.ROUNDING, 1, "ride", rounded - total, text))
    lines = tuple(item.text for item in items) or (f"kostenlos im Tarif {plan.name}",)
    return Priced(Money.of_major(rounded, plan.currency), lines, tuple(items))


def price_of_minutes(plan: PricingPlan, minutes: int) -> Decimal:
    """What the time of a ride costs in major units, unrounded, the day cap included."""
    return _time_price(plan, minutes, [], Decimal(0))


def price_of_km(plan: PricingPlan, metres: int) -> Decimal:
    """What the distance of a ride costs in major units, unrounded."""
    return sum(
        (part.rate * _charges(part, metres, METRES_PER_KM) for part in plan.per_km), Decimal(0)
    )


def ceiling_usage(planned: Usage) -> Usage:
    """The use that a quote's ceiling allows for.

    Half as much again as planned, and at least 15 minutes and one kilometre more: a red light, a
    wrong turn and a search for the station are in it, a forgotten return is not.
    """
    return Usage(
        planned.minutes + max(CEILING_LEAST_MINUTES, -(-planned.minutes // 2)),
        planned.metres + max(CEILING_LEAST_METRES, -(-planned.metres // 2)),
    )


def quote(
    plan: PricingPlan, planned: Usage, vat_percent: Decimal, paid: Money | None = None
) -> Quote:
    """The estimate for the planned use, with the price of ``ceiling_usage`` as its ceiling."""
    if planned.metres > 0 and not plan.per_km:
        planned = Usage(planned.minutes, 0)
    return _quote(plan, planned, vat_percent, paid)


@lru_cache(maxsize=4096)
def _quote(plan: PricingPlan, planned: Usage, vat_percent: Decimal, paid: Money | None) -> Quote:
    estimate = explain(plan, planned, paid)
    most = ceiling_usage(planned)
    ceiling = _price_of_started(plan, most.minutes, -(-most.metres // METRES_PER_KM), paid)
    return Quote(
        price=estimate.price,
        ceiling=None if ceiling == estimate.price and not _metered(plan) else ceiling,
        tariff_version=version_of(plan),
        lines=estimate.lines,
        vat_percent=vat_percent,
    )


@lru_cache(maxsize=4096)
def _price_of_started(plan: PricingPlan, minutes: int, km: int, paid: Money | None) -> Money:
    """The price of all uses that enter so many kilometres: charges count in whole ones."""
    return price(plan, Usage(minutes, km * METRES_PER_KM), paid)


def find_plan(plans: Sequence[PricingPlan], tariff_version: str) -> PricingPlan | None:
    """The plan that an order was priced by, also when a newer version is on sale."""
    return next((plan for plan in plans if version_of(plan) == tariff_version), None)


def _metered(plan: PricingPlan) -> bool:
    return bool(plan.per_min or plan.per_km)


def _paid(plan: PricingPlan, paid: Money | None) -> Decimal:
    """What of the cap is used up, in major units."""
    if paid is None or plan.day_zone is None:
        return Decimal(0)
    if paid.currency != plan.currency:
        raise ValueError(f"{plan.id} is in {plan.currency}, what was paid in {paid.currency}")
    return Decimal(paid.minor) / 100


def _time_price(plan: PricingPlan, minutes: int, items: list[PriceItem], paid: Decimal) -> Decimal:
    """The price of the time, its items added to ``items``."""
    first = len(items)
    if plan.day_cap is None:
        for part in plan.per_min:
            _segment_item(part, minutes, _PER_MIN, plan.currency, items, f"{minutes} min")
    else:
        _capped_time(plan, plan.day_cap, minutes, items, paid)
    return sum((item.amount for item in items[first:]), Decimal(0))


def _capped_time(
    plan: PricingPlan, day_cap: Decimal, minutes: int, items: list[PriceItem], paid: Decimal
) -> None:
    days, rest = divmod(minutes, MINUTES_PER_DAY)
    if days:
        full = min(_time_price_uncapped(plan, MINUTES_PER_DAY), day_cap)
        text = (
            f"{days} volle 24 Stunden x {_amount(full, plan.currency)}"
            f" = {_amount(days * full, plan.currency)}"
        )
        items.append(PriceItem(ItemKind.TIME, days, "24 h", full, text))
    if rest:
        uncapped = _time_price_uncapped(plan, rest)
        for part in plan.per_min:
            _segment_item(part, rest, _PER_MIN, plan.currency, items, f"{rest} min")
        if uncapped > day_cap:
            text = (
                f"Zeitpreis höchstens {_amount(day_cap, plan.currency)} je 24 Stunden"
                f" statt {_amount(uncapped, plan.currency)}"
            )
            items.append(PriceItem(ItemKind.CAP, 1, "24 h", day_cap - uncapped, text))
    first_day = min(_time_price_uncapped(plan, min(minutes, MINUTES_PER_DAY)), day_cap)
    less = first_day - min(first_day, max(day_cap - paid, Decimal(0)))
    if less:
        text = (
            f"höchstens {_amount(day_cap, plan.currency)} am Tag, davon schon "
            f"{_amount(paid, plan.currency)} gezahlt: -{_amount(less, plan.currency)}"
        )
        items.append(PriceItem(ItemKind.DAY_CAP, 1, "day", -less, text))


def _time_price_uncapped(plan: PricingPlan, minutes: int) -> Decimal:
    return sum((part.rate * _charges(part, minutes, 1) for part in plan.per_min), Decimal(0))


class _Measure(NamedTuple):
    """What a segment counts: in its unit, of which so many of what is measured are one."""

    kind: ItemKind
    unit: str
    scale: int


_PER_MIN = _Measure(ItemKind.TIME, "min", 1)
_PER_KM = _Measure(ItemKind.DISTANCE, "km", METRES_PER_KM)


def _segment_item(
    segment: Segment,
    used: int,
    measure: _Measure,
    currency: str,
    items: list[PriceItem],
    what: str,
) -> None:
    count = _charges(segment, used, measure.scale)
    amount = segment.rate * count
    if not amount:
        return
    unit = measure.unit
    start = f" ab {segment.start} {unit}" if segment.start else ""
    if segment.interval == 0:
        text = f"{what}: einmalig{start} {_amount(amount, currency)}"
        items.append(PriceItem(measure.kind, count, "ride", segment.rate, text))
        return
    each = unit if segment.interval == 1 else f"{segment.interval} {unit}"
    text = (
        f"{what}: {count} x angefangene {each}{start} x {_amount(segment.rate, currency)}"
        f" = {_amount(amount, currency)}"
    )
    items.append(PriceItem(measure.kind, count, f"{segment.interval} {unit}", segment.rate, text))


def _charges(segment: Segment, used: int, scale: int) -> int:
    """How often ``segment`` has been charged after ``used`` (in 1/``scale`` of its unit)."""
    until = used if segment.end is None else min(used, segment.end * scale)
    over = until - segment.start * scale
    if over <= 0:
        return 0
    return 1 if segment.interval == 0 else -(-over // (segment.interval * scale))


def _amount(amount: Decimal, currency: str) -> str:
    exact = amount if amount.as_tuple().exponent < -2 else amount.quantize(Decimal("0.01"))  # type: ignore[operator]
    sign = "€" if currency == "EUR" else currency
    return f"{exact:f}".replace(".", ",") + f" {sign}"


def _km(metres: int) -> str:
    return f"{metres / METRES_PER_KM:.1f}".replace(".", ",") + " km"
