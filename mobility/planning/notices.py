"""What else there is: said beside the journeys, so that no search ends empty-handed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta

from mobility.cities.city import City
from mobility.cities.trip_notes import TimesKnown, read_trip_note
from mobility.planning.accessibility import Accessible
from mobility.planning.itinerary import TRANSIT, Itinerary, Leg
from mobility.planning.request import Notice
from payments.money import Money
from providers.values import Mode, ProviderId

_NONE = {Mode.BUS: "kein Bus", Mode.FERRY: "keine Fähre"}
_THE = {Mode.BUS: "den Bus", Mode.FERRY: "die Fähre"}
_SOON = timedelta(minutes=30)


def next_departure(itinerary: Itinerary, city: City, asked: datetime, *, backwards: bool) -> Notice:
    """When the first bus goes (arrive-by: the last), where none goes within the hours asked for."""
    ride = next(leg for leg in itinerary.legs if leg.mode in TRANSIT)
    which = "letzte" if backwards else "nächste"
    what = f"Die {which} Fähre" if ride.mode is Mode.FERRY else f"Der {which} Bus"
    line = f"Linie {ride.ride.line}" if ride.ride else ""
    leaves, arrives = (_clock(t, city, asked) for t in (ride.departs_at, itinerary.arrives_at))
    return Notice(
        "previous_departure" if backwards else "next_departure",
        f"{what} fährt {leaves} ab {ride.origin.name} ({line}), Ankunft am Ziel {arrives}.",
        at=ride.departs_at,
    )


def no_departure(
    last_day: date, asked: date, modes: AbstractSet[Mode], *, stops_near: bool
) -> Notice:
    """That none of these goes at all, or that the timetable is not known so far ahead."""
    if not stops_near:
        return Notice("no_stop_near", "Am Start oder am Ziel liegt keine Haltestelle in Gehweite.")
    if asked > last_day:
        return Notice(
            "timetable_ends",
            f"Der Fahrplan ist nur bis zum {last_day:%d.%m.%Y} bekannt; Bus und Fähre fehlen hier.",
        )
    none = " und ".join(_NONE[mode] for mode in sorted(modes & TRANSIT))
    return Notice("no_departure", f"Im Umkreis von 24 Stunden fährt hier {none}.")


def none_after() -> Notice:
    """That all that would be in time has gone, and nothing is known to go after it."""
    return Notice(
        "no_departure",
        "Was rechtzeitig ankommt, ist schon weg; eine spätere Abfahrt ist hier nicht bekannt.",
    )


def nothing() -> Notice:
    """That there is no way by what was asked for."""
    return Notice(
        "no_way", "Mit den gewählten Verkehrsmitteln gibt es hier keinen Weg; wähle weitere dazu."
    )


def taxi(city: City, metres: int, passengers: int) -> list[Notice]:
    """A taxi, with the fare that the city's tariff makes of the distance."""
    if city.taxi is None:
        return []
    fare = city.taxi.estimate(metres, city.currency)
    if passengers > 4 and city.taxi.more_than_four_passengers is not None:
        fare += Money.of_major(city.taxi.more_than_four_passengers, city.currency)
    km = f"{metres / 1000:.1f}".replace(".", ",")
    text = f"{city.taxi.name}: geschätzt {_euro(fare)} für {km} km. {city.taxi.text}"
    return [Notice("taxi", text, price=fare)]


def on_demand(city: City, at: datetime) -> list[Notice]:
    """Services that are called and run at that time, unless they are known to have ended."""
    return [
        Notice(
            "on_demand",
            f"{service.name}: {service.text}"
            + (f" Zeiten: {service.hours}." * bool(service.hours)),
            url=str(service.url),
        )
        for service in city.list_on_demand(at)
    ]


def of_journeys(
    itineraries: Sequence[Itinerary], city: City, now: datetime, *, wheelchair: bool
) -> list[Notice]:
    """What the journeys shown rest on: derived timetables, availability as of now, tolls."""
    legs = [leg for itinerary in itineraries for leg in itinerary.legs]
    rides = [leg for leg in legs if leg.ride is not None]
    found = [
        *_timetables(rides),
        *_tolls(legs, city),
    ]
    if any(leg.rental is not None and leg.departs_at > now + _SOON for leg in legs):
        found.append(
            Notice(
                "availability_as_of_now",
                "Leihfahrzeuge: gezeigt ist, was jetzt bereitsteht; bis zur Abfahrt kann es "
                "weg sein.",
            )
        )
    unknown = {leg.mode for leg in rides if city.emissions.find_grams_per_km(leg.mode) is None}
    if unknown:
        which = " und ".join(_THE[mode] for mode in sorted(unknown))
        found.append(
            Notice(
                "co2_unknown", f"Für {which} ist kein CO2-Wert belegt; das zählt hier nicht mit."
            )
        )
    if wheelchair and any(leg.accessible is Accessible.UNKNOWN for leg in rides):
        found.append(
            Notice(
                "accessibility_unknown",
                "Ob Fahrzeug und Haltestellen stufenlos sind, ist nicht überall bekannt: "
                "„unknown“ heißt nicht „ja“.",
            )
        )
    return found


def left_out(provider_id: ProviderId, name: str) -> Notice:
    """That a provider's vehicles are missing because its data is too old to be believed."""
    return Notice(
        "provider_left_out",
        f"{name} fehlt hier: seine Angaben sind zu alt, um sie zu zeigen.",
        provider_id=provider_id,
    )


def _timetables(rides: Iterable[Leg]) -> list[Notice]:
    known: dict[TimesKnown | None, list[Leg]] = {}
    for leg in rides:
        if leg.ride is not None:
            known.setdefault(read_trip_note(leg.ride.note)[0], []).append(leg)
    found = []
    if TimesKnown.SYNTHETIC in known:
        found.append(
            Notice(
                "synthetic_timetable",
                f"Ein Fahrplan für {_lines(known[TimesKnown.SYNTHETIC])} ist nicht veröffentlicht: "
                "die gezeigten Zeiten sind ein angenommener Takt.",
            )
        )
    if TimesKnown.DERIVED in known:
        found.append(
            Notice(
                "derived_timetable",
                "Der Fahrplan dieses Tages ist aus dem Werktagsfahrplan abgeleitet; einzelne "
                "Fahrten können anders oder gar nicht fahren.",
            )
        )
    return found


def _lines(legs: Iterable[Leg]) -> str:
    """What is ridden, after „für“: „den Bus (Linie 1, 2) und die Fähre“."""
    lines: dict[Mode, list[str]] = {}
    for leg in legs:
        if leg.ride is not None:
            lines.setdefault(leg.mode, []).append(leg.ride.line)
    return " und ".join(
        _THE[mode] + (f" (Linie {', '.join(sorted(set(names), key=_by_number))})" * many)
        for mode, names in sorted(lines.items())
        for many in [mode is Mode.BUS or len(set(names)) > 1]
    )


def _by_number(line: str) -> tuple[int, str]:
    return (int(line) if line.isdecimal() else 10_000, line)


def _tolls(legs: Sequence[Leg], city: City) -> list[Notice]:
    used = {name for leg in legs if leg.mode is Mode.CAR for name in leg.crossings}
    return [
        Notice(
            "toll",
            f"{name}: Maut {_euro(Money.of_major(price.amount, city.currency))}, nicht im Preis "
            "enthalten.",
            price=Money.of_major(price.amount, city.currency),
        )
        for name in sorted(used)
        for price in city.prices
        if price.kind == "toll" and price.product == "car" and name in price.operator
    ]


def _clock(at: datetime, city: City, asked: datetime) -> str:
    local, day = at.astimezone(city.timezone), asked.astimezone(city.timezone).date()
    if local.date() == day:
        return f"um {local:%H:%M} Uhr"
    return f"am {local:%d.%m.} um {local:%H:%M} Uhr"


def _euro(money: Money) -> str:
    sign = "€" if money.currency == "EUR" else money.currency
    return f"{money.minor // 100},{money.minor % 100:02d} {sign}"
