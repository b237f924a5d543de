"""Legs and itineraries as the MOTIS document writes them, with our price, CO2 and offer beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gtfs.journey import Ride as TimetableRide
from gtfs.rides import geometry
from mobility.api.motis.alerts import alerts_of
from mobility.api.motis.fares import fare_transfers, leg_price, price_of
from mobility.api.motis.itinerary_id import LegId, pack
from mobility.api.motis.modes import (
    FORM_FACTORS,
    RETURN_CONSTRAINTS,
    MotisMode,
    mode_of_route,
    propulsion_of,
)
from mobility.api.motis.places_wire import (
    Json,
    call_place,
    line_of,
    moment,
    place_of,
    stop_place,
)
from mobility.api.motis.runs import Call, Network, Run, run_of_ride
from mobility.api.motis.versions import Version
from mobility.cities.city import City
from mobility.cities.trip_notes import read_trip_note
from mobility.planning.accessibility import Accessible
from mobility.planning.itinerary import TRANSIT, Itinerary, Leg, Place
from mobility.planning.offers import OfferedJourney
from providers.values import Mode

_ACCESSIBLE = {Accessible.YES: "ACCESSIBLE", Accessible.NO: "NOT_ACCESSIBLE"}
_YES = 1
"""GTFS: of wheelchair_accessible, bikes_allowed."""
_ENDS = {"Start": "START", "Ziel": "END"}


@dataclass(frozen=True, slots=True)
class Shown:
    """How much of a journey is shown, and in which version's words."""

    version: Version
    draws_legs: bool = True
    draws_transfers: bool = True
    fares: bool = False
    skipped_stops: bool = False


class LegWriter:
    """Writes the journeys of one answer."""

    def __init__(self, city: City, network: Network, shown: Shown) -> None:
        """Take what all legs of the answer share."""
        self._city = city
        self.network = network
        self.shown = shown

    def journey(self, offered: OfferedJourney) -> Json:
        """An itinerary with its offer."""
        return self.itinerary(offered.itinerary) | {
            "offerId": offered.offer_id,
            "offerExpiresAt": moment(offered.expires_at) if offered.offer_id else None,
            "bookable": offered.bookable,
            "notBookableBecause": offered.not_bookable_because,
        }

    def itinerary(self, itinerary: Itinerary) -> Json:
        """An itinerary without an offer."""
        legs = itinerary.legs
        runs = [self.run_of(leg) for leg in legs]
        fares, indexes = fare_transfers(legs) if self.shown.fares else ([], {})
        written = []
        for number, (leg, run) in enumerate(zip(legs, runs, strict=True)):
            between = 0 < number < len(legs) - 1 and leg.mode is Mode.WALK
            drawn = self.shown.draws_transfers if between else self.shown.draws_legs
            one = self.leg(leg, run, drawn=drawn)
            if number in indexes:
                one |= {"fareTransferIndex": 0, "effectiveFareLegIndex": indexes[number]}
            written.append(one)
        return {
            "duration": itinerary.seconds,
            "startTime": moment(itinerary.departs_at),
            "endTime": moment(itinerary.arrives_at),
            "transfers": max(
                0, sum(leg.mode in TRANSIT and not leg.stay_seated for leg in legs) - 1
            ),
            "id": pack([self._id(leg, run) for leg, run in zip(legs, runs, strict=True)]),
            "legs": written,
            **({"fareTransfers": fares} if self.shown.fares else {}),
            "price": price_of(itinerary, self._city.currency),
            "co2Grams": itinerary.co2_grams,
            "reasons": [reason.value for reason in itinerary.reasons],
        }

    def run_of(self, leg: Leg) -> Run | None:
        """The run that a leg rides on; None for a leg without a timetable."""
        if leg.ride is None:
            return None
        ride = leg.ride
        run = run_of_ride(self.network, ride.trip_id, ride.board_index, leg.departs_at)
        return run if run is not None and ride.alight_index < len(run.calls) else None

    def leg(self, leg: Leg, run: Run | None, *, drawn: bool) -> Json:
        """One leg."""
        version = self.shown.version
        calls = _calls(leg, run)
        planned = (
            (calls[0].planned_departure, calls[-1].planned_arrival)
            if calls
            else (leg.departs_at, leg.arrives_at)
        )
        ends = self._ends(leg, planned)
        written: Json = {
            "mode": version.mode(mode_of_leg(leg, run)),
            "from": ends[0],
            "to": ends[1],
            "duration": leg.seconds,
            "startTime": moment(leg.departs_at),
            "endTime": moment(leg.arrives_at),
            "scheduledStartTime": moment(planned[0]),
            "scheduledEndTime": moment(planned[1]),
            "realTime": leg.realtime or (run is not None and run.is_live),
            "scheduled": run is None or run.is_planned,
            "distance": leg.metres,
            "legGeometry": line_of(leg.geometry if drawn else (), version),
        }
        if run is not None:
            written |= self.of_trip(run) | {"intermediateStops": self._between(run, calls)}
            if calls and leg.ride is not None:
                written["alerts"] = alerts_of(run, leg.ride.board_index)
        if leg.stay_seated:
            written["interlineWithPreviousLeg"] = True
        if leg.rental is not None:
            written["rental"] = self._rental(leg)
        if leg.accessible in _ACCESSIBLE:
            written["wheelchairAccessible"] = _ACCESSIBLE[leg.accessible]
        return written | {
            "price": leg_price(leg.quote) if leg.quote else None,
            "co2Grams": leg.co2_grams,
            "estimated": leg.estimated,
            "providerId": leg.provider_id,
        }

    def ride(self, run: Run, board: int, alight: int) -> Json:
        """A leg on a run from one of its calls to another, without a price."""
        timetable, version = run.timetable, self.shown.version
        places = run.network.planned
        calls = run.calls[board : alight + 1]
        start, end = calls[0], calls[-1]
        stretch = TimetableRide(run.trip, 0, start.stop, end.stop, board, alight, 0, 0)
        drawn = geometry(timetable, stretch) if self.shown.draws_legs else ()
        mode = mode_of_route(timetable.route(timetable.trip(run.trip).route))
        return {
            "mode": version.mode(mode),
            "from": call_place(places, start, version, first=True, last=False),
            "to": call_place(places, end, version, first=False, last=True),
            "duration": int((end.arrives_at - start.departs_at).total_seconds()),
            "startTime": moment(start.departs_at),
            "endTime": moment(end.arrives_at),
            "scheduledStartTime": moment(start.planned_departure),
            "scheduledEndTime": moment(end.planned_arrival),
            "realTime": run.is_live,
            "scheduled": run.is_planned,
            "legGeometry": line_of(drawn, version),
            "intermediateStops": self._between(run, calls),
            "alerts": alerts_of(run, board),
            **self.of_trip(run),
        }

    def _between(self, run: Run, calls: Sequence[Call]) -> list[Json]:
        version = self.shown.version
        return [
            call_place(run.network.planned, call, version, first=False, last=False)
            for call in calls[1:-1]
            if self.shown.skipped_stops or call.boards or call.alights or call.cancelled
        ]

    def of_trip(self, run: Run) -> Json:
        """What is said of a trip: its line, its operator, its ends."""
        timetable, version = run.timetable, self.shown.version
        places = run.network.planned
        trip = timetable.trip(run.trip)
        route = timetable.route(trip.route)
        agency = timetable.agency(route.agency_id)
        shown_name = route.short_name or route.long_name
        known, note = read_trip_note(trip.note)
        return {
            "headsign": trip.headsign,
            "tripFrom": stop_place(places, run.calls[0].stop, version),
            "tripTo": stop_place(places, run.calls[-1].stop, version),
            "routeId": route.id,
            "directionId": str(trip.direction) if trip.direction >= 0 else "",
            "routeColor": route.color,
            "routeTextColor": route.text_color,
            "routeType": route.type,
            "agencyName": agency.name,
            "agencyUrl": agency.url,
            "agencyId": agency.id,
            "tripId": run.name,
            "routeShortName": route.short_name if version.has_display_names else shown_name,
            "routeLongName": route.long_name,
            "tripShortName": "" if known else note,
            **({"displayName": shown_name} if version.has_display_names else {}),
            "cancelled": run.cancelled,
            "source": "",
            "reservation": "NONE",
            "timesKnown": known,
            "note": note if known else None,
        }

    def bikes_allowed(self, run: Run) -> bool:
        """Whether the feed says that bicycles may be taken along; what is unknown is no."""
        return run.timetable.trip(run.trip).bikes == _YES

    def wheelchair(self, run: Run) -> str:
        """Whether the feed says that wheelchairs may be taken along; what is unknown is no."""
        flag = run.timetable.trip(run.trip).wheelchair
        return "ACCESSIBLE" if flag == _YES else "NOT_ACCESSIBLE"

    def id_of_run(self, run: Run) -> str:
        """The itinerary id of a whole trip."""
        timetable, calls = run.timetable, run.calls
        start, end = timetable.stop(calls[0].stop), timetable.stop(calls[-1].stop)
        route = timetable.route(timetable.trip(run.trip).route)
        return pack(
            [
                LegId.model_construct(
                    display_name=route.short_name or route.long_name,
                    trip_id=run.name,
                    from_id=start.id,
                    from_lat=round(start.position.lat, 6),
                    from_lon=round(start.position.lon, 6),
                    to_id=end.id,
                    to_lat=round(end.position.lat, 6),
                    to_lon=round(end.position.lon, 6),
                    sched_start=int(calls[0].planned_departure.timestamp()),
                    sched_end=int(calls[-1].planned_arrival.timestamp()),
                    mode=mode_of_route(route),
                    scheduled=run.is_planned,
                )
            ]
        )

    def _ends(self, leg: Leg, planned: tuple[datetime, datetime]) -> tuple[Json, Json]:
        rental = leg.rental
        start = self._place(leg.origin, at_station=bool(rental and rental.pickup))
        end = self._place(leg.destination, at_station=bool(rental and rental.dropoff))
        start |= {
            "departure": moment(leg.departs_at),
            "scheduledDeparture": moment(planned[0]),
        }
        end |= {"arrival": moment(leg.arrives_at), "scheduledArrival": moment(planned[1])}
        return start, end

    def _place(self, place: Place, *, at_station: bool) -> Json:
        shown = place_of(place, self.network.planned, self.shown.version, at_station=at_station)
        if place.stop_id is None and place.name in _ENDS:
            shown["name"] = _ENDS[place.name]
        return shown

    def _rental(self, leg: Leg) -> Json:
        assert leg.rental is not None
        rental = leg.rental
        provider_id = rental.vehicle.provider_id
        stanza = self._city.get_provider(provider_id)
        return {
            "providerId": provider_id,
            "providerGroupId": provider_id,
            "systemId": provider_id,
            "systemName": stanza.name,
            **({"stationName": rental.pickup.name} if rental.pickup else {}),
            "fromStationName": rental.pickup.name if rental.pickup else "",
            "toStationName": rental.dropoff.name if rental.dropoff else "",
            "formFactor": FORM_FACTORS[rental.type.mode],
            "propulsionType": propulsion_of(rental.type),
            "returnConstraint": RETURN_CONSTRAINTS[rental.type.return_rule],
            "vehicleId": rental.vehicle.id,
        }

    def _id(self, leg: Leg, run: Run | None) -> LegId:
        calls = _calls(leg, run)
        starts = calls[0].planned_departure if calls else leg.departs_at
        ends = calls[-1].planned_arrival if calls else leg.arrives_at
        return LegId.model_construct(
            display_name=leg.ride.line if leg.ride else "",
            trip_id=run.name if run else "",
            from_id=leg.origin.stop_id or "",
            from_lat=round(leg.origin.position.lat, 6),
            from_lon=round(leg.origin.position.lon, 6),
            to_id=leg.destination.stop_id or "",
            to_lat=round(leg.destination.position.lat, 6),
            to_lon=round(leg.destination.position.lon, 6),
            sched_start=int(starts.timestamp()),
            sched_end=int(ends.timestamp()),
            mode=mode_of_leg(leg, run),
            scheduled=run is None or run.is_planned,
        )


def mode_of_leg(leg: Leg, run: Run | None) -> MotisMode:
    """The mode of a leg by its newest name; a leg by one's own bicycle or car has no rental."""
    if run is not None:
        timetable = run.timetable
        return mode_of_route(timetable.route(timetable.trip(run.trip).route))
    if leg.rental is not None:
        return MotisMode.RENTAL
    return MotisMode(leg.mode.value.upper()) if leg.mode is not Mode.SCOOTER else MotisMode.RENTAL


def _calls(leg: Leg, run: Run | None) -> Sequence[Call]:
    """The calls of a ride, both ends included; none of a leg without a timetable."""
    if run is None or leg.ride is None:
        return ()
    return run.calls[leg.ride.board_index : leg.ride.alight_index + 1]
