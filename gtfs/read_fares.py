"""Fares from a feed's files, versions 1 and 2, as `gtfs.fares` holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal, InvalidOperation

from gtfs.defects import Kind, Report, Severity
from gtfs.fares import (
    MINOR_DIGITS,
    Amount,
    FareAttribute,
    FareLegRule,
    FareMedium,
    FareProduct,
    FareRule,
    Fares,
    FareTransferRule,
    RiderCategory,
    Timeframe,
)
from gtfs.records import Record, read_records
from gtfs.service_time import DAY_S
from gtfs.source import Source

_LARGEST = Decimal(10) ** 12


def read_fares(
    source: Source, routes: Mapping[str, str], stops: Collection[str], report: Report
) -> Fares:
    """All fares of a feed; a rule that names an unknown line, stop or fare is reported.

    `routes` are the lines' network_id ('' where none) by id.

    Raises:
        FeedError: the zip is damaged, or a file is no table.
    """
    reader = _FareReader(source, report)
    attributes = tuple(reader.attributes())
    products = tuple(reader.products())
    fare_ids = {fare.id for fare in attributes}
    product_ids = {product.id for product in products}
    areas = tuple((row.text("area_id"), row.text("area_name")) for row in reader.rows("areas"))
    return Fares(
        attributes=attributes,
        rules=tuple(reader.rules(fare_ids, routes)),
        rider_categories=tuple(
            RiderCategory(
                row.text("rider_category_id"),
                row.text("rider_category_name"),
                row.choice("is_default_fare_category", (0, 1)) == 1,
                row.text("eligibility_url"),
            )
            for row in reader.rows("rider_categories")
        ),
        media=tuple(
            FareMedium(
                row.text("fare_media_id"),
                row.text("fare_media_name"),
                row.choice("fare_media_type", range(5)),
            )
            for row in reader.rows("fare_media")
        ),
        products=products,
        timeframes=tuple(reader.timeframes()),
        leg_rules=tuple(reader.leg_rules(product_ids)),
        transfer_rules=tuple(reader.transfer_rules(product_ids)),
        areas=areas,
        stop_areas=tuple(
            reader.pairs("stop_areas", "area_id", {id_ for id_, _ in areas}, "stop_id", stops)
        ),
        route_networks=(
            *((network, route) for route, network in routes.items() if network),
            *reader.pairs("route_networks", "network_id", None, "route_id", routes),
        ),
    )


class _FareReader:
    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._report = report

    def rows(self, table: str) -> list[Record]:
        return read_records(self._source, table, self._report)

    def attributes(self) -> Iterator[FareAttribute]:
        for row in self._unique("fare_attributes", "fare_id"):
            price = _amount(row, "price", "currency_type")
            if price is not None:
                transfers = row.text("transfers")
                yield FareAttribute(
                    row.text("fare_id"),
                    price,
                    row.choice("payment_method", (0, 1)) == 0,
                    row.choice("transfers", range(6)) if transfers else None,
                    row.text("agency_id"),
                    row.number("transfer_duration", 0),
                )

    def rules(self, fares: Collection[str], routes: Collection[str]) -> Iterator[FareRule]:
        for row in self.rows("fare_rules"):
            fare, route = row.text("fare_id"), row.text("route_id")
            if _is_known(row, "fare_id", fare, fares) and (
                not route or _is_known(row, "route_id", route, routes)
            ):
                yield FareRule(
                    fare,
                    route,
                    row.text("origin_id"),
                    row.text("destination_id"),
                    row.text("contains_id"),
                )

    def products(self) -> Iterator[FareProduct]:
        for row in self.rows("fare_products"):
            price = _amount(row, "amount", "currency")
            if price is not None and _is_named(row, "fare_product_id"):
                yield FareProduct(
                    row.text("fare_product_id"),
                    row.text("fare_product_name"),
                    price,
                    row.text("rider_category_id"),
                    row.text("fare_media_id"),
                )

    def timeframes(self) -> Iterator[Timeframe]:
        for row in self.rows("timeframes"):
            start, end = row.clock("start_time"), row.clock("end_time")
            yield Timeframe(
                row.text("timeframe_group_id"),
                start or 0,
                DAY_S if end is None else end,
                row.text("service_id"),
            )

    def leg_rules(self, products: Collection[str]) -> Iterator[FareLegRule]:
        for row in self.rows("fare_leg_rules"):
            product = row.text("fare_product_id")
            if _is_known(row, "fare_product_id", product, products):
                yield FareLegRule(
                    row.text("leg_group_id"),
                    row.text("network_id"),
                    row.text("from_area_id"),
                    row.text("to_area_id"),
                    row.text("from_timeframe_group_id"),
                    row.text("to_timeframe_group_id"),
                    product,
                    row.number("rule_priority", 0),
                )

    def transfer_rules(self, products: Collection[str]) -> Iterator[FareTransferRule]:
        for row in self.rows("fare_transfer_rules"):
            product = row.text("fare_product_id")
            if not product or _is_known(row, "fare_product_id", product, products):
                yield FareTransferRule(
                    row.text("from_leg_group_id"),
                    row.text("to_leg_group_id"),
                    row.number("transfer_count", -1),
                    row.number("duration_limit", 1),
                    row.number("duration_limit_type", 0),
                    row.choice("fare_transfer_type", (0, 1, 2)),
                    product,
                )

    def pairs(
        self,
        table: str,
        group: str,
        groups: Collection[str] | None,
        member: str,
        members: Collection[str],
    ) -> Iterator[tuple[str, str]]:
        for row in self.rows(table):
            pair = row.text(group), row.text(member)
            if (groups is None or _is_known(row, group, pair[0], groups)) and _is_known(
                row, member, pair[1], members
            ):
                yield pair

    def _unique(self, table: str, column: str) -> Iterator[Record]:
        seen: set[str] = set()
        for row in self.rows(table):
            id_ = row.text(column)
            if not _is_named(row, column):
                continue
            if id_ in seen:
                row.say(column, Kind.DUPLICATE, f"{id_!r} a second time", "ignored the row")
                continue
            seen.add(id_)
            yield row


def _is_named(row: Record, column: str) -> bool:
    if row.text(column):
        return True
    row.say(column, Kind.MISSING_VALUE, "is empty", "ignored the row", Severity.ERROR)
    return False


def _is_known(row: Record, column: str, id_: str, known: Collection[str]) -> bool:
    if id_ in known:
        return True
    row.say(column, Kind.UNKNOWN_REFERENCE, f"there is no usable {id_!r}", "ignored the row")
    return False


def _amount(row: Record, column: str, currency_column: str) -> Amount | None:
    """A price in the smallest unit of its currency; one with more digits than it has is refused."""
    currency, text = row.text(currency_column).upper(), row.text(column)
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        row.bad(currency_column, f"{currency[:10]!r} is no currency", "ignored the row")
        return None
    minor = _minor(text, MINOR_DIGITS.get(currency, 2))
    if minor is None:
        row.bad(column, f"{text[:40]!r} is no amount of {currency}", "ignored the row")
        return None
    return Amount(minor, currency)


def _minor(text: str, digits: int) -> int | None:
    """The smallest units of an amount; None where it is none, or has more digits than there are."""
    try:
        minor = Decimal(text).scaleb(digits)
        whole = int(minor)
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return whole if minor == whole and abs(minor) <= _LARGEST else None
