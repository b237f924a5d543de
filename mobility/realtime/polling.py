"""Keeps the live timetable up with its feeds. A feed that fails never takes searches down.

Each feed is asked in its own rhythm, more seldom the longer it fails. Whatever comes in wakes the
one task that makes the next state, in a thread; what came in meanwhile is in the one after. A
message that has grown old is dropped, and the planned timetable serves again.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import httpx

from gtfs.network import View
from gtfs.realtime_live import Live
from gtfs.realtime_read import read_message
from gtfs.realtime_values import Message, RealtimeError
from gtfs.timetable import Timetable
from mobility.cities.realtime_feed import RealtimeFeed
from mobility.realtime.fetch import FeedUnavailableError, Fetched, fetch
from mobility.realtime.holder import LiveTimetable, warm_next_day

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 600.0
_MOST_DOUBLINGS = 10
_JITTER = 0.1
_LOOK_AGAIN_S = 30.0


@dataclass(frozen=True, slots=True)
class FeedReport:
    """How a feed is doing. ``used``: what it said is in the timetable that searches see."""

    id: str
    used: bool
    age_seconds: int | None
    """Of what it last said, by its own clock where it tells; None if it never said anything."""
    because: str | None


class _Feed:
    """A feed and what is known of it."""

    def __init__(self, feed: RealtimeFeed) -> None:
        self.feed = feed
        self.fetched: Fetched | None = None
        self.message: Message | None = None
        self.said_at: datetime | None = None
        self.failures = 0
        self.because: str | None = "not heard of yet"

    def fresh(self, now: datetime) -> bool:
        return self.said_at is not None and now - self.said_at <= self.feed.keeps

    def confirm(self, now: datetime) -> None:
        """It says what it said before. That renews alerts, and what has no time of its own."""
        if self.message is not None and (self.feed.kind == "alerts" or self.message.at is None):
            self.said_at = now

    def take(self, message: Message, now: datetime) -> bool:
        """Keep a message, unless it is older than the one there is; whether it is another one."""
        said_at = min(message.at or now, now)
        if self.message is not None and self.said_at is not None and said_at < self.said_at:
            return False
        known = self.message
        self.message, self.said_at = message, said_at
        return known != message

    def wait_s(self) -> float:
        """Until it is asked again."""
        doublings = min(self.failures, _MOST_DOUBLINGS)
        seconds = min(self.feed.poll_seconds * 2.0**doublings, LONGEST_WAIT_S)
        seconds = max(seconds, self.feed.poll_seconds)
        return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret


class Realtime:
    """The live timetable of a process, and the feeds that it follows between start and stop."""

    def __init__(
        self,
        timetable: Timetable,
        feeds: Iterable[RealtimeFeed],
        http: httpx.AsyncClient,
        clock: Callable[[], datetime],
    ) -> None:
        """Begin with the planned timetable."""
        self.live = LiveTimetable(timetable)
        self._feeds = [_Feed(feed) for feed in feeds]
        self._http = http
        self._clock = clock
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._used: frozenset[str] = frozenset()

    @property
    def current(self) -> Live:
        """The timetable as it is now; take it once and keep to it."""
        return self.live.current

    @property
    def trips_said_at(self) -> datetime | None:
        """Since when at least what is said of trips holds; None where nothing is said of them.

        The oldest of the feeds in use, and never later than the state that searches see.
        """
        said = [
            feed.said_at
            for feed in self._feeds
            if feed.feed.id in self._used and feed.feed.kind in ("trip_updates", "mixed")
        ]
        known = [at for at in (*said, self.current.at) if at is not None]
        return min(known) if said and known else None

    def start(self) -> None:
        """Begin to follow the feeds.

        What the process has made so far is taken out of the garbage collector's rounds, which
        would look at all of it again for every few states and stop each search meanwhile.
        """
        if self._feeds:
            gc.collect()
            gc.freeze()
            followers = [asyncio.create_task(self._follow(feed)) for feed in self._feeds]
            self._tasks = [asyncio.create_task(self._keep_up()), *followers]

    async def stop(self) -> None:
        """Stop following; what is being prepared is thrown away."""
        if self._tasks:
            gc.unfreeze()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    def report(self, now: datetime) -> tuple[FeedReport, ...]:
        """How each feed is doing."""
        return tuple(self._report(feed, now) for feed in self._feeds)

    def _report(self, feed: _Feed, now: datetime) -> FeedReport:
        age = None if feed.said_at is None else max(0, int((now - feed.said_at).total_seconds()))
        because = feed.because
        if because is None and not feed.fresh(now):
            because = "what it says is too old; the planned timetable serves"
        return FeedReport(feed.feed.id, feed.feed.id in self._used, age, because)

    async def poll(self, feed_id: str) -> None:
        """Ask one feed now; what it says is in the next state that ``refresh`` makes."""
        await self._ask(next(feed for feed in self._feeds if feed.feed.id == feed_id))

    async def refresh(self) -> None:
        """Make a new state of what the feeds said last, and put it in place."""
        now = self._clock()
        fresh = [feed for feed in self._feeds if feed.message is not None and feed.fresh(now)]
        messages = [feed.message for feed in fresh if feed.message is not None]
        live = await asyncio.to_thread(self.live.make, messages, now)
        dropped = self._used - {feed.feed.id for feed in fresh}
        self.live.put(live)
        self._used = frozenset(feed.feed.id for feed in fresh)
        if dropped:
            log.warning("dropped what %s said: too old", ", ".join(sorted(dropped)))
        _tell(live)
        for view in (View.AHEAD, View.MIRRORED):
            if live.changes and not self._news.is_set():
                await asyncio.to_thread(warm_next_day, live, now, view)

    async def _follow(self, feed: _Feed) -> None:
        while True:
            try:
                await self._ask(feed)
            except Exception:
                feed.failures += 1
                feed.because = "its answer could not be read"
                log.exception("realtime feed %s; it is asked again", feed.feed.id)
            await asyncio.sleep(feed.wait_s())

    async def _ask(self, feed: _Feed) -> None:
        try:
            fetched = await fetch(self._http, feed.feed.url, feed.fetched)
            if fetched.raw is not None:
                message = await asyncio.to_thread(read_message, fetched.raw, feed.feed.prefix)
                if feed.take(message, self._clock()):
                    self._news.set()
            else:
                feed.confirm(self._clock())
            feed.fetched = Fetched(None, fetched.etag, fetched.modified)
        except (FeedUnavailableError, RealtimeError) as error:
            feed.failures += 1
            feed.because = str(error)
            log.warning("realtime feed %s: %s", feed.feed.id, error)
        else:
            feed.failures, feed.because = 0, None

    async def _keep_up(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_AGAIN_S)
            if not self._news.is_set() and self._used == self._fresh_ids():
                continue
            self._news.clear()
            try:
                await self.refresh()
            except Exception:
                log.exception("no new state of the timetable; the one before serves on")
                if not self._used <= self._fresh_ids():
                    self.live.put(Live.of(self.live.static))
                    self._used = frozenset()

    def _fresh_ids(self) -> set[str]:
        now = self._clock()
        return {
            feed.feed.id for feed in self._feeds if feed.message is not None and feed.fresh(now)
        }


def _tell(live: Live) -> None:
    summary = live.summary
    level = logging.INFO if summary.n_unmatched else logging.DEBUG
    log.log(
        level,
        "realtime: %d of %d trip updates matched, %d cancelled, %d added; in vain: %s",
        summary.trips_matched,
        summary.trip_updates,
        summary.cancelled,
        summary.added,
        ", ".join(f"{count} {reason.name.lower()}" for reason, count in summary.unmatched.items())
        or "nothing",
    )
