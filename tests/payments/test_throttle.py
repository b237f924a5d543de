"""Calls to the processor wait in turn: the urgent first, and all of them after a 429."""

from __future__ import annotations

import asyncio

import pytest

from payments import throttle
from payments.throttle import Throttle, Urgency


async def calls(slow: Throttle, *urgencies: Urgency) -> list[str]:
    """Make the calls at once; the order in which they got their turn."""
    order: list[str] = []

    async def one(urgency: Urgency) -> None:
        await slow.turn(urgency)
        order.append(urgency.name.lower())

    await asyncio.gather(*(one(urgency) for urgency in urgencies))
    return order


async def elapsed(slow: Throttle, count: int) -> float:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await calls(slow, *[Urgency.READ] * count)
    return loop.time() - begun


async def test_who_waits_goes_by_urgency_and_then_by_turn():
    slow = Throttle(per_second=50)
    await calls(slow, *[Urgency.READ] * 50)
    order = await calls(
        slow,
        *(Urgency.READ, Urgency.AUTHORISE, Urgency.REFUND, Urgency.RELEASE, Urgency.CAPTURE),
        Urgency.AUTHORISE,
    )
    assert order == ["capture", "release", "refund", "authorise", "authorise", "read"]


async def test_a_burst_is_let_through_and_then_no_more_than_the_rate():
    slow = Throttle(per_second=100)
    assert await elapsed(slow, 150) >= 0.5 * 0.95


async def test_after_a_429_all_calls_rest_and_the_longer_the_more_often_it_came():
    slow = Throttle(per_second=1000)
    await calls(slow, Urgency.READ)
    slow.slow_down()
    assert await elapsed(slow, 1) >= throttle.SHORTEST_PAUSE_S * 0.95
    slow.slow_down()
    assert await elapsed(slow, 1) >= 2 * throttle.SHORTEST_PAUSE_S * 0.95


async def test_who_would_wait_too_long_is_told_and_takes_no_turn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(throttle, "LONGEST_WAIT_S", 0.05)
    slow = Throttle(per_second=1)
    await slow.turn(Urgency.READ)
    with pytest.raises(TimeoutError):
        await slow.turn(Urgency.CAPTURE)
    monkeypatch.setattr(throttle, "LONGEST_WAIT_S", 5)
    assert await calls(slow, Urgency.READ, Urgency.CAPTURE) == ["capture", "read"]


async def test_one_who_leaves_the_queue_does_not_hold_up_the_others():
    slow = Throttle(per_second=20)
    await calls(slow, *[Urgency.READ] * 20)
    left = asyncio.ensure_future(slow.turn(Urgency.CAPTURE))
    await asyncio.sleep(0)
    left.cancel()
    assert await calls(slow, Urgency.READ) == ["read"]


@pytest.mark.parametrize("per_second", [0, -1.0])
def test_a_rate_is_positive(per_second: float):
    with pytest.raises(ValueError, match="calls a second"):
        Throttle(per_second)
