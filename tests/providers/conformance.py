"""What every adapter does, whoever is behind it; ``test_conformance`` runs it for each.

``ProviderConformance`` holds for all; ``RentalConformance`` adds what is true of vehicles, which
one rider has at a time and somebody else's computer keeps.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from payments.money import Money
from providers.errors import (
    ExpiredError,
    OutcomeUnknownError,
    RefusedError,
    UnavailableError,
    UnreachableError,
)
from providers.port import Provider
from providers.values import Kept, LegOrder, QuoteRequest, ReservationState, RideReport, Usage
from tests.providers.sandboxes import Sandbox

HELD, CONFIRMED = ReservationState.HELD, ReservationState.CONFIRMED
IN_USE, ENDED = ReservationState.IN_USE, ReservationState.ENDED
CANCELLED, EXPIRED = ReservationState.CANCELLED, ReservationState.EXPIRED


@dataclass
class Case:
    """An adapter, and orders it can fulfil."""

    provider: Provider
    order: Callable[[str], LegOrder]
    sandbox: Sandbox | None = None
    other_vehicle: str = ""

    @property
    def operator(self) -> Sandbox:
        assert self.sandbox is not None
        return self.sandbox


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class ProviderConformance:
    async def test_a_leg_goes_from_held_to_ended(self, case: Case):
        order = case.order("leg_1")
        states = [
            (await step(order, now())).state
            for step in (
                case.provider.hold,
                case.provider.confirm,
                case.provider.start,
                case.provider.finish,
            )
        ]
        assert states == [HELD, CONFIRMED, IN_USE, ENDED]

    async def test_every_step_repeated_gives_the_same_again(self, case: Case):
        order, provider, at = case.order("leg_1"), case.provider, now()
        for step in (provider.hold, provider.confirm, provider.start, provider.finish):
            assert await step(order, at) == await step(order, at)

    async def test_a_cancelled_hold_can_be_cancelled_again(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        await provider.hold(order, now())
        first = await provider.cancel(order, now())
        assert first == await provider.cancel(order, now())
        assert first.state is CANCELLED

    async def test_what_was_never_held_can_be_cancelled(self, case: Case):
        assert (await case.provider.cancel(case.order("leg_1"), now())).state is CANCELLED

    async def test_a_confirmed_leg_can_be_cancelled_before_it_starts(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        await provider.hold(order, now())
        await provider.confirm(order, now())
        assert (await provider.cancel(order, now())).state is CANCELLED

    async def test_the_final_price_follows_from_the_published_tariff(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        for step in (provider.hold, provider.confirm, provider.start):
            await step(order, now())
        report = (await provider.finish(order, now())).report
        assert report is not None
        assert report.price == report.expected
        assert not report.disputed

    async def test_a_quote_says_how_its_price_comes_about(self, case: Case):
        order = case.order("leg_1")
        quote = case.provider.quote(
            QuoteRequest(
                mode=order.mode,
                departs_at=order.departs_at,
                usage=Usage(12, 2000),
                vehicle_type_id={"bike": "rad", "car": "klein"}.get(order.mode),
                product=order.product,
            )
        )
        assert quote.lines
        assert quote.price > Money(0)
        assert quote.ceiling is None or quote.ceiling >= quote.price


class RentalConformance(ProviderConformance):
    async def test_a_hold_says_until_when(self, case: Case):
        held = await case.provider.hold(case.order("leg_1"), now())
        assert held.expires_at is not None
        assert timedelta(seconds=590) < held.expires_at - now() <= timedelta(seconds=601)

    async def test_a_hold_is_extended_and_a_confirmed_one_is_not(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        held = await provider.hold(order, now())
        case.operator.advance(120)
        longer = await provider.extend(order, now())
        assert longer.state is HELD
        assert held.expires_at is not None
        assert longer.expires_at is not None
        assert longer.expires_at > held.expires_at
        found = await provider.find_reservation(order, now())
        assert found is not None
        assert found.expires_at == longer.expires_at
        await provider.confirm(order, now())
        with pytest.raises(RefusedError):
            await provider.extend(order, now())

    async def test_a_repeated_hold_takes_one_vehicle_once(self, case: Case):
        order = case.order("leg_1")
        await asyncio.gather(*(case.provider.hold(order, now()) for _ in range(5)))
        assert case.operator.holders(order.vehicle_ref or "") == ["leg_1"]

    async def test_of_two_who_race_for_a_vehicle_one_gets_it(self, case: Case):
        for race in range(10):
            orders = [case.order(f"leg_{race}_{rider}") for rider in range(2)]
            answers = await asyncio.gather(
                *(case.provider.hold(order, now()) for order in orders), return_exceptions=True
            )
            held = [answer.key for answer in answers if not isinstance(answer, BaseException)]
            lost = [answer for answer in answers if isinstance(answer, UnavailableError)]
            assert (len(held), len(lost)) == (1, 1)
            assert case.operator.holders(orders[0].vehicle_ref or "") == held
            for order in orders:
                await case.provider.cancel(order, now())

    async def test_a_cancelled_key_stays_cancelled_when_the_hold_comes_late(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        await provider.cancel(order, now())
        with pytest.raises(RefusedError):
            await provider.hold(order, now())
        assert case.operator.bookings() == {"leg_1": "CANCELLED"}
        assert case.operator.holders(order.vehicle_ref or "") == []

    async def test_a_vehicle_that_is_not_there_is_refused(self, case: Case):
        order = replace(case.order("leg_1"), vehicle_ref="nobody-has-seen-it")
        with pytest.raises(UnavailableError):
            await case.provider.hold(order, now())

    async def test_an_expired_hold_cannot_be_confirmed(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        await provider.hold(order, now())
        case.operator.advance(601)
        with pytest.raises(ExpiredError):
            await provider.confirm(order, now())
        with pytest.raises(ExpiredError):
            await provider.hold(order, now())
        found = await provider.find_reservation(order, now())
        assert found is not None
        assert found.state is EXPIRED
        assert case.operator.holders(order.vehicle_ref or "") == []

    async def test_a_vehicle_is_free_again_after_cancel_and_after_the_ride(self, case: Case):
        provider = case.provider
        await provider.hold(case.order("leg_1"), now())
        await provider.cancel(case.order("leg_1"), now())
        second = case.order("leg_2")
        for step in (provider.hold, provider.confirm, provider.start, provider.finish):
            await step(second, now())
        assert (await provider.hold(case.order("leg_3"), now())).state is HELD

    async def test_a_ride_that_has_begun_cannot_be_cancelled(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        for step in (provider.hold, provider.confirm, provider.start):
            await step(order, now())
        with pytest.raises(RefusedError):
            await provider.cancel(order, now())

    async def test_what_was_not_confirmed_does_not_start(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        await provider.hold(order, now())
        with pytest.raises(RefusedError):
            await provider.start(order, now())

    async def test_an_unknown_booking_is_read_as_none_and_refused_otherwise(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        assert await provider.find_reservation(order, now()) is None
        for step in (provider.confirm, provider.start, provider.finish):
            with pytest.raises(RefusedError):
                await step(order, now())

    async def test_the_report_has_the_meters_and_the_vehicle_a_new_name(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        (before,) = (
            vehicle.id
            for vehicle in (await provider.availability(now())).vehicles
            if vehicle.ref == order.vehicle_ref
        )
        for step in (provider.hold, provider.confirm, provider.start):
            await step(order, now())
        case.operator.ride(minutes=31, metres=4200)
        ended = await provider.finish(order, now())
        assert ended.report is not None
        assert ended.report.usage == Usage(31, 4200)
        assert ended.next_vehicle_id not in {None, before}
        assert await provider.find_reservation(order, now()) == ended

    @pytest.mark.parametrize("fault", ["lost", "error_after", "garbled", "huge"])
    @pytest.mark.parametrize(
        ("operation", "reached"),
        [
            ("book", HELD),
            ("commit", CONFIRMED),
            ("set_in_use", IN_USE),
            ("finish", ENDED),
            ("cancel", CANCELLED),
        ],
    )
    async def test_an_effect_without_an_answer_is_unknown_and_found_by_reading(
        self, case: Case, operation: str, reached: ReservationState, fault: str
    ):
        order, provider = case.order("leg_1"), case.provider
        way = [provider.hold, provider.confirm, provider.start, provider.finish]
        steps = {"book": 0, "commit": 1, "set_in_use": 2, "finish": 3, "cancel": 1}
        for step in way[: steps[operation]]:
            await step(order, now())
        last = provider.cancel if operation == "cancel" else way[steps[operation]]
        case.operator.fault(operation, fault)
        with pytest.raises(OutcomeUnknownError):
            await last(order, now())
        found = await provider.find_reservation(order, now())
        assert found is not None
        assert found.state is reached
        again = await last(order, now())
        assert again.state is reached

    @pytest.mark.parametrize("operation", ["book", "commit", "set_in_use", "finish", "cancel"])
    async def test_a_refusal_changes_nothing(self, case: Case, operation: str):
        order, provider = case.order("leg_1"), case.provider
        way = [provider.hold, provider.confirm, provider.start, provider.finish]
        steps = {"book": 0, "commit": 1, "set_in_use": 2, "finish": 3, "cancel": 1}
        for step in way[: steps[operation]]:
            await step(order, now())
        before = case.operator.bookings().get("leg_1")
        case.operator.fault(operation, "refuse")
        last = provider.cancel if operation == "cancel" else way[steps[operation]]
        with pytest.raises(RefusedError):
            await last(order, now())
        assert case.operator.bookings().get("leg_1") in {before, "NEW"}

    async def test_what_is_kept_is_listed_and_let_go_by_its_key(self, case: Case):
        order, provider, at = case.order("leg_1"), case.provider, now()
        await provider.hold(order, at)
        await provider.confirm(order, at)
        assert await provider.list_kept(at - timedelta(hours=1)) == (Kept("leg_1", CONFIRMED),)

        assert await provider.let_go("leg_1") is CANCELLED

        assert await provider.list_kept(at - timedelta(hours=1)) == (Kept("leg_1", CANCELLED),)
        assert await provider.let_go("leg_1") is CANCELLED
        assert await provider.let_go("never heard of") is CANCELLED
        assert await provider.list_kept(at + timedelta(days=9)) == ()

    async def test_a_ride_that_ended_is_listed_with_its_price_and_not_let_go(self, case: Case):
        order, provider, at = case.order("leg_1"), case.provider, now()
        for step in (provider.hold, provider.confirm, provider.start):
            await step(order, at)
        assert await provider.let_go("leg_1") is IN_USE
        ended = await provider.finish(order, at)
        assert ended.report is not None

        (kept,) = await provider.list_kept(at - timedelta(hours=1))

        assert kept == Kept("leg_1", ENDED, ended.report.price)
        assert await provider.let_go("leg_1") is ENDED

    async def test_a_list_without_an_answer_is_no_empty_list(self, case: Case):
        await case.provider.hold(case.order("leg_1"), now())
        for fault in ("error", "garbled", "lost", "huge"):
            case.operator.fault("read", fault)
            with pytest.raises(UnreachableError):
                await case.provider.list_kept(now())

    async def test_a_request_worked_off_twice_has_one_effect(self, case: Case):
        order, provider = case.order("leg_1"), case.provider
        for operation in ("book", "commit", "set_in_use", "finish"):
            case.operator.fault(operation, "twice")
        for step in (provider.hold, provider.confirm, provider.start):
            await step(order, now())
        ended = await provider.finish(order, now())
        assert isinstance(ended.report, RideReport)
        assert case.operator.bookings() == {"leg_1": "FINISHED"}

    @pytest.mark.usefixtures("hurry")
    async def test_a_late_answer_is_unknown_and_found_by_reading(self, case: Case):
        order = case.order("leg_1")
        case.operator.fault("book", "late", seconds=0.6)
        with pytest.raises(OutcomeUnknownError):
            await case.provider.hold(order, now())
        found = await case.provider.find_reservation(order, now())
        assert found is not None
        assert found.state is HELD

    @pytest.mark.usefixtures("hurry")
    async def test_a_call_that_hangs_is_unknown_and_found_to_be_nothing(self, case: Case):
        order = case.order("leg_1")
        case.operator.fault("book", "hang", seconds=0.6)
        with pytest.raises(OutcomeUnknownError):
            await case.provider.hold(order, now())
        assert await case.provider.find_reservation(order, now()) is None

    async def test_a_read_without_an_answer_says_nothing(self, case: Case):
        order = case.order("leg_1")
        await case.provider.hold(order, now())
        for fault in ("error", "garbled", "lost", "huge"):
            case.operator.fault("read", fault)
            with pytest.raises(UnreachableError):
                await case.provider.find_reservation(order, now())

    async def test_a_planning_without_an_answer_has_held_nothing(self, case: Case):
        for fault in ("error", "garbled", "lost"):
            case.operator.fault("plan", fault)
            with pytest.raises(UnreachableError):
                await case.provider.hold(case.order("leg_1"), now())

    async def test_availability_shows_reserved_and_hides_ridden_vehicles(self, case: Case):
        order, provider = case.order("leg_1"), case.provider

        async def seen() -> list[bool]:
            vehicles = (await provider.availability(now())).vehicles
            return [vehicle.reserved for vehicle in vehicles if vehicle.ref == order.vehicle_ref]

        assert await seen() == [False]
        await provider.hold(order, now())
        assert await seen() == [True]
        await provider.confirm(order, now())
        await provider.start(order, now())
        assert await seen() == []
        await provider.finish(order, now())
        assert await seen() == [False]
