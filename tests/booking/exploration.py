"""Every way a small trip can go: the decisions, against an outside that answers, errs or is silent.

A node is what is recorded (``Trip``) together with what is true outside and not known here: what
the provider holds and what the processor has done. From each node every answer of the outside and
every wish of the rider is followed, at each of a few instants. Attempts are counted up to two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import product

from mobility.booking.cancel import list_unused, preview
from mobility.booking.legs import REACHED
from mobility.booking.moves import Act, Action, Move
from mobility.booking.states import decide
from mobility.booking.trip import (
    Aim,
    Ask,
    Asked,
    AskState,
    BookingState,
    LegState,
    PaymentView,
    Trip,
    TripLeg,
)
from payments.money import Money
from providers.values import ReservationState
from tests.booking.trips import NOON, trip_of

INSTANTS = tuple(NOON + timedelta(minutes=minutes) for minutes in (0, 0.2, 12, 36, 15 * 60))
"""At once; after the holds' deadline; after the hold has run out, and a ticket's departure; after a
no show, and a ticket's journey; when a ride has lasted too long."""
FAULTS = ("lost", "silent", "refuses", "declined")
TIMED = (Ask.START, Ask.CANCEL)
"""The asks whose age decides something."""
Truth = ReservationState | None
_NEXT: dict[Ask, dict[Truth, ReservationState]] = {
    Ask.HOLD: {None: ReservationState.HELD},
    Ask.CONFIRM: {ReservationState.HELD: ReservationState.CONFIRMED},
    Ask.START: {ReservationState.CONFIRMED: ReservationState.IN_USE},
    Ask.FINISH: {ReservationState.IN_USE: ReservationState.ENDED},
    Ask.CANCEL: {
        None: ReservationState.CANCELLED,
        ReservationState.HELD: ReservationState.CANCELLED,
        ReservationState.CONFIRMED: ReservationState.CANCELLED,
    },
}
LEG_STATE = {
    ReservationState.HELD: LegState.HELD,
    ReservationState.CONFIRMED: LegState.CONFIRMED,
    ReservationState.IN_USE: LegState.ACTIVE,
    ReservationState.ENDED: LegState.ENDED,
    ReservationState.CANCELLED: LegState.CANCELLED,
    ReservationState.EXPIRED: LegState.CANCELLED,
}
GONE = REACHED[Ask.CANCEL]


@dataclass(frozen=True, slots=True)
class Node:
    """What is recorded, what is true, and what time it is."""

    trip: Trip
    truths: tuple[Truth, ...]
    """What each leg's provider holds."""
    money: str = "none"
    """``none``, ``held``, ``taken`` or ``free`` (released, refunded) at the processor."""
    begun: Act | None = None
    """A capture or release that may have happened."""
    instant: int = 0
    wishes: frozenset[str] = frozenset()
    """What the rider has asked for already."""
    luck: int = 0
    """How often the outside may still fail."""

    @property
    def now(self) -> datetime:
        return INSTANTS[self.instant]

    @property
    def key(self) -> tuple[object, ...]:
        trip = self.trip
        legs = tuple(
            (leg.state, leg.final, tuple(leg.asked.get(ask) for ask in Ask)) for leg in trip.legs
        )
        seen = (trip.state, trip.aim, trip.payment, trip.kept, trip.owed)
        return (
            seen,
            legs,
            self.truths,
            self.money,
            self.begun,
            self.instant,
            self.wishes,
            self.luck,
        )


@dataclass
class Exploration:
    """All nodes that can be reached, and how a node was come to."""

    nodes: dict[tuple[object, ...], Node] = field(default_factory=dict)
    after: dict[tuple[object, ...], list[tuple[str, tuple[object, ...]]]] = field(
        default_factory=dict
    )

    def way_to(self, key: tuple[object, ...]) -> list[str]:
        """The shortest story that leads to a node."""
        before: dict[tuple[object, ...], tuple[str, tuple[object, ...]]] = {}
        for source, edges in self.after.items():
            for label, target in edges:
                before.setdefault(target, (label, source))
        story = []
        start = next(iter(self.nodes))
        while key != start:
            label, key = before[key]
            story.append(label)
        return story[::-1]


@cache
def explore(text: str, faults: int) -> Exploration:
    """Follow every way of a trip such as ``bike planned, bus planned`` with so many faults."""
    trip = trip_of(text)
    later = timedelta(minutes=5)
    legs = tuple(
        replace(leg, departs_at=leg.departs_at + later, arrives_at=leg.arrives_at + later)
        for leg in trip.legs
    )
    trip = replace(trip, legs=legs)
    start = Node(trip, tuple(None for _ in trip.legs), luck=faults)
    found = Exploration({start.key: start})
    queue = deque([start])
    while queue:
        node = queue.popleft()
        edges = found.after.setdefault(node.key, [])
        for label, target in _steps(node):
            if target.key == node.key:
                continue
            edges.append((label, target.key))
            if target.key not in found.nodes:
                found.nodes[target.key] = target
                queue.append(target)
    return found


def _steps(node: Node) -> Iterator[tuple[str, Node]]:
    move = decide(node.trip, node.now)
    yield from _moved(node, move)
    yield from _wished(node)
    if node.instant + 1 < len(INSTANTS):
        yield "time passes", replace(node, instant=node.instant + 1)
    for place, truth in enumerate(node.truths):
        if truth is ReservationState.HELD and node.now >= node.trip.expires_at:
            yield (
                f"{node.trip.legs[place].mode}'s hold runs out",
                _true(node, place, ReservationState.EXPIRED),
            )


def _moved(node: Node, move: Move) -> Iterator[tuple[str, Node]]:
    trip = replace(
        node.trip,
        state=move.state,
        aim=move.aim,
        legs=tuple(_by_the_clock(leg, move, node.now) for leg in node.trip.legs),
    )
    here = replace(node, trip=trip)
    if not move.actions:
        yield (str(move.failure.type) if move.failure else "decided", here)
        return
    if here.key != node.key:
        yield "decided", here
    for outcomes in product(*(_outcomes(here, action) for action in move.actions)):
        target, words = here, []
        for outcome in outcomes:
            word, target = outcome(target)
            words.append(word)
        faults = sum(word.endswith(FAULTS) for word in words)
        if faults <= node.luck:
            yield ", ".join(words), replace(target, luck=node.luck - faults)


def _by_the_clock(leg: TripLeg, move: Move, now: datetime) -> TripLeg:
    if leg.id in move.ended_legs:
        return replace(leg, state=LegState.ENDED, final=leg.quoted)
    if leg.id in move.dropped_legs:
        return replace(leg, state=LegState.CANCELLED)
    if leg.id in move.dropped_starts:
        refused = replace(leg.asked[Ask.START], state=AskState.REFUSED)
        return replace(leg, asked={**leg.asked, Ask.START: refused})
    return leg


def _true(node: Node, place: int, truth: Truth) -> Node:
    truths = list(node.truths)
    truths[place] = truth
    return replace(node, truths=tuple(truths))


def _with_leg(node: Node, place: int, **changes: object) -> Node:
    legs = list(node.trip.legs)
    legs[place] = replace(legs[place], **changes)  # type: ignore[arg-type]
    return replace(node, trip=replace(node.trip, legs=tuple(legs)))


Outcome = Callable[[Node], tuple[str, Node]]


def _outcomes(node: Node, action: Action) -> list[Outcome]:
    if action.act is Act.LEG or action.act is Act.LOOK:
        place = next(i for i, leg in enumerate(node.trip.legs) if leg.id == action.leg_id)
        if action.act is Act.LOOK:
            return [lambda n: _looked_at(n, place)]
        kinds = ("answers",) if action.read_only else ("answers", "refuses", "is lost", "is silent")
        return [_asks(place, action, kind) for kind in kinds]
    act = node.begun if node.begun is not None and action.act in MONEY_ENDS else action.act
    return [_pays(act, kind) for kind in PAYING[act]]


def _looked_at(node: Node, place: int) -> tuple[str, Node]:
    truth = node.truths[place]
    leg = node.trip.legs[place]
    changes: dict[str, object] = {}
    if truth is ReservationState.ENDED:
        changes |= {"state": LegState.ENDED, "final": leg.quoted}
    return f"{leg.mode} looked at", _with_leg(node, place, **changes)


def _asks(place: int, action: Action, kind: str) -> Outcome:
    """One call as ``legs.call_one`` makes it, and how the provider takes it."""
    ask = action.ask
    assert ask is not None

    def outcome(node: Node) -> tuple[str, Node]:
        leg = node.trip.legs[place]
        asked_at = node.now if ask in TIMED else NOON
        before = leg.asked.get(ask, Asked(AskState.PLANNED, 0, asked_at))
        asked = replace(before, attempts=min(before.attempts + 1, 2))
        truth = _read(leg, node.truths[place])
        word = f"{ask} of {leg.mode} {kind}"
        if before.state is AskState.SENT or action.read_only:
            if truth in REACHED[ask]:
                return word, _answered(node, place, ask, asked, AskState.DONE, truth)
            if truth in GONE or action.read_only:
                return word, _answered(node, place, ask, asked, AskState.REFUSED, truth)
        possible = _NEXT[ask].get(truth)
        if ask is Ask.CANCEL and not leg.scarce:  # begun or not, until it is valid
            gone = truth is ReservationState.ENDED or node.now >= leg.departs_at
            possible = None if gone else ReservationState.CANCELLED
        if kind in ("answers", "is silent") and possible is not None:
            node, truth = _true(node, place, possible), possible
        if kind in ("is lost", "is silent"):
            return word, _answered(node, place, ask, asked, AskState.SENT, None)
        if truth in REACHED[ask]:
            return word, _answered(node, place, ask, asked, AskState.DONE, truth)
        first_hold = ask is Ask.HOLD and before.state is AskState.PLANNED
        node = _with_leg(node, place, state=LegState.FAILED) if first_hold else node
        return word, _answered(node, place, ask, asked, AskState.REFUSED, truth)

    return outcome


def _read(leg: TripLeg, truth: Truth) -> Truth:
    """A ticket office issues again whatever was issued before."""
    return truth if leg.scarce or truth in (*GONE, *REACHED[Ask.START]) else ReservationState.HELD


def _answered(
    node: Node, place: int, ask: Ask, asked: Asked, state: AskState, truth: Truth
) -> Node:
    leg = node.trip.legs[place]
    changes: dict[str, object] = {"asked": {**leg.asked, ask: replace(asked, state=state)}}
    further = truth in GONE or truth in REACHED[Ask.START]
    if truth is not None and (state is AskState.DONE or (state is AskState.REFUSED and further)):
        changes["state"] = LEG_STATE[truth]
        if truth is ReservationState.ENDED:
            changes["final"] = leg.quoted
    return _with_leg(node, place, **changes)


MONEY_ENDS = (Act.CAPTURE, Act.RELEASE)
PAYING = {
    Act.AUTHORISE: ("done", "declined", "challenged", "lost", "silent"),
    Act.CAPTURE: ("done", "lost", "silent"),
    Act.RELEASE: ("done", "lost", "silent"),
    Act.REFUND: ("done", "lost", "silent"),
    Act.OWE: ("done",),
}


def _pays(act: Act, kind: str) -> Outcome:
    def outcome(node: Node) -> tuple[str, Node]:
        word = f"{act} {kind}"
        trip = node.trip
        nothing = Money.zero(trip.price.currency)
        known = kind not in ("lost", "silent")
        happens = kind in ("done", "silent")
        if act is Act.OWE:
            changed = replace(trip, payment=PaymentView.RELEASED, owed=trip.final)
            return word, replace(node, trip=changed)
        if act is Act.AUTHORISE:
            if kind in ("declined", "challenged") and node.money == "none":
                view = PaymentView.DECLINED if kind == "declined" else PaymentView.REQUIRES_ACTION
                return word, replace(node, trip=replace(trip, payment=view))
            money = "held" if happens or node.money == "held" else "none"
            view = PaymentView.AUTHORISED if known else PaymentView.OPEN
            return word, replace(node, money=money, trip=replace(trip, payment=view))
        if act is Act.CAPTURE:
            taken = happens or node.money == "taken"
            view = PaymentView.CAPTURED if known else PaymentView.AUTHORISED
            kept = _due(trip) if known else trip.kept
            money = "taken" if taken else node.money
            done = replace(trip, payment=view, kept=kept)
            return word, replace(node, trip=done, money=money, begun=None if known else act)
        money = "free" if happens else node.money
        if act is Act.RELEASE:
            view = PaymentView.RELEASED if known else trip.payment
            done = replace(trip, payment=view)
            return word, replace(node, trip=done, money=money, begun=None if known else act)
        if not known:
            return word, replace(node, money=node.money)
        keep = trip.final if trip.aim is Aim.TRAVEL else nothing
        view = PaymentView.CAPTURED if keep else PaymentView.REFUNDED
        done = replace(trip, payment=view, kept=keep)
        return word, replace(node, trip=done, money="taken" if keep else "free")

    return outcome


def _due(trip: Trip) -> Money:
    """What ``pay`` captures: what was used, or all that is issued where prices are fixed."""
    used = (LegState.ENDED,) if trip.metered else (
        LegState.ENDED, LegState.CONFIRMED, LegState.ACTIVE
    )  # fmt: skip
    return Money.total(
        (
            leg.quoted if leg.final is None else leg.final
            for leg in trip.provided
            if leg.state in used
        ),
        trip.price.currency,
    )


def _wished(node: Node) -> Iterator[tuple[str, Node]]:
    trip = node.trip
    for place, leg in enumerate(trip.legs):
        running = trip.state in (BookingState.CONFIRMED, BookingState.ACTIVE)
        wishes = (
            (Ask.START, leg.state is LegState.CONFIRMED and running),
            (Ask.FINISH, leg.state is LegState.ACTIVE),
        )
        for ask, possible in wishes:
            wish = f"{ask} {leg.mode}"
            if possible and ask not in leg.asked and wish not in node.wishes:
                asked_at = node.now if ask in TIMED else NOON
                planned = Asked(AskState.PLANNED, 0, asked_at)
                asked = _with_leg(node, place, asked={**leg.asked, ask: planned})
                yield f"rider: {wish}", replace(asked, wishes=node.wishes | {wish})
    unused = list_unused(trip, node.now) == [leg.id for leg in trip.provided]
    if "cancel" not in node.wishes and unused and preview(trip, node.now).why_not is None:
        cancelled = replace(node, trip=replace(trip, aim=Aim.CANCEL))
        yield "rider: cancel", replace(cancelled, wishes=node.wishes | {"cancel"})
    if trip.payment is PaymentView.REQUIRES_ACTION and "approve" not in node.wishes:
        approved = replace(node, trip=replace(trip, payment=PaymentView.OPEN), money="held")
        yield "rider: approve", replace(approved, wishes=node.wishes | {"approve"})
