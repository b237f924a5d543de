"""Draw the state machines from the code: ``python -m tests.booking.drawing docs/STATES.md``.

Booking, leg and payment as they are reached by ``exploration``; a money operation by
``payments.operation``; a debt by ``payments.debt``.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from pathlib import Path

from mobility.booking.states import decide
from payments.debt import Debt, DebtAct, DebtState
from payments.debt import decide as decide_debt
from payments.money import Money
from payments.operation import OPEN_STATES, OperationState, OutcomeKind, state_after
from payments.payment import Payment, PaymentState
from tests.booking.exploration import FAULTS, Exploration, Node, explore
from tests.booking.trips import NOON

Edges = Mapping[tuple[str, str], set[str]]
HEAD = """# State machines

Drawn from the code that decides by `python -m tests.booking.drawing docs/STATES.md`, which a test
compares.
The first three are what a bus trip and a bike trip reach with up to one fault of the outside
(`tests/booking/exploration.py`); a word on an arrow of a booking is what it then asks for.
"""


def draw() -> str:
    """The page, as Markdown with Mermaid diagrams."""
    walks = [explore("bus planned", 1), explore("bike planned", 1)]
    parts = [
        ("Booking", "`mobility/booking/states.py`, `riding.py`", _bookings(walks)),
        ("Leg", "`mobility/booking/legs.py`", _legs(walks)),
        ("Payment, as its booking sees it", "`mobility/booking/payment_view.py`", _money(walks)),
        ("Money operation", "`payments/operation.py`", _operations()),
        ("Debt", "`payments/debt.py`", _debts()),
    ]
    return HEAD + "".join(
        f"\n## {title}\n\n{where}\n\n{_diagram(edges)}" for title, where, edges in parts
    )


def _diagram(edges: Edges) -> str:
    lines = [
        f"    {source} --> {target}" + (f": {', '.join(sorted(labels))}" if labels else "")
        for (source, target), labels in sorted(edges.items())
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def _bookings(walks: Iterable[Exploration]) -> Edges:
    def why(node: Node, _label: str) -> str:
        move = decide(node.trip, node.now)
        if move.failure is not None:
            return move.failure.type
        return ", ".join(sorted({str(action.ask or action.act) for action in move.actions}))

    return _edges(walks, lambda node: [node.trip.state], why)


def _legs(walks: Iterable[Exploration]) -> Edges:
    def why(_node: Node, label: str) -> str:
        asked = label.partition(" of ")[0] if " of " in label else "the clock"
        return f"{asked} refused" if label.endswith("refuses") else asked

    return _edges(walks, lambda node: [leg.state for leg in node.trip.legs], why)


def _money(walks: Iterable[Exploration]) -> Edges:
    def why(_node: Node, label: str) -> str:
        word = label.removeprefix("rider: ").removesuffix(" done")
        for ending in FAULTS:
            word = word.replace(f" {ending}", " unanswered" if ending in ("lost", "silent") else "")
        return word

    return _edges(walks, lambda node: [node.trip.payment], why)


def _edges(
    walks: Iterable[Exploration],
    states: Callable[[Node], list[str]],
    why: Callable[[Node, str], str],
) -> Edges:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for walk in walks:
        for key, edges in walk.after.items():
            node = walk.nodes[key]
            for label, target in edges:
                pairs = zip(states(node), states(walk.nodes[target]), strict=True)
                for before, after in pairs:
                    if before != after:
                        found[before, after] |= set(why(node, label).split(", ")) - {""}
    return found


def _operations() -> Edges:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for state in OPEN_STATES:
        for outcome in OutcomeKind:
            after = state_after(state, outcome)
            if after is not state and state is not OperationState.PLANNED:
                is_read = state in (OperationState.UNKNOWN, OperationState.PROCESSING)
                found[state, after].add("read" if is_read else str(outcome))
    return found


def _debts() -> Edges:
    """What ``decide`` says of each state, for the ways in which a charge can end."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    ends = (None, PaymentState.DECLINED, PaymentState.RELEASED)
    for state, owed, end in product(DebtState, (Money(300), Money(30)), ends):
        debt = Debt("pay", "pay", "bkg", state, owed, Money(0), 1, None, NOON)
        if state is DebtState.PROCESSING and end is None:
            continue  # a debit on its way is a charge
        act = decide_debt(debt, _charge(end), (), NOON)
        target = {DebtAct.CHARGE: DebtState.COLLECTING, DebtAct.LEAVE: DebtState.ARREARS}.get(act)
        if target is not None and target is not state:
            charged = state in (DebtState.COLLECTING, DebtState.PROCESSING)
            reason = end if end and charged else act
            little = act is DebtAct.LEAVE and state is DebtState.OPEN
            found[state, target].add("too little" if little else str(reason))
    found[DebtState.COLLECTING, DebtState.PAID] = {"captured"}
    found[DebtState.COLLECTING, DebtState.PROCESSING] = {"a debit is on its way"}
    found[DebtState.PROCESSING, DebtState.PAID] = {"it has come"}
    found[DebtState.ARREARS, DebtState.COLLECTING] = {"the rider pays"}
    return found


def _charge(state: PaymentState | None) -> Payment | None:
    if state is None:
        return None
    some = Money(300)
    return Payment(
        "pay-1", "bkg", state, some, some, some, some, some, "cus", "pi", None, None, None, "pay"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(), encoding="utf-8")
