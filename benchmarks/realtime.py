"""1,000 trip updates of Lübeck: until every search sees them, and what searches feel meanwhile.

    python -m benchmarks.realtime

Message after message makes 1,000 trips late, each call of them by time: message k by k minutes.
One thread makes each into the next state and puts it in place, while another asks journeys from
stop to stop, some hundreds a second, and checks that all rides of each are of one state. Prints
milliseconds from bytes to the first search that sees them, the processor time of all threads but
the asking one, and the searches' times before and meanwhile; exits 1 where a journey mixes states.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from time import clock_gettime, perf_counter, process_time, pthread_getcpuclockid

import numpy as np
from google.transit import gtfs_realtime_pb2 as pb
from rich.console import Console
from rich.table import Table

from gtfs.ids import StopIdx
from gtfs.journey import Access, Journey, Query, Ride, search
from gtfs.realtime_live import Live
from gtfs.realtime_match import calls_of_trip
from gtfs.realtime_read import read_message
from gtfs.service_time import day_zero, instant
from gtfs.timetable import Timetable
from mobility.app import SWITCH_S
from mobility.cities.city import load_city
from mobility.embedded.progress import StartDisplay
from mobility.prepare import build_timetable
from mobility.realtime.holder import LiveTimetable
from mobility.settings import Settings

N_UPDATES, N_MESSAGES, QUIET_S, PAUSE_S = 1_000, 20, 5.0, 0.002


def main() -> int:
    """Measure; 0 if no search saw a half-applied state."""
    console = Console()
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "timetable.bin"
        settings = Settings(data=Path(folder))
        build_timetable(settings, load_city("luebeck"), path, today, StartDisplay())
        timetable = Timetable.load(path)
        return measure(timetable, today, console)


def measure(timetable: Timetable, day: date, console: Console) -> int:
    """Both threads, and the table of what they found."""
    holder = LiveTimetable(timetable)
    now = instant(day, 8 * 3600, timetable.tz)
    trips = _trips(timetable, day)
    messages = [message(timetable, trips, day, minutes, now) for minutes in range(N_MESSAGES + 1)]
    holder.put(holder.make([read_message(messages[0])], now))
    sys.setswitchinterval(SWITCH_S)
    asker = Asker(holder, day)
    asker.ask()
    gc.collect()
    gc.freeze()
    asker.cut()
    asker.start()
    asker.wait(QUIET_S)
    quiet = asker.cut()
    taken, cpu = [], []
    for number, raw in enumerate(messages[1:], start=1):
        start, cpu_start = perf_counter(), process_time() - asker.computed_s()
        live = holder.make([read_message(raw)], now + timedelta(seconds=number))
        holder.put(live)
        cpu.append(process_time() - asker.computed_s() - cpu_start)
        asker.wait_until_seen(live)
        taken.append(perf_counter() - start)
    busy = asker.cut()
    asker.stop()
    table = Table("", "least", "p50", "p99", "most")
    for name, seconds, scale in (
        (f"{N_UPDATES} updates until seen, ms", taken, 1e3),
        ("computing of all that prepares, ms", cpu, 1e3),
        ("search before, µs", quiet, 1e6),
        ("search meanwhile, µs", busy, 1e6),
    ):
        values = np.percentile(np.array(seconds) * scale, [0, 50, 99, 100])
        table.add_row(name, *(f"{value:.0f}" for value in values))
    console.print(table)
    console.print(
        f"{len(quiet)} and {len(busy)} searches, {len(messages[1])} bytes a message, "
        f"{asker.rides} live rides looked at, {asker.mixed} journeys of two states"
    )
    return 1 if asker.mixed or not asker.rides else 0


class Asker(threading.Thread):
    """Asks again and again, each search with the state there is when it begins."""

    def __init__(self, holder: LiveTimetable, day: date) -> None:
        super().__init__(daemon=True)
        self._holder, self._day = holder, day
        self._random = Random(7)
        self._times: list[float] = []
        self._done = threading.Event()
        self._seen: Live | None = None
        self._news = threading.Condition()
        self.mixed = self.rides = 0

    def run(self) -> None:
        while not self._done.is_set():
            self._done.wait(PAUSE_S)
            live = self.ask()
            if live is not self._seen:
                with self._news:
                    self._seen = live
                    self._news.notify_all()

    def ask(self) -> Live:
        """One search; the state that it saw."""
        n_stops = len(self._holder.static.stop_table.id)
        here, there = (StopIdx(self._random.randrange(n_stops)) for _ in range(2))
        at = self._random.randrange(6 * 3600, 20 * 3600)
        query = Query(self._day, at, (Access(here, 0),), (Access(there, 0),))
        start = perf_counter()
        live = self._holder.current
        journeys = search(live.timetable, query)
        self._times.append(perf_counter() - start)
        self._check(live, journeys)
        return live

    def _check(self, live: Live, journeys: Sequence[Journey]) -> None:
        for journey in journeys:
            delays = set()
            for leg in journey.legs:
                times = live.scheduled_times(leg.trip) if isinstance(leg, Ride) else None
                if isinstance(leg, Ride) and times is not None:
                    self.rides += 1
                    delays.add(leg.departs_s - times[1][leg.from_position])
            self.mixed += len(delays) > 1

    def computed_s(self) -> float:
        """The processor time that asking took."""
        return clock_gettime(pthread_getcpuclockid(self.ident or 0))

    def wait(self, seconds: float) -> None:
        """Let it ask for so long."""
        self._done.wait(seconds)

    def wait_until_seen(self, live: Live) -> None:
        """Until a search saw that state."""
        with self._news:
            self._news.wait_for(lambda: self._seen is live, 10)

    def cut(self) -> list[float]:
        """The times since the last cut."""
        times, self._times = self._times, []
        return times

    def stop(self) -> None:
        """Stop asking."""
        self._done.set()
        self.join()


def _trips(timetable: Timetable, day: date) -> list[int]:
    active = timetable.active_services(day)[timetable.trips.service]
    running = np.flatnonzero(active).tolist()
    return sorted(Random(1).sample(running, min(N_UPDATES, len(running))))


def message(
    timetable: Timetable, trips: Sequence[int], day: date, minutes: int, now: datetime
) -> bytes:
    """All these trips so many minutes late, call by call."""
    zero = int(day_zero(day, timetable.tz).timestamp()) + 60 * minutes
    feed = pb.FeedMessage()
    feed.header.gtfs_realtime_version = "2.0"
    feed.header.timestamp = int(now.timestamp()) + minutes
    for trip in trips:
        update = feed.entity.add(id=str(trip)).trip_update
        update.trip.trip_id = timetable.trips.id[trip]
        update.trip.start_date = f"{day:%Y%m%d}"
        for stop, arrives, departs, sequence in zip(
            *calls_of_trip(timetable, trip),  # type: ignore[arg-type]
            strict=True,
        ):
            call = update.stop_time_update.add(
                stop_sequence=sequence, stop_id=timetable.stop_table.id[stop]
            )
            call.arrival.time, call.departure.time = zero + arrives, zero + departs
    written: bytes = feed.SerializeToString()
    return written


if __name__ == "__main__":
    sys.exit(main())
