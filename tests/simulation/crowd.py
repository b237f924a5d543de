"""Several riders, their bookings, staff, webhooks, faults and deaths, all by one seed.

One task runs at a time, so that a seed plays the same each time it is played.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from random import Random

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility.booking.book import BookingRequest
from mobility.booking.collect import list_owed
from mobility.booking.errors import BookingError
from mobility.booking.extend import ask_to_extend
from mobility.booking.payments_seen import apply_events, find_forgotten
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.trip import LegState
from mobility.db import autocommit, transaction
from mobility.tables import booking, leg
from payments.errors import PaymentError
from payments.stripe_gateway import StripeGateway
from providers.values import Mode, VehicleRef
from tests.simulation.banks import MOST, SOON, clear_up, make_trouble, speak_late
from tests.simulation.ceilings import CEILING
from tests.simulation.clock import Clock
from tests.simulation.complaints import granting, reporting
from tests.simulation.debtors import ACCOUNTS, bank_speaks, save_account
from tests.simulation.guarantees import decide, decide_all, notice_and_file
from tests.simulation.hints import Hints
from tests.simulation.mortal import Life
from tests.simulation.network import Fate
from tests.simulation.offers import OFFERS
from tests.simulation.onward import Way, go_on, list_torn, look_on
from tests.simulation.operators import asking
from tests.simulation.riders import book, pay
from tests.simulation.story import Asking, give_back, give_up
from tests.simulation.world import START, City, Process, World, with_bikes_capped_by_day

RIDERS = ("rdr_anna", "rdr_ben", "rdr_cem", "rdr_dilek")
CARDS = {
    "pm_card_visa": 8,
    "pm_card_threeDSecure2Required": 3,
    "pm_card_chargeDeclined": 1,
    "pm_card_chargeDeclinedInsufficientFunds": 1,
}
BIKES, CARS = ("hbf-01", "hbf-02"), ("car-1", "car-2")
"""Fewer than riders, so that they get into each other's way."""
EVENTS = 60
FAULT, DEATH = 0.2, 0.12
"""How often an event is preceded by a fault of the next request, or the death of a process."""


@dataclass
class Told:
    """What happened, in order; the same for the same seed."""

    lines: list[str] = field(default_factory=list)
    faults: int = 0
    torn: list[str] = field(default_factory=list)
    """Where there were both, or neither, of a booking and of what takes its place."""


class Crowd(World):
    """A world of several riders."""

    capped, disputed, willful, by_day, guaranteed = 0.5, 0.4, 0.5, 0.3, 0.5
    """How often a rider's day costs no more than a ceiling; banks take charges back or send refunds
    back, and the processor refuses refunds; operators ask what they like for a ride; the bikes'
    tariff caps a rider's day, and not each ride; carriers guarantee something."""

    def __init__(self, engine: AsyncEngine, city: City, seed: int) -> None:
        if Random(seed + 5).random() < self.by_day:
            city = with_bikes_capped_by_day(city)
        super().__init__(engine, city, Clock(engine, START))
        self.chance = Random(seed)
        self.told = Told()
        self.hints = Hints(self, Random(seed + 1))
        if Random(seed + 2).random() < self.capped:
            self.day_ceilings = (CEILING,)
        self.bank = Random(seed + 3)
        """What banks and those who clear up after them do: in some worlds only."""
        self.troubled = self.bank.random() < self.disputed
        wishes = Random(seed + 4)
        if wishes.random() < self.willful:
            for operator in self.outside.operators.values():
                operator.asks = asking(wishes)
        self.late = int(wishes.random() < self.guaranteed)
        self.customers: dict[str, str] = {}
        self.ways: list[Way] = []
        """What riders were shown and have not booked."""
        self.begun: set[str] = set()
        """The tickets that riders were shown as begun after their departure: a start may also be
        refused, and before it nobody is aboard."""

    async def known_customer(self, _tx: AsyncConnection, rider_id: str) -> str | None:
        """A rider's customer, once it was made."""
        return self.customers.get(rider_id)

    def customer_of(self, gateway: StripeGateway) -> Callable[[str], Awaitable[str]]:
        """Each rider's customer at the processor, made once."""

        async def find_or_create(rider_id: str) -> str:
            if rider_id not in self.customers:
                self.customers[rider_id] = await gateway.create_customer(rider_id)
            return self.customers[rider_id]

        return find_or_create

    async def play(self) -> None:
        """A day in which much goes wrong, and then peace until everything is at rest."""
        await self.clock.move_to(START)
        # a day of ordinary troubles, of buses that do not come, or of debts
        onward, arrears = self.chance.choice(((3, 1), (12, 1), (3, 6)))
        trouble = int(self.troubled)  # with more that goes back, and more that is paid late
        deeds = (
            (self.someone_books, 5), (self.someone_starts, 5), (self.someone_finishes, 5),
            (self.someone_cancels, 1.5), (self.someone_approves, 2), (self.someone_pays, 2),
            (self.staff_gives_back, 0.4), (self.time_passes, 5), (self.poller_looks, 1),
            (self.someone_looks_on, onward), (self.someone_goes_on, onward),
            (self.someone_rides_too_long, arrears), (self.someone_pays_by_debit, 2 * arrears),
            (self.bank_speaks, arrears), (self.finance_reconciles, 0.3),
            (self.someone_reports, 2), (self.staff_grants, 2), (self.someone_extends, 1),
            (self.someone_thinks_better_of_it, 2),
            (self.cards_make_trouble, 10 * trouble), (self.someone_cancels, 3 * trouble),
            (self.staff_grants, 3 * trouble), (self.someone_pays, 2 * trouble),
            (self.carriers_answer, 5 * self.late),
        )  # fmt: skip
        for _ in range(EVENTS):
            self.go_wrong()
            deed = self.chance.choices([d for d, _ in deeds], [w for _, w in deeds])[0]
            await deed()
            await self.work(timedelta(seconds=self.chance.choice((1, 5, 20))))
            await self._look_around()
            self.told.torn += [f"after {self.told.lines[-1:]}: {t}" for t in await list_torn(self)]
        await self.rest()

    def go_wrong(self) -> None:
        """Perhaps the next requests meet a fault, or the process or its successor dies."""
        if self.chance.random() < FAULT:
            fates: list[Fate | None] = [None] * self.chance.randint(0, 2)
            self.outside.wire.fates = [*fates, self.chance.choice(list(Fate))]
            self.told.faults += 1
        if self.chance.random() < DEATH:
            at = self.chance.randint(1, 25)
            self.told.faults += 1
            if self.process is not None:
                self.process.life.ends_at = self.process.life.passed + at
            else:
                self.lives = [Life(at)]

    async def rest(self) -> None:
        """Nothing goes wrong any more; who still rides locks the bike, and time goes by."""
        self.outside.wire.fates = []
        self.outside.wire.refuses_refunds = False
        self.lives = []
        if self.process is not None:
            self.process.life.ends_at = None
        await self.outside.wire.deliver_late()
        await self.work(timedelta(minutes=1))
        for _ in range(3):
            for booking_id, leg_id in await self._legs(LegState.ACTIVE):
                await self._ask(booking_id, leg_id, ask_to_finish)
            await self.hints.deliver_rest()
            await self.poll_and_work()
        await self.work(timedelta(days=8))
        await self.hints.deliver_rest()
        if self.troubled:
            await speak_late(self, self.bank)
            for _ in range(self.bank.randrange(3)):
                await self.debtors_pay_late()
                await speak_late(self, self.bank)
            await clear_up(self, self.bank)
        await decide_all(self, self.bank)
        await self.finance_reconciles()
        await self.work(timedelta(minutes=10))

    async def someone_books(self) -> None:
        """One of the riders books something; who asks again after a crash gets what there is."""
        rider = self.chance.choice(RIDERS)
        card = self.chance.choices(list(CARDS), list(CARDS.values()))[0]
        vehicles = {Mode.BIKE: self.chance.choice(BIKES), Mode.CAR: self.chance.choice(CARS)}
        wanted = self.chance.choices(list(OFFERS), list(OFFERS.values()))[0]
        offered = wanted(self.clock.now)
        legs = tuple(
            replace(leg, vehicle_ref=VehicleRef(vehicles[leg.mode])) if leg.vehicle_ref else leg
            for leg in offered.legs
        )
        offer = replace(offered, id=f"off_{len(self.told.lines)}", legs=legs)
        ceiling = self.chance.choice((None, None, offer.ceiling))
        self._tell(f"{rider} books {len(legs)} legs with {card}")
        request = BookingRequest(rider, offer, card, ceiling, lambda _terms: ())
        await self.alive(partial(book, self, request=request))

    async def someone_starts(self) -> None:
        """A rider unlocks, or boards."""
        await self._someone(LegState.CONFIRMED, ask_to_start, "starts")

    async def someone_finishes(self) -> None:
        """A rider locks, sometimes after far too long a ride."""
        if self.chance.random() < 0.3:
            await self.clock.pass_time(timedelta(minutes=self.chance.choice((9, 40, 130))))
        await self._someone(LegState.ACTIVE, ask_to_finish, "finishes")

    async def someone_rides_too_long(self) -> None:
        """A rider locks after hours, which costs more than was held."""
        if not await self._legs(LegState.ACTIVE):
            await self.someone_starts()
        else:
            await self.clock.pass_time(timedelta(minutes=130))
            await self._someone(LegState.ACTIVE, ask_to_finish, "finishes")

    async def someone_cancels(self) -> None:
        """A rider gives back what she has not ridden."""
        await self._someone(None, give_up, "cancels")

    async def someone_extends(self) -> None:
        """A rider has a booking held for longer: before it is paid, or a vehicle after that."""
        longer = timedelta(minutes=self.chance.choice((5, 15)))
        await self._someone(
            None, lambda tx, id_, _leg, now: ask_to_extend(tx, id_, longer, now), "needs longer"
        )

    async def someone_thinks_better_of_it(self) -> None:
        """A rider begins any of her legs, and at once gives the trip back or reports a leg."""
        waiting = await self._legs(LegState.CONFIRMED)
        if not waiting:
            return
        booking_id, leg_id = self.chance.choice(waiting)
        self._tell(f"the rider of {booking_id} starts, and thinks better of it")
        await self._ask(booking_id, leg_id, ask_to_start)
        await self.work(timedelta(seconds=5))
        await self._look_around()
        mine = [each for of, each in await self._legs(None) if of == booking_id]
        then = self.chance.choice((give_up, give_up, reporting(self.chance)))
        await self._ask(booking_id, self.chance.choice(mine), then)

    async def staff_gives_back(self) -> None:
        """Staff ends a booking and gives all its money back."""
        await self._someone(None, give_back, "is given everything back")

    async def someone_reports(self) -> None:
        """A rider could not use a leg, or says so."""
        state = self.chance.choice((LegState.CONFIRMED, LegState.ACTIVE))
        await self._someone(state, reporting(self.chance), "reports it")

    async def staff_grants(self) -> None:
        """Staff gives back what a leg cost, or a part of it."""
        key = f"line {len(self.told.lines)}"
        await self._someone(LegState.ENDED, granting(self.chance, key), "is granted something")

    async def someone_approves(self) -> None:
        """Every page of a bank that waits is answered."""
        self._tell("the banks' pages are answered")
        await self.outside.approve()

    async def someone_pays(self) -> None:
        """A rider pays what she owes."""
        rider = self.chance.choice(RIDERS)
        card = self.chance.choices(list(CARDS), list(CARDS.values()))[0]
        try:
            await self.alive(lambda process: self._pay(process, rider, card, by_debit=False))
        except (PaymentError, BookingError) as refusal:
            self._tell(f"refused: {refusal}")

    async def someone_pays_by_debit(self) -> None:
        """A rider has what she owes taken from her account."""
        rider = self.chance.choice(RIDERS)
        token = self.chance.choices(list(ACCOUNTS), list(ACCOUNTS.values()))[0]

        async def debit(process: Process) -> None:
            async with transaction(process.desk.engine) as tx:
                if not any(owed.debt.is_due for owed in await list_owed(tx, rider)):
                    return
            account = await save_account(process, rider, self.outside, token)
            await self._pay(process, rider, account, by_debit=True)

        try:
            await self.alive(debit)
        except (PaymentError, BookingError) as refusal:
            self._tell(f"refused: {refusal}")

    async def _pay(self, process: Process, rider: str, method: str, *, by_debit: bool) -> None:
        for left in await pay(self, process, rider, method, by_debit=by_debit):
            self._tell(f"{rider} pays {left}{' by debit' if by_debit else ''}")

    async def bank_speaks(self) -> None:
        """A debit comes or fails before its time, or its rider has it returned."""
        said = await bank_speaks(self, self.chance)
        self._tell(f"a bank says {said}")

    async def debtors_pay_late(self) -> None:
        """Most pay what they owe by then, and staff grants something."""
        card = next(iter(CARDS))
        for rider in RIDERS:
            if self.bank.random() < MOST:
                await self.alive(partial(pay, self, rider=rider, method=card, by_debit=False))
        await self.work(SOON)
        for _ in range(3):
            await self.staff_grants()
        await self.work(SOON)

    async def cards_make_trouble(self) -> None:
        """A bank or the processor does something bad, or one who clears up after them."""
        self._tell(await make_trouble(self, self.bank))

    async def finance_reconciles(self) -> None:
        """The processor is read, disputes included."""
        self._tell("finance reconciles")
        await self.alive(lambda process: process.reconcile(self.clock.now))

    async def carriers_answer(self) -> None:
        """A rider files what is guaranteed, or something becomes of what was filed."""
        act = self.bank.choice((notice_and_file, decide, decide))
        self._tell(f"a guarantee: {await act(self, self.bank)}")

    async def someone_looks_on(self) -> None:
        """A rider is told that her trip cannot be made, and is shown another way."""
        card = self.chance.choices(list(CARDS), list(CARDS.values()))[0]
        way = await look_on(self, self.chance, len(self.told.lines), card)
        if way is None:
            await self.someone_books()
        else:
            self._tell("a rider is shown a way to go on")
            self.ways.append(way)

    async def someone_goes_on(self) -> None:
        """A rider books one of the ways that she was shown, whatever has happened since."""
        if not self.ways:
            await self.someone_looks_on()
            return
        way = self.ways.pop(self.chance.randrange(len(self.ways)))
        self._tell(f"a rider goes on with {way.offer.price}, paid with {way.method}")
        try:
            await self.alive(lambda process: go_on(self, process, way))
        except BookingError as refusal:
            self._tell(f"refused: {refusal}".partition("bkg_")[0])

    async def time_passes(self) -> None:
        """Some minutes go by, in which nobody does anything."""
        length = timedelta(minutes=self.chance.choice((1, 3, 8, 15, 40)))
        self._tell(f"{length} go by")
        await self.work(length)

    async def poller_looks(self) -> None:
        """The worker looks for payments that nobody told it about, and at what it was told."""
        self._tell("the poller looks")

        async def look(process: Process) -> None:
            await apply_events(process.desk.engine, self.clock.now)
            await find_forgotten(process.desk.engine, self.clock.now)

        await self.alive(look)

    async def _look_around(self) -> None:
        aboard = select(leg.c.id).where(
            leg.c.state == LegState.ACTIVE, leg.c.started_at >= leg.c.departs_at
        )
        async with autocommit(self.engine) as db:
            self.begun |= set(await db.scalars(aboard))

    async def _someone(self, state: LegState | None, asking: Asking, what: str) -> None:
        chosen = await self._legs(state)
        if chosen:
            booking_id, leg_id = self.chance.choice(chosen)
            self._tell(f"the rider of {booking_id} {what}")
            await self._ask(booking_id, leg_id, asking)

    async def _ask(self, booking_id: str, leg_id: str, asking: Asking) -> None:
        async def send(process: Process) -> None:
            async with transaction(process.desk.engine) as tx:
                await asking(tx, booking_id, leg_id, self.clock.now)

        try:
            await self.alive(send)
        except (BookingError, PaymentError) as refusal:
            self._tell(f"refused: {refusal}")

    async def _legs(self, state: LegState | None) -> list[tuple[str, str]]:
        """Booking and leg of everything in a state, in the order in which it was booked."""
        found = (
            select(leg.c.booking_id, leg.c.id)
            .join(booking, booking.c.id == leg.c.booking_id)
            .where(leg.c.provider_id.is_not(None))
            .order_by(booking.c.created_at, booking.c.offer_id, leg.c.position)
        )
        chosen = found if state is None else found.where(leg.c.state == state.value)
        async with autocommit(self.engine) as db:
            return [(row.booking_id, row.id) for row in await db.execute(chosen)]

    def _tell(self, line: str) -> None:
        self.told.lines.append(f"{self.clock.now:%H:%M:%S} {line}")
