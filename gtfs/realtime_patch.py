"""Messages into a live timetable: always from the static one, with all that is known now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from gtfs.ids import StopIdx, TripIdx
from gtfs.realtime_added import AddedRun, added_run
from gtfs.realtime_live import (
    CancelledCall,
    Kind,
    Live,
    Summary,
    TripChange,
    index_alerts,
)
from gtfs.realtime_match import Calls, Matcher, Rules, calls_of_trip
from gtfs.realtime_tables import NewRun, grown
from gtfs.realtime_times import RunTimes, run_times
from gtfs.realtime_values import (
    Alert,
    Message,
    Reason,
    Relation,
    Run,
    TimedCalls,
    TripUpdate,
    Updates,
    Vehicle,
)
from gtfs.timetable import Timetable

_NEW = frozenset({Relation.ADDED, Relation.NEW, Relation.DUPLICATED})
_LEAVES = frozenset({Relation.CANCELED, Relation.DELETED})


class _Meant(NamedTuple):
    """An update with the planned run that it is of."""

    run: Run
    update: TripUpdate
    at: datetime | None


def patched(static: Timetable, updates: Updates, now: datetime) -> Live:
    """The timetable with everything in it that the messages say; `now` is an aware instant.

    A planned run that changes comes back as a trip of its own; indices of the static timetable
    keep their meaning (see `realtime_tables`). What concerns nothing that is known is counted.
    """
    return _Patch(static, Matcher(static, now)).make(updates)


@dataclass(slots=True)
class _Patch:
    static: Timetable
    match: Matcher
    rows: list[NewRun] = field(default_factory=list)
    changes: list[TripChange] = field(default_factory=list)
    gone: set[Run] = field(default_factory=set)
    shown: set[Run] = field(default_factory=set)
    """Runs that are gone for good and are to be shown as cancelled."""
    skipped: list[tuple[Run, int]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def make(self, updates: Updates) -> Live:
        for meant in self._meant(updates):
            self._apply(meant)
        for message in updates.messages:
            doubled = _duplicated_ids(message)
            for update in message.trips:
                if update.relation in _NEW and not (
                    update.relation is Relation.ADDED and update.trip.trip_id in doubled
                ):
                    self._add(update, None)
        table, trips = grown(self.static, self.rows, self.gone)
        runs: dict[Run, TripIdx | None] = dict.fromkeys(self.gone)
        by_id: dict[str, Run] = {}
        for trip, change in zip(trips, self.changes, strict=True):
            if change.source is not None:
                runs[Run(change.source, change.day)] = trip
            else:
                by_id[table.trips.id[trip]] = Run(trip, change.day)
        vehicles = [vehicle for message in updates.messages for vehicle in message.vehicles]
        alerts = _alerts(updates)
        by_run = self._vehicles(updates, runs, by_id)
        return Live(
            table,
            self.static,
            updates.at or self.match.now,
            dict(zip(trips, self.changes, strict=True)),
            runs,
            self._cancelled(),
            tuple(vehicles),
            alerts,
            self._summary(updates, len(by_run)),
            tuple(self.match.unmatched),
            by_run,
            index_alerts(alerts),
        )

    def _meant(self, updates: Updates) -> Sequence[_Meant]:
        """Updates of planned runs; of several of one run the newest."""
        newest: dict[Run, _Meant] = {}
        for message in updates.messages:
            for update in message.trips:
                self.counts["updates"] += 1
                if update.relation in _NEW:
                    continue
                if update.relation is Relation.UNSCHEDULED and not self.match.knows(update.trip):
                    self._add(update, None)
                    continue
                run = self.match.find_run(update, message.at)
                if run is None:
                    continue
                self.counts["matched"] += 1
                meant = _Meant(run, update, update.at or message.at)
                if run in newest:
                    self.counts["repeated"] += 1
                    before = newest[run].at
                    if before is not None and meant.at is not None and meant.at < before:
                        continue
                newest[run] = meant
        return list(newest.values())

    def _apply(self, meant: _Meant) -> None:
        run, update, _ = meant
        if update.relation in _LEAVES:
            self.gone.add(run)
            self.counts["cancelled"] += 1
            if update.relation is Relation.CANCELED:
                self.shown.add(run)
        elif update.relation is Relation.REPLACEMENT and update.calls and self._add(update, run):
            self.gone.add(run)
        elif update.calls or update.delay_s is not None or update.wheelchair:
            self._change(run, update)

    def _change(self, run: Run, update: TripUpdate) -> None:
        """A planned run with other times, and calls that are left out or at another stop."""
        self.gone.add(run)
        calls = self.match.calls(run.trip)
        zero = self.match.zero(run.day)
        rules = self.match.rules(run.trip)
        if update.delay_s is None and isinstance(update.calls, TimedCalls):
            plain = self.match.index.plan.times(run.trip, update.calls, zero)
            if plain is not None:
                self._keep_changed(run, update, rules, RunTimes(plain[0], plain[1]))
                return
        said = self.match.find_calls(calls, update.calls, zero, update.trip.trip_id)
        times = run_times(calls.arrivals, calls.departures, said, zero, update.delay_s)
        self.counts["repaired"] += times.repaired
        self.counts["far"] += times.far
        stops, boards, alights = list(rules.stops), list(rules.boards), list(rules.alights)
        for position, call in said:
            boards[position] = boards[position] if call.boards is None else call.boards
            alights[position] = alights[position] if call.alights is None else call.alights
            assigned = self.match.stop(call.assigned_stop_id) if call.assigned_stop_id else None
            if assigned is not None:
                stops[position] = assigned
        for position in times.skipped:
            boards[position] = alights[position] = False
            self.skipped.append((run, position))
        if len(times.skipped) == len(stops):
            self.counts["cancelled"] += 1
            return
        self._keep_changed(run, update, Rules(tuple(stops), tuple(boards), tuple(alights)), times)

    def _keep_changed(self, run: Run, update: TripUpdate, rules: Rules, times: RunTimes) -> None:
        calls = self.match.calls(run.trip)
        self.counts["changed"] += 1
        self.rows.append(
            NewRun(
                run.day,
                run.trip,
                *rules,
                times.arrivals,
                times.departures,
                {"wheelchair": update.wheelchair} if update.wheelchair else {},
            )
        )
        self.changes.append(
            TripChange(
                Kind.CHANGED,
                run.day,
                run.trip,
                calls.arrivals,
                calls.departures,
                times.skipped,
                times.no_data,
                times.uncertainty_s,
            )
        )

    def _add(self, update: TripUpdate, instead_of: Run | None) -> bool:
        """A run that was not planned, or stands in place of a planned one; whether it could be."""
        found = added_run(self.match, update, instead_of)
        if isinstance(found, Reason):
            if instead_of is None:
                self.match.miss(found, update.trip.trip_id or update.trip.route_id)
            return False
        if instead_of is None:
            self.counts["matched"] += 1
        self._keep(found, instead_of)
        return True

    def _keep(self, found: AddedRun, instead_of: Run | None) -> None:
        self.counts["added"] += instead_of is None
        self.counts["changed"] += instead_of is not None
        self.counts["repaired"] += found.repaired
        self.rows.append(found.row)
        planned = calls_of_trip(self.static, instead_of.trip) if instead_of else found.planned
        self.changes.append(
            TripChange(
                Kind.ADDED if instead_of is None else Kind.REPLACED,
                found.row.day,
                instead_of.trip if instead_of else None,
                *_same_calls(planned, found.row),
                skipped=found.skipped,
            )
        )

    def _cancelled(self) -> dict[StopIdx, tuple[CancelledCall, ...]]:
        """Calls that do not take place, by their stop; the last of a trip is none to board at."""
        found: dict[StopIdx, list[CancelledCall]] = {}
        whole = [
            (run, position)
            for run in self.shown
            for position in range(len(calls_of_trip(self.static, run.trip).stops))
        ]
        patterns = self.static.patterns
        known: dict[TripIdx, Calls] = {}
        for run, position in (*whole, *self.skipped):
            calls = known.setdefault(run.trip, calls_of_trip(self.static, run.trip))
            first = int(patterns.stop0[self.static.trips.pattern[run.trip]])
            if position < len(calls.stops) - 1 and patterns.boards[first + position]:
                found.setdefault(StopIdx(calls.stops[position]), []).append(
                    CancelledCall(run, position, calls.departures[position])
                )
        return {stop: tuple(calls) for stop, calls in found.items()}

    def _vehicles(
        self, updates: Updates, runs: dict[Run, TripIdx | None], by_id: dict[str, Run]
    ) -> dict[Run, Vehicle]:
        """Vehicles by the run they are on; of two on one run the one heard of last."""
        found: dict[Run, Vehicle] = {}
        for message in updates.messages:
            for vehicle in message.vehicles:
                if vehicle.trip is None:
                    continue
                self.counts["vehicles_with_trip"] += 1
                run = by_id.get(vehicle.trip.trip_id) or self.match.find(
                    vehicle.trip, vehicle.at or message.at, relation=Relation.UNSCHEDULED
                )
                if run is None:
                    continue
                now = runs.get(run, run.trip)
                run = Run(run.trip if now is None else now, run.day)
                before = found.get(run)
                if before is None or not (before.at and vehicle.at and vehicle.at < before.at):
                    found[run] = vehicle
        return found

    def _summary(self, updates: Updates, vehicles_matched: int) -> Summary:
        passed_over: Counter[str] = Counter()
        for message in updates.messages:
            passed_over.update(message.passed_over)
        return Summary(
            trip_updates=self.counts["updates"],
            trips_matched=self.counts["matched"],
            changed=self.counts["changed"],
            cancelled=self.counts["cancelled"],
            added=self.counts["added"],
            vehicles=sum(len(message.vehicles) for message in updates.messages),
            vehicles_with_trip=self.counts["vehicles_with_trip"],
            vehicles_matched=vehicles_matched,
            alerts=sum(len(message.alerts) for message in updates.messages),
            repeated=self.counts["repeated"],
            moved_days=self.match.moved_days,
            repaired=self.counts["repaired"],
            far=self.counts["far"],
            unmatched=dict(self.match.counts),
            passed_over=dict(passed_over),
        )


def _alerts(updates: Updates) -> tuple[Alert, ...]:
    """All alerts, each under an id of its own, also where two feeds count alike."""
    by_id: dict[str, Alert] = {}
    for message in updates.messages:
        for alert in message.alerts:
            id_ = alert.id if alert.id not in by_id else f"{alert.id}-{len(by_id)}"
            by_id[id_] = replace(alert, id=id_)
    return tuple(by_id.values())


def _same_calls(
    planned: Calls | None, row: NewRun
) -> tuple[Sequence[int] | None, Sequence[int] | None]:
    """Planned times, where the run calls at the planned stops."""
    if planned is None or tuple(planned.stops) != row.stops:
        return None, None
    return planned.arrivals, planned.departures


def _duplicated_ids(message: Message) -> frozenset[str]:
    """Trips that come as DUPLICATED too: their ADDED twins are for older readers."""
    twins = [update for update in message.trips if update.relation is Relation.DUPLICATED]
    names = {update.trip.trip_id for update in twins}
    return frozenset(names | {update.new.trip_id for update in twins if update.new})
