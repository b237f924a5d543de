"""What every leg costs: fare products chosen over a whole journey, then one quote a leg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

from mobility.cities.city import City
from mobility.planning.errors import UnknownPassError
from mobility.planning.itinerary import RENTAL, Itinerary, Leg
from mobility.planning.offer import OfferLeg
from providers.bus.fares import FareRide, FareTable, FareUnknownError, choose_products
from providers.port import Provider
from providers.values import ProviderId, Quote, QuoteRequest, Usage

_HOLIDAYS_AROUND = timedelta(days=3)


class Pricer:
    """Prices by the published tariffs of a city's providers, without asking them."""

    def __init__(self, city: City, providers: Mapping[ProviderId, Provider]) -> None:
        """Take the providers whose legs are sold here; others' legs stay unsold."""
        self._city = city
        self._providers = providers
        self._holidays = lru_cache(maxsize=64)(self._list_holidays)

    def check_passes(self, passes: AbstractSet[str]) -> None:
        """Raise UnknownPassError for a kind of pass that is unknown here."""
        known = {p.id for table in self._city.fare_tables.values() for p in table.pass_}
        if unknown := sorted(passes - known):
            raise UnknownPassError(
                f"no pass of the kind {unknown[0]!r} is known here; "
                f"there are {', '.join(sorted(known)) or 'none'}"
            )

    def priced(self, itinerary: Itinerary, passes: AbstractSet[str], passengers: int) -> Itinerary:
        """The same with a product, a quote and terms on each leg that a provider sells."""
        rides = [
            (index, leg.provider_id, fare_ride_of(leg))
            for index, leg in enumerate(itinerary.legs)
            if leg.provider_id is not None and leg.ride is not None
        ]
        try:
            chosen = self.products([(p, ride) for _, p, ride in rides], passes, passengers)
            products: dict[int, str | None] = {
                index: product for (index, _, _), product in zip(rides, chosen, strict=True)
            }
            unsold = ""
        except FareUnknownError as error:
            products, unsold = {}, f"Fahrpreis unbekannt: {error}"
        legs = (
            self._leg(leg, products.get(index), unsold, passengers)
            for index, leg in enumerate(itinerary.legs)
        )
        return replace(itinerary, legs=tuple(legs))

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
            tables.setdefault(self._city.get_provider(provider_id).fares or "", []).append(index)
        result: dict[int, str] = {}
        for name, indexes in tables.items():
            table = self._table(name)
            known = {known.id for known in table.pass_}
            found = choose_products(
                table,
                [rides[index][1] for index in indexes],
                passes & known,
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
            for table in self._city.fare_tables.values()
            for text in table.explain_passes(passes & {known.id for known in table.pass_})
        )

    def _table(self, name: str) -> FareTable:
        if name not in self._city.fare_tables:
            raise FareUnknownError("the operator of this ride has no fares here")
        return self._city.fare_tables[name]

    def _leg(self, leg: Leg, product: str | None, unsold: str, passengers: int) -> Leg:
        if leg.provider_id is None:
            return leg if leg.ride is None else replace(leg, unsold="Niemand verkauft diese Fahrt.")
        provider = self._providers.get(leg.provider_id)
        if provider is None or (leg.ride is not None and product is None):
            return replace(leg, unsold=unsold or "Dieser Anbieter verkauft gerade nichts.")
        try:
            quote = provider.quote(
                QuoteRequest(
                    mode=leg.mode,
                    departs_at=leg.departs_at,
                    usage=Usage(-(-leg.seconds // 60), leg.metres),
                    vehicle_type_id=leg.rental.type.id if leg.rental else None,
                    product=product,
                    passengers=1 if leg.mode in RENTAL else passengers,
                )
            )
        except FareUnknownError as error:
            return replace(leg, unsold=f"Fahrpreis unbekannt: {error}")
        terms = self._city.get_provider(leg.provider_id).terms_value()
        return replace(leg, product=product, quote=quote, terms=terms)

    def _list_holidays(self, around: date) -> frozenset[date]:
        return self._city.public_holidays(around - _HOLIDAYS_AROUND, around + _HOLIDAYS_AROUND)


def fare_ride_of(leg: Leg) -> FareRide:
    """What the fare of a scheduled leg depends on."""
    if leg.ride is None:
        raise ValueError(f"a leg by {leg.mode} has no fare")
    return FareRide(
        agency_id=leg.ride.agency_id,
        route_id=leg.ride.route_id,
        stops=leg.ride.hops,
        from_zone=leg.ride.from_zone,
        to_zone=leg.ride.to_zone,
        departs_at=leg.departs_at,
        arrives_at=leg.arrives_at,
    )
