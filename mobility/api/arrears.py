"""What I owe for rides that cost more than was authorised, and paying it."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from mobility.api.booking_view import Amount
from mobility.api.dependencies import Now, RiderDep, WiringDep
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.api.payment_methods import MethodId, require_own_method
from mobility.booking.collect import Owed, ask_to_pay, collect_now, list_owed
from mobility.booking.errors import NotFoundError
from mobility.db import transaction
from mobility.wiring import Wiring
from payments.debt import DebtState
from payments.methods import SavedAccount

router = APIRouter(prefix="/v1/me/arrears", tags=["payment methods"])


class OwedView(BaseModel):
    """What is owed for one booking."""

    booking_id: str = Field(examples=["bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    state: str = Field(
        description="`open`: it is charged by itself, once its trip is over; `collecting`: a "
        "charge is under way; `processing`: a debit is on "
        "its way, for about six banking days, and nothing new can be booked before it has come; "
        "`arrears`: pay it, nothing new can be booked before; `too_little`: it is less than can "
        "be charged, and need not be paid; `paid`.",
        examples=["arrears"],
    )
    amount: Amount = Field(
        description="What is left.", examples=[{"amount": 300, "currency": "EUR"}]
    )
    refused_because: str | None = Field(
        description="Why the last charge failed, in the processor's words.",
        examples=["authentication_required"],
    )
    redirect_url: str | None = Field(
        default=None, description="Where to confirm the charge under way."
    )

    @classmethod
    def of(cls, owed: Owed) -> OwedView:
        """What is owed, as it is shown."""
        return cls(
            booking_id=owed.debt.booking_id,
            state="too_little" if owed.debt.is_too_little else owed.debt.state,
            amount=Amount.of(owed.debt.left),
            refused_because=owed.debt.refused_because,
            redirect_url=owed.redirect_url,
        )


class OwedList(BaseModel):
    """What I owe, the oldest first."""

    arrears: list[OwedView]


class Payment(BaseModel):
    """How I pay."""

    model_config = ConfigDict(extra="forbid")
    payment_method: MethodId


@router.get("", response_model=OwedList, summary="What do I owe?")
async def list_mine(wiring: WiringDep, rider: RiderDep) -> OwedList:
    """What earlier trips cost beyond what could be taken, and how far that is paid."""
    async with transaction(wiring.engine) as tx:
        owed = await list_owed(tx, rider.rider_id)
    unpaid = (each for each in owed if each.debt.state is not DebtState.PAID)
    return OwedList(arrears=[OwedView.of(each) for each in unpaid])


@router.post(
    "/{booking_id}/pay",
    response_model=OwedView,
    summary="Pay what I owe",
    responses=problems(
        "not-found",
        "payment-conflict",
        "unknown-payment-method",
        "debit-not-possible",
        "debit-under-way",
        "idempotency-key-reused",
        503,
    ),
)
async def pay(
    booking_id: str,
    body: Payment,
    wiring: WiringDep,
    rider: RiderDep,
    now: Now,
    keyed: KeyedDep,
) -> OwedView:
    """Charge what is left to one of my methods; asking again while it is charged changes nothing.

    `redirect_url` leads to the bank's page where the bank asks for that. A bank account is
    debited, which takes days: the state is `processing` until the money has come, and nothing
    else is charged meanwhile.
    """
    await _list(wiring, rider.rider_id, booking_id)
    saved = await require_own_method(wiring, rider.rider_id, body.payment_method, debit=True)
    async with transaction(wiring.engine) as tx:
        is_new = await keyed.claim(tx)
        owed = _to_pay(await list_owed(tx, rider.rider_id, booking_id=booking_id))
        if is_new and owed.debt.state is not DebtState.PAID:
            await ask_to_pay(
                tx,
                owed,
                method=body.payment_method,
                by_debit=isinstance(saved, SavedAccount),
                return_url=wiring.desk.return_url,
                now=now,
            )
    await collect_now(wiring.desk, owed.debt.id)
    found = await _list(wiring, rider.rider_id, booking_id)
    return OwedView.of(next(each for each in found if each.debt.id == owed.debt.id))


def _to_pay(owed: list[Owed]) -> Owed:
    """Of what a booking left owing, the oldest still to be paid, before what a debit is paying."""
    due = sorted(
        (each for each in owed if each.debt.is_due),
        key=lambda each: each.debt.state is DebtState.PROCESSING,
    )
    return due[0] if due else owed[-1]


async def _list(wiring: Wiring, rider_id: str, booking_id: str) -> list[Owed]:
    async with transaction(wiring.engine) as tx:
        found = await list_owed(tx, rider_id, booking_id=booking_id)
    if not found:
        raise NotFoundError(f"nothing is owed for a booking {booking_id} of yours")
    return found
