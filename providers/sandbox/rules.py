"""What the demo operator does with a booking, by its own rules.

::

    NEW → PENDING → CONFIRMED → STARTED → FINISHED
            │           └──────→ CANCELLED
            ├──→ CANCELLED        a CANCEL of an unknown id leaves a CANCELLED tombstone
            └──→ EXPIRED          hold_seconds after POST /bookings
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gtfs.geo import LatLon, distance_m
from payments.money import Money
from providers import tariff
from providers.sandbox.store import Store, new_vehicle_id
from providers.stanza import ProviderStanza
from providers.values import PricingPlan, ReturnRule, Usage

DETOUR = 1.3
"""Ways are longer than the crow flies."""


class ProblemError(Exception):
    """A refusal: HTTP status, TOMP error code and what to tell."""

    def __init__(self, status: int, code: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Rest:
    """Where and as what a vehicle stands after a ride."""

    vehicle_id: str
    lat: float
    lon: float
    station_id: str | None
    metres: int


@dataclass(slots=True)
class Operator:
    """The demo operator."""

    stanza: ProviderStanza
    store: Store
    time_factor: float = 1.0
    changed: Callable[[], None] = lambda: None
    """Called after vehicles have changed, so that they are pushed."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def now(self) -> datetime:
        """The operator's clock, which tests may move forward."""
        offset = timedelta(seconds=self.store.number("clock_offset_s"))
        return (self.clock() + offset).replace(microsecond=0)

    def expire(self) -> None:
        """Give up reservations that ran out."""
        with self.store.transaction() as db:
            gone = db.execute(
                "UPDATE booking SET state = 'EXPIRED' WHERE state = 'PENDING' AND expires_at <= ?"
                " RETURNING vehicle_ref",
                (self.now().isoformat(),),
            ).fetchall()
            _mark(db, *[row["vehicle_ref"] for row in gone])
        if gone:
            self.changed()

    def find(self, booking_id: str, maas_id: str) -> sqlite3.Row | None:
        """The booking, if it is of that caller."""
        self.expire()
        found = self.store.rows(
            "SELECT * FROM booking WHERE id = ? AND maas_id = ?", booking_id, maas_id
        )
        return found[0] if found else None

    def get(self, booking_id: str, maas_id: str) -> sqlite3.Row:
        """The booking; 404 if there is none."""
        booking = self.find(booking_id, maas_id)
        if booking is None or booking["state"] == "NEW":
            raise ProblemError(404, 3404, f"no booking {booking_id}")
        return booking

    def list_bookings(
        self, maas_id: str, state: str | None, since: datetime | None, until: datetime | None
    ) -> list[sqlite3.Row]:
        """The caller's bookings in that state that overlap with the time from since to until.

        Offers that were never booked and tombstones are none.
        """
        self.expire()
        rows = self.store.rows(
            "SELECT * FROM booking WHERE maas_id = ? AND state <> 'NEW' AND planned IS NOT NULL"
            " ORDER BY rowid",
            maas_id,
        )
        return [
            row
            for row in rows
            if state in (None, row["state"])
            and (until is None or _planned(row, "departureTime") <= until)
            and (since is None or self._lasts_until(row) >= since)
        ]

    def _lasts_until(self, booking: sqlite3.Row) -> datetime:
        if booking["ended_at"]:
            return datetime.fromisoformat(booking["ended_at"])
        planned = _planned(booking, "arrivalTime")
        return max(planned, self.now()) if booking["state"] == "STARTED" else planned

    def offer(
        self, booking_id: str, maas_id: str, asset: str, planned: dict[str, object]
    ) -> sqlite3.Row | None:
        """Offer the asset under the id that the caller chose; None when it is not to be had."""
        known = self.find(booking_id, maas_id)
        if known is not None and known["state"] in {"CANCELLED", "EXPIRED"}:
            raise ProblemError(410, 3202, f"booking {booking_id} is {known['state']}")
        if known is not None and known["state"] != "NEW":
            return known
        free = self.store.rows(
            "SELECT ref FROM vehicle WHERE (ref = ?1 OR id = ?1) AND NOT disabled AND NOT EXISTS"
            " (SELECT 1 FROM booking WHERE vehicle_ref = ref"
            "  AND state IN ('PENDING', 'CONFIRMED', 'STARTED'))",
            asset,
        )
        if not free:
            return None
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO booking (id, maas_id, state, vehicle_ref, planned)"
                " VALUES (?1, ?2, 'NEW', ?3, ?4) ON CONFLICT (id) DO UPDATE"
                " SET vehicle_ref = ?3, planned = ?4 WHERE state = 'NEW' AND maas_id = ?2",
                (booking_id, maas_id, free[0]["ref"], json.dumps(planned)),
            )
        return self.find(booking_id, maas_id)

    def book(self, booking_id: str, maas_id: str, customer: str | None) -> sqlite3.Row:
        """Hold what was offered; the same again when it is held already."""
        booking = self.find(booking_id, maas_id)
        if booking is None:
            raise ProblemError(404, 3404, f"nothing was offered as {booking_id}")
        if booking["state"] in {"CANCELLED", "EXPIRED"}:
            raise ProblemError(410, 3202, f"booking {booking_id} is {booking['state']}")
        if booking["state"] != "NEW":
            return booking
        expires_at = self.now() + timedelta(seconds=self.stanza.hold_seconds)
        try:
            with self.store.transaction() as db:
                db.execute(
                    "UPDATE booking SET state = 'PENDING', customer = ?, expires_at = ?"
                    " WHERE id = ? AND state = 'NEW'",
                    (customer, expires_at.isoformat(), booking_id),
                )
                _mark(db, booking["vehicle_ref"])
        except sqlite3.IntegrityError as error:
            raise ProblemError(409, 3203, "the vehicle is in use or reserved") from error
        self.changed()
        return self.get(booking_id, maas_id)

    def commit(self, booking_id: str, maas_id: str) -> sqlite3.Row:
        """Confirm a held booking; TOMP wants a 403 for one that is past that."""
        booking = self.get(booking_id, maas_id)
        if booking["state"] == "EXPIRED":
            raise ProblemError(410, 3202, f"booking {booking_id} is EXPIRED")
        code = f"{secrets.randbelow(10**6):06}"
        self._move(booking, "PENDING", "CONFIRMED", access_code=code, expires_at=None)
        return self.get(booking_id, maas_id)

    def extend(self, booking_id: str, maas_id: str) -> sqlite3.Row:
        """Hold a held booking once more as long from now on; TOMP wants a 410 where it is not."""
        booking = self.get(booking_id, maas_id)
        until = self.now() + timedelta(seconds=self.stanza.hold_seconds)
        if booking["state"] != "PENDING" or not self.stanza.extends_hold:
            raise ProblemError(410, 3202, f"booking {booking_id} is {booking['state']}")
        with self.store.transaction() as db:
            db.execute(
                "UPDATE booking SET expires_at = ? WHERE id = ? AND state = 'PENDING'",
                (until.isoformat(), booking_id),
            )
        return self.get(booking_id, maas_id)

    def cancel(self, booking_id: str, maas_id: str) -> sqlite3.Row:
        """Release a held or confirmed booking; an unknown id becomes a tombstone."""
        booking = self.find(booking_id, maas_id)
        if booking is None:
            with self.store.transaction() as db:
                db.execute(
                    "INSERT INTO booking (id, maas_id, state) VALUES (?, ?, 'CANCELLED')"
                    " ON CONFLICT DO NOTHING",
                    (booking_id, maas_id),
                )
        elif booking["state"] in {"NEW", "PENDING", "CONFIRMED"}:
            self._move(booking, booking["state"], "CANCELLED")
        elif booking["state"] in {"STARTED", "FINISHED"}:
            raise ProblemError(403, 3004, f"booking {booking_id} is {booking['state']}")
        return self.get(booking_id, maas_id)

    def set_in_use(self, booking_id: str, maas_id: str) -> sqlite3.Row:
        """Unlock; the same again while in use."""
        booking = self.get(booking_id, maas_id)
        if booking["state"] != "STARTED":
            self._move(booking, "CONFIRMED", "STARTED", started_at=self.now().isoformat())
        return self.get(booking_id, maas_id)

    def finish(self, booking_id: str, maas_id: str) -> sqlite3.Row:
        """Lock: meters read, priced, the vehicle under a new id where the ride ended."""
        booking = self.get(booking_id, maas_id)
        if booking["state"] == "FINISHED":
            return booking
        if booking["state"] != "STARTED":
            raise ProblemError(403, 4004, f"booking {booking_id} is {booking['state']}")
        (vehicle,) = self.store.rows("SELECT * FROM vehicle WHERE ref = ?", booking["vehicle_ref"])
        usage = self._usage(booking)
        ended_at = datetime.fromisoformat(booking["started_at"]) + timedelta(minutes=usage.minutes)
        plan = self.stanza.get_plan(vehicle["type_id"])
        price = tariff.price(plan, usage, self._paid(plan, booking))
        rest = self._rest(booking, vehicle, usage.metres)
        self._move(
            booking,
            "STARTED",
            "FINISHED",
            rest,
            ended_at=ended_at.isoformat(),
            metres=usage.metres,
            price_minor=price.minor,
            end_station_id=rest.station_id,
            end_vehicle_id=rest.vehicle_id,
        )
        return self.get(booking_id, maas_id)

    def _move(
        self, booking: sqlite3.Row, old: str, new: str, rest: Rest | None = None, **values: object
    ) -> None:
        names = "".join(f", {name} = :{name}" for name in values)
        with self.store.transaction() as db:
            moved = db.execute(
                f"UPDATE booking SET state = :new{names} WHERE id = :id AND state = :old",  # noqa: S608 - names are keywords above
                {"new": new, "old": old, "id": booking["id"], **values},
            )
            if rest is not None and moved.rowcount:
                db.execute(
                    "UPDATE vehicle SET id = ?, lat = ?, lon = ?, station_id = ?,"
                    " range_m = max(0, range_m - ?) WHERE ref = ?",
                    (
                        rest.vehicle_id,
                        rest.lat,
                        rest.lon,
                        rest.station_id,
                        rest.metres,
                        booking["vehicle_ref"],
                    ),
                )
            _mark(db, booking["vehicle_ref"])
        if moved.rowcount == 0:
            raise ProblemError(403, 3004, f"booking {booking['id']} is {booking['state']}")
        self.changed()

    def _usage(self, booking: sqlite3.Row) -> Usage:
        """The next ride somebody has set, else what clock and map say."""
        with self.store.transaction() as db:
            ride = db.execute(
                "DELETE FROM ride WHERE seq = (SELECT min(seq) FROM ride) RETURNING minutes, metres"
            ).fetchone()
        if ride is not None:
            return Usage(ride["minutes"], ride["metres"])
        ridden = (self.now() - datetime.fromisoformat(booking["started_at"])) * self.time_factor
        origin, destination = _ends(booking)
        return Usage(
            max(1, -(-ridden // timedelta(minutes=1))),
            round(distance_m(origin, destination) * DETOUR),
        )

    def _paid(self, plan: PricingPlan, booking: sqlite3.Row) -> Money | None:
        """What the customer has paid for other rides that share the plan's day cap with this."""
        day = tariff.capped_day(plan, datetime.fromisoformat(booking["started_at"]))
        if day is None or booking["customer"] is None:
            return None
        others = self.store.rows(
            "SELECT started_at, price_minor, type_id FROM booking JOIN vehicle ON vehicle_ref = ref"
            " WHERE state = 'FINISHED' AND maas_id = ? AND customer = ?",
            booking["maas_id"],
            booking["customer"],
        )
        paid = (
            row["price_minor"]
            for row in others
            if self.stanza.get_plan(row["type_id"]).id == plan.id
            and tariff.capped_day(plan, datetime.fromisoformat(row["started_at"])) == day
        )
        return Money(sum(paid), plan.currency)

    def _rest(self, booking: sqlite3.Row, vehicle: sqlite3.Row, metres: int) -> Rest:
        rule = next(t.return_rule for t in self.stanza.vehicle_type if t.id == vehicle["type_id"])
        new_id = new_vehicle_id()
        if rule is ReturnRule.ROUNDTRIP_STATION:
            return Rest(new_id, vehicle["lat"], vehicle["lon"], vehicle["station_id"], metres)
        _, destination = _ends(booking)
        if rule is ReturnRule.ANY_STATION:
            stations = self.store.rows(
                "SELECT station.*, capacity - (SELECT count(*) FROM vehicle"
                " WHERE station_id = station.id AND ref <> ?) AS room FROM station",
                vehicle["ref"],
            )
            best = min(
                [s for s in stations if s["room"] > 0] or stations,
                key=lambda s: distance_m(destination, LatLon(s["lat"], s["lon"])),
            )
            return Rest(new_id, best["lat"], best["lon"], best["id"], metres)
        return Rest(new_id, destination.lat, destination.lon, None, metres)


def _planned(booking: sqlite3.Row, name: str) -> datetime:
    return datetime.fromisoformat(json.loads(booking["planned"])[name])


def _ends(booking: sqlite3.Row) -> tuple[LatLon, LatLon]:
    planned = json.loads(booking["planned"])
    ends = [planned["from"]["coordinates"], planned["to"]["coordinates"]]
    return LatLon(ends[0]["lat"], ends[0]["lng"]), LatLon(ends[1]["lat"], ends[1]["lng"])


def _mark(db: sqlite3.Connection, *refs: str | None) -> None:
    db.executemany("UPDATE vehicle SET changed = 1 WHERE ref = ?", [(r,) for r in refs if r])
