"""What every leg costs: fare products chosen over a whole journey, then one quote a leg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from mobility.cities.city import City
from mobility.planning.errors import UnknownPassError
from mobility.planning.itinerary import RENTAL, TRANSIT, Itinerary, Leg, Ride
from mobility.planning.offer import OfferLeg
from mobility.planning.paid_today import Paid, find_paid, plus
from payments.money import Money
from providers.bus.fares import FareRide, FareTable, FareUnknownError, choose_products
from providers.port import Provider
from providers.values import ProviderId, Quote, QuoteRequest, Terms, Usage

_HOLIDAYS_AROUND = timedelta(days=3)


class Sale(NamedTuple):
    """What a leg costs, and from whom; or why nobody sells it."""

    product: str | None = None
    quote: Quote | None = None
    terms: Terms | None = None
    unsold: str = ""


_NOBODY = Sale(unsold="Niemand verkauft diese Fahrt.")


class Pricer:
    """Prices by the published tariffs of a city's providers, without asking them."""

    def __init__(self, city: City, providers: Mapping[ProviderId, Provider]) -> None:
        """Take the providers whose legs are sold here; others' legs stay unsold."""
        self._city = city
        self._providers = providers
        self._terms = {s.provider_id: s.terms_value() for s in city.providers}
        self._fares = {s.provider_id: s.fares or "" for s in city.providers}
        self._passes = {
            name: frozenset(known.id for known in table.pass_)
            for name, table in city.fare_tables.items()
        }
        self._holidays = lru_cache(maxsize=64)(self._list_holidays)

    def check_passes(self, passes: AbstractSet[str]) -> None:
        """Raise UnknownPassError for a kind of pass that is unknown here."""
        known = frozenset[str]().union(*self._passes.values())
        if unknown := sorted(passes - known):
            raise UnknownPassError(
                f"no pass of the kind {unknown[0]!r} is known here; "
                f"there are {', '.join(sorted(known)) or 'none'}"
            )

    def priced(
        self,
        itinerary: Itinerary,
        passes: AbstractSet[str],
        passengers: int,
        paid: Paid = (),
    ) -> Itinerary:
        """The same with a product, a quote and terms on each leg that a provider sells.

        Where it is known what was paid today, a ride under that cap counts for those after it.
        """
        rides = [
            (
                leg.provider_id,
                fare_ride_of(leg.ride, leg.departs_at, leg.arrives_at, stays=leg.stay_seated),
            )
            for leg in itinerary.legs
            if leg.provider_id is not None and leg.ride is not None
        ]
        products, unsold = self.find_products(rides, passes, passengers)
        following = iter(products)
        legs = []
        for leg in itinerary.legs:
            sold = leg.provider_id is not None and leg.ride
            product = next(following, None) if sold else None
            priced = self._leg(leg, product, unsold, passengers, paid)
            legs.append(priced)
            if priced.rental and priced.provider_id and priced.quote:
                plan_id = priced.rental.type.pricing_plan_id
                paid = plus(paid, priced.provider_id, plan_id, priced.quote.price)
        return replace(itinerary, legs=tuple(legs))

    def find_products(
        self,
        rides: Sequence[tuple[ProviderId, FareRide]],
        passes: AbstractSet[str],
        passengers: int,
    ) -> tuple[tuple[str, ...], str]:
        """What ``products`` gives; none of them, and why, where a fare is not known."""
        try:
            return self.products(rides, passes, passengers), ""
        except FareUnknownError as error:
            return (), f"Fahrpreis unbekannt: {error}"

    def products(
        self,
        rides: Sequence[tuple[ProviderId, FareRide]],
        passes: AbstractSet[str],
        passengers: int,
    ) -> tuple[str, ...]:
        """The cheapest fare products for the rides of one journey, one a ride.

        Raises:
            FareUnknownError: a ride has no known fare.
        """
        tables: dict[str, list[int]] = {}
        for index, (provider_id, _) in enumerate(rides):
            tables.setdefault(self._fares[provider_id], []).append(index)
        result: dict[int, str] = {}
        for name, indexes in tables.items():
            table = self._table(name)
            found = choose_products(
                table,
                [rides[index][1] for index in indexes],
                passes & self._passes[name],
                holidays=self._holidays(rides[indexes[0]][1].departs_at.date()),
                passengers=passengers,
            )
            result |= dict(zip(indexes, found, strict=True))
        return tuple(result[index] for index in range(len(rides)))

    def quote_ride(self, leg: OfferLeg, product: str, passengers: int) -> Quote:
        """The quote of an offered bus or ferry leg for another product.

        Raises:
            FareUnknownError: nobody sells it.
        """
        provider = self._providers.get(leg.provider_id) if leg.provider_id else None
        if provider is None:
            raise FareUnknownError("the operator of this ride sells nothing here")
        minutes = -(-int((leg.arrives_at - leg.departs_at).total_seconds()) // 60)
        return provider.quote(
            QuoteRequest(
                mode=leg.mode,
                departs_at=leg.departs_at,
                usage=Usage(minutes, leg.distance_m),
                product=product,
                passengers=passengers,
            )
        )

    def list_notices(self, on: date) -> tuple[str, ...]:
        """Announced changes of a fare that should hold on that day but have no prices yet."""
        try:
            return tuple(
                text for table in self._city.fare_tables.values() for text in table.list_notices(on)
            )
        except FareUnknownError:
            return ()

    def explain_passes(self, passes: AbstractSet[str]) -> tuple[str, ...]:
        """What the passes do for bus and ferry, to show to their holder alone."""
        return tuple(
            text
            for name, table in self._city.fare_tables.items()
            for text in table.explain_passes(passes & self._passes[name])
        )

    def find_table(self, provider_id: ProviderId | None) -> FareTable | None:
        """The fares that a provider's rides are sold by; None where it sells none here."""
        return self._city.fare_tables.get(self._fares.get(provider_id, "") if provider_id else "")

    def _table(self, name: str) -> FareTable:
        if name not in self._city.fare_tables:
            raise FareUnknownError("the operator of this ride has no fares here")
        return self._city.fare_tables[name]

    def quote_rental(self, leg: OfferLeg, paid: Money | None) -> Quote | None:
        """The quote of an offered rental after what was paid; None where its plan is not capped."""
        provider = self._providers.get(leg.provider_id) if leg.provider_id else None
        if provider is None or self.find_capped_plan(leg) is None:
            return None
        minutes = -(-int((leg.arrives_at - leg.departs_at).total_seconds()) // 60)
        usage = Usage(minutes, leg.distance_m)
        request = QuoteRequest(leg.mode, leg.departs_at, usage, leg.vehicle_type_id, paid=paid)
        return provider.quote(request)

    def find_capped_plan(self, leg: OfferLeg) -> str | None:
        """The id of the plan that an offered rental shares a day's cap by."""
        if leg.provider_id is None or leg.vehicle_type_id is None:
            return None
        plan = self._city.get_provider(leg.provider_id).get_plan(leg.vehicle_type_id)
        return plan.id if plan.day_zone else None

    def _leg(self, leg: Leg, product: str | None, unsold: str, passengers: int, paid: Paid) -> Leg:
        if leg.provider_id is None and leg.ride is None:
            return leg
        already = None
        if leg.rental and leg.provider_id and paid:
            plan_id = leg.rental.type.pricing_plan_id
            already = find_paid(paid, leg.provider_id, plan_id, leg.departs_at)
        sale = self.sell(
            leg.provider_id,
            QuoteRequest(
                mode=leg.mode,
                departs_at=leg.departs_at,
                usage=Usage(-(-leg.seconds // 60), leg.metres),
                vehicle_type_id=leg.rental.type.id if leg.rental else None,
                product=product,
                passengers=1 if leg.mode in RENTAL else passengers,
                paid=already,
            ),
            unsold,
        )
        return leg._replace(**sale._asdict())

    def sell(self, provider_id: ProviderId | None, request: QuoteRequest, unsold: str = "") -> Sale:
        """The quote of a ride or rental; ``unsold`` is why a ride has no product."""
        if provider_id is None:
            return _NOBODY
        provider = self._providers.get(provider_id)
        if provider is None or (request.mode in TRANSIT and request.product is None):
            return Sale(unsold=unsold or "Dieser Anbieter verkauft gerade nichts.")
        try:
            quote = provider.quote(request)
        except FareUnknownError as error:
            return Sale(unsold=f"Fahrpreis unbekannt: {error}")
        return Sale(request.product, quote, self._terms[provider_id])

    def _list_holidays(self, around: date) -> frozenset[date]:
        return self._city.public_holidays(around - _HOLIDAYS_AROUND, around + _HOLIDAYS_AROUND)


def fare_ride_of(
    ride: Ride, departs_at: datetime, arrives_at: datetime, *, stays: bool = False
) -> FareRide:
    """What the fare of a ride on a line depends on."""
    return FareRide(
        agency_id=ride.agency_id,
        route_id=ride.route_id,
        stops=ride.hops,
        from_zone=ride.from_zone,
        to_zone=ride.to_zone,
        departs_at=departs_at,
        arrives_at=arrives_at,
        stays=stays,
    )
