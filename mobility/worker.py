"""The worker: takes durable steps that are due, its own and those of processes that died."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from mobility import steps
from mobility.booking.advance import STEP as ADVANCE
from mobility.booking.advance import advance
from mobility.booking.collect import STEP as COLLECT
from mobility.booking.collect import collect
from mobility.booking.day_ceiling import STEP as CAP_DAY
from mobility.booking.day_ceiling import cap_day
from mobility.booking.forget import KEEP_PLACES, forget_old_trips
from mobility.booking.goodwill import STEP as PAY_GOODWILL
from mobility.booking.goodwill import pay_goodwill
from mobility.booking.payments_seen import (
    EVERYTHING,
    RECONCILE,
    apply_events,
    find_forgotten,
    see_disputes,
)
from mobility.booking.rebooked import STEP as BEAR
from mobility.booking.rebooked import bear_difference
from mobility.cities.facts import Bounds
from mobility.claims.pay_claim import STEP as PAY_CLAIM
from mobility.claims.pay_claim import pay_claim
from mobility.claims.store import forget_evidence
from mobility.composition import open_wiring
from mobility.db import transaction
from mobility.identity.customers import FORGET_STEP, forget_customer
from mobility.identity.passes import RELEASE_STEP, VERIFY_STEP
from mobility.identity.verify_pass import release_pass, verify_pass
from mobility.settings import Settings
from mobility.stuck_steps import BURY
from mobility.wiring import Wiring
from payments.reconcile import reconcile
from providers.errors import ProviderError
from providers.values import Availability

log = logging.getLogger(__name__)

LANES = 4
IDLE_S = 1.0
PULL_EVERY = timedelta(seconds=15)
APPLY_EVERY = timedelta(seconds=1)
POLL_EVERY = timedelta(seconds=30)
FORGET_EVERY = timedelta(hours=6)
RECONCILE_EVERY = timedelta(hours=24)


async def work(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; steps under way are finished or left to others by lease."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_wiring(settings) as wiring:
        handlers = handlers_of(wiring)
        await ask_for_periodic_steps(wiring)
        log.info("working in %d lanes on %s", LANES, ", ".join(handlers))
        lanes = [asyncio.create_task(_lane(wiring, handlers, n)) for n in range(LANES)]
        await stop.wait()
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)


async def _lane(wiring: Wiring, handlers: Mapping[str, steps.Handler], number: int) -> None:
    worker = f"{wiring.desk.worker}/{number}"
    while True:
        try:
            done = await steps.run_due(
                wiring.engine,
                handlers,
                worker=worker,
                lease=wiring.desk.lease,
                clock=wiring.clock,
                bury=BURY,
            )
            if not done:
                await steps.wait_for_work(wiring.engine, IDLE_S)
        except Exception:
            log.exception("a lane of the worker failed; it goes on")
            await asyncio.sleep(IDLE_S)


async def ask_for_periodic_steps(wiring: Wiring) -> None:
    """Ask for what is to be done again and again; asking twice is asking once."""
    now = wiring.clock()
    wanted = [(kind, EVERYTHING) for kind in ("apply_events", "poll_payments", "forget_trips")]
    wanted += [
        ("pull_availability", str(stanza.id))
        for stanza in wiring.city.providers
        if stanza.availability == "pull" and stanza.protocol is not None
    ]
    async with transaction(wiring.engine) as tx:
        for kind, key in wanted:
            await steps.enqueue(tx, kind=kind, key=key, run_at=now)
        await steps.enqueue(tx, kind=RECONCILE, key=EVERYTHING, run_at=now + RECONCILE_EVERY)


def handlers_of(wiring: Wiring) -> dict[str, steps.Handler]:
    """What to do for each kind of step."""
    return {
        ADVANCE: lambda key, _now: advance(wiring.desk, key),
        COLLECT: lambda key, _now: collect(wiring.desk, key),
        CAP_DAY: lambda key, _now: cap_day(wiring.desk, key),
        BEAR: lambda key, _now: bear_difference(wiring.desk, key),
        PAY_GOODWILL: lambda key, _now: pay_goodwill(wiring.desk, key),
        PAY_CLAIM: lambda key, _now: pay_claim(wiring.desk, key),
        "apply_events": partial(_apply_events, wiring),
        "poll_payments": partial(_poll_payments, wiring),
        "pull_availability": partial(_pull_availability, wiring),
        VERIFY_STEP: lambda key, now: verify_pass(wiring.pass_office, key, now),
        RELEASE_STEP: partial(_release_pass, wiring),
        FORGET_STEP: partial(_forget_customer, wiring),
        "forget_trips": partial(_forget_trips, wiring),
        RECONCILE: partial(_reconcile, wiring),
    }


async def _apply_events(wiring: Wiring, _key: str, now: datetime) -> datetime:
    await apply_events(wiring.engine, now)
    return now + APPLY_EVERY


async def _poll_payments(wiring: Wiring, _key: str, now: datetime) -> datetime:
    await find_forgotten(wiring.engine, now)
    return now + POLL_EVERY


async def _pull_availability(wiring: Wiring, key: str, now: datetime) -> datetime:
    provider = next(p for p in wiring.providers.values() if p.id == key)
    try:
        found = await provider.availability(now)
    except ProviderError as error:
        log.warning("no availability from %s: %s", key, error)
    else:
        await wiring.snapshots.record(provider.id, _inside(found, wiring.city.bounds), now)
    return now + PULL_EVERY


def _inside(found: Availability, bounds: Bounds) -> Availability:
    """What stands in the city: no search leads to the rest."""
    return replace(
        found,
        vehicles=tuple(each for each in found.vehicles if each.position in bounds),
        stations=tuple(each for each in found.stations if each.position in bounds),
    )


async def _forget_customer(wiring: Wiring, key: str, _now: datetime) -> None:
    await forget_customer(wiring.engine, wiring.gateway, key)


async def _release_pass(wiring: Wiring, key: str, _now: datetime) -> None:
    await release_pass(wiring.pass_office, key)


async def _forget_trips(wiring: Wiring, _key: str, now: datetime) -> datetime:
    async with transaction(wiring.engine) as tx:
        await forget_old_trips(tx, now)
        await forget_evidence(tx, now - KEEP_PLACES)
    return now + FORGET_EVERY


async def _reconcile(wiring: Wiring, _key: str, now: datetime) -> datetime:
    await reconcile(wiring.engine, wiring.gateway, now=now)
    await see_disputes(wiring.engine, now)
    return now + RECONCILE_EVERY
