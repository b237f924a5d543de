"""A process follows its feeds: what it asks, what it keeps, and what searches see meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import pytest

from gtfs.realtime_live import Live
from gtfs.text import timetable_from_text
from mobility.cities.realtime_feed import RealtimeFeed, feeds_of_urls
from mobility.realtime import fetch
from mobility.realtime.polling import FeedReport, Realtime
from tests.gtfs.realtime_text import NOW, message

TOWN = timetable_from_text("1: A 08:00 B 08:10\n1: A 09:00 B 09:10")
LATE = "1-1 2026-11-25: A=+120"


@dataclass
class Server:
    """A feed on the other side: what it answers, and what it was asked."""

    text: str = LATE
    at: datetime = NOW
    etag: str | None = None
    answer: Callable[[], httpx.Response] | None = None
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.answer is not None:
            return self.answer()
        if self.etag and request.headers.get("if-none-match") == self.etag:
            return httpx.Response(304)
        headers = {"etag": self.etag} if self.etag else {}
        return httpx.Response(200, content=message(self.text, self.at), headers=headers)


@dataclass
class World:
    server: Server
    realtime: Realtime
    now: datetime = NOW

    async def poll(self) -> Live:
        await self.realtime.poll("trips")
        await self.realtime.refresh()
        return self.realtime.current

    def state(self) -> FeedReport:
        return self.realtime.report(self.now)[0]


@pytest.fixture
async def world():
    server = Server()
    feed = RealtimeFeed(id="trips", url="https://feed.test/trips.pb", kind="trip_updates")
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as http:
        made = World(server, Realtime(TOWN, (feed,), http, lambda: made.now))
        yield made


def changed(live: Live) -> list[str]:
    return [live.timetable.trips.id[trip] for trip in live.changes]


async def test_what_a_feed_says_is_seen_by_whoever_looks_next(world: World):
    before = world.realtime.current

    after = await world.poll()

    assert (changed(before), before.timetable is TOWN) == ([], True)
    assert changed(after) == ["1-1"]
    assert world.state() == FeedReport("trips", used=True, age_seconds=0, because=None)


async def test_a_message_that_is_the_same_is_not_sent_again(world: World):
    world.server.etag = '"7"'
    await world.poll()

    again = await world.poll()

    assert world.server.asked[1].headers["if-none-match"] == '"7"'
    assert world.server.asked[0].headers["accept-encoding"] == "identity"
    assert changed(again) == ["1-1"]


async def test_a_new_message_replaces_the_one_before_and_nothing_adds_up(world: World):
    await world.poll()
    world.server.text, world.server.at = "1-2 2026-11-25: A=+60", NOW + timedelta(seconds=30)
    world.now += timedelta(seconds=30)

    assert changed(await world.poll()) == ["1-2"]


async def test_an_older_message_is_not_taken(world: World):
    await world.poll()
    world.server.text, world.server.at = "1-2 2026-11-25: A=+60", NOW - timedelta(seconds=30)

    assert changed(await world.poll()) == ["1-1"]


async def test_stale_data_is_dropped_and_the_plan_serves(world: World):
    await world.poll()
    world.now += timedelta(minutes=6)

    await world.realtime.refresh()

    assert world.realtime.current.timetable is TOWN
    assert world.state() == FeedReport(
        "trips",
        used=False,
        age_seconds=360,
        because="what it says is too old; the planned timetable serves",
    )


async def test_a_feed_that_says_the_same_for_too_long_is_stale(world: World):
    world.server.etag = '"7"'
    await world.poll()
    world.now += timedelta(minutes=6)

    assert changed(await world.poll()) == []


def _broken() -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (lambda: httpx.Response(503), "answered with status 503"),
        (lambda: httpx.Response(301, headers={"location": "http://inside"}), "status 301"),
        (lambda: httpx.Response(200, content=b"<html>"), "no GTFS-Realtime message"),
        (lambda: httpx.Response(200, content=bytes(70_000)), "answered with more than 65536 bytes"),
        (
            lambda: httpx.Response(200, headers={"content-encoding": "br"}, stream=_Nothing()),
            "an encoding that was not asked for",
        ),
        (_broken, "no answer: ConnectError"),
    ],
)
async def test_a_feed_that_fails_takes_nothing_down(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[], httpx.Response],
    because: str,
):
    monkeypatch.setattr(fetch, "MAX_BYTES", 65_536)
    await world.poll()
    world.server.answer = answer

    still = await world.poll()

    assert changed(still) == ["1-1"]
    assert because in (world.state().because or "")


class _Nothing(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b""


async def test_a_feed_is_asked_more_seldom_the_longer_it_fails(world: World):
    world.server.answer = lambda: httpx.Response(500)
    (feed,) = world.realtime._feeds
    waits = []
    for _ in range(8):
        waits.append(round(feed.wait_s() / 30))
        await world.realtime.poll("trips")

    assert waits[0] == 1
    assert all(abs(wait - 2**n) <= 0.1 * 2**n + 0.5 for n, wait in enumerate(waits[:4]))
    assert 18 <= waits[-1] <= 22

    world.server.answer = None
    await world.realtime.poll("trips")
    assert round(feed.wait_s() / 30) == 1


async def test_it_follows_by_itself_from_start_to_stop(world: World):
    seen = asyncio.Event()
    world.realtime.live.after.append(lambda _live: seen.set())
    world.realtime.start()
    async with asyncio.timeout(10):
        await seen.wait()
    await world.realtime.stop()

    assert changed(world.realtime.current) == ["1-1"]

    assert len(world.server.asked) == 1
    assert len(asyncio.all_tasks()) == 1


async def test_a_state_that_cannot_be_made_leaves_the_one_before(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    before = await world.poll()

    tried = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fails(*_: object) -> Live:
        loop.call_soon_threadsafe(tried.set)
        raise ZeroDivisionError

    monkeypatch.setattr(world.realtime.live, "make", fails)
    world.server.at += timedelta(seconds=1)
    world.realtime.start()
    async with asyncio.timeout(10):
        await tried.wait()
    await world.realtime.stop()

    assert world.realtime.current is before


def test_addresses_from_the_environment_are_feeds():
    assert feeds_of_urls(("https://a.test/x", "http://b.test/y")) == (
        RealtimeFeed(id="realtime-1", url="https://a.test/x"),
        RealtimeFeed(id="realtime-2", url="http://b.test/y"),
    )
    with pytest.raises(ValueError, match="url"):
        feeds_of_urls(("file:///etc/passwd",))
