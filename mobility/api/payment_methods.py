"""What I saved at the payment processor to pay with. No card number or IBAN passes through here."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mobility.api.dependencies import RiderDep, WiringDep
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.booking.errors import DebitRefusedError, UnknownMethodError
from mobility.db import transaction
from mobility.identity.customers import find_customer, get_or_create_customer
from mobility.identity.errors import MethodNotFoundError
from mobility.wiring import Wiring
from payments.errors import UnreachableError
from payments.methods import SavedAccount, SavedCard, SavedMethod

router = APIRouter(prefix="/v1/me/payment-methods", tags=["payment methods"])


TEST_CARD = re.compile(r"pm_card_[A-Za-z0-9]+")
"""Test tokens; only test keys are taken, and the processor decides what each of them does."""
METHODS_WITHIN_S = 2.0
MethodId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=80,
        pattern=r"^[A-Za-z0-9_]+$",
        description="A saved method's id; on the sandbox also a test token.",
        examples=["pm_card_visa"],
    ),
]


class MethodView(BaseModel):
    """A saved card or bank account, by what may be known of it."""

    id: str = Field(
        description="What `POST /v1/bookings` takes as `payment_method`.",
        examples=["pm_1QabcDEfghIJklMN"],
    )
    type: str = Field(
        description="`card`, or `sepa_debit`: a bank account, which pays what is owed "
        "(`/v1/me/arrears`) and no booking, as a debit takes days.",
        examples=["card"],
    )
    label: str = Field(description="For riders.", examples=["Apple Pay, Visa •••• 4242"])
    last4: str = Field(description="Of the card number or IBAN.", examples=["4242"])
    brand: str | None = Field(default=None, examples=["visa"])
    expires: str | None = Field(default=None, description="Year and month.", examples=["2029-08"])
    wallet: str | None = Field(
        default=None, description="`apple_pay` or `google_pay`.", examples=["apple_pay"]
    )
    bank_code: str | None = Field(
        default=None, description="Of an account; in Germany the Bankleitzahl.", examples=[None]
    )
    country: str | None = Field(default=None, description="Of an account.", examples=[None])
    mandate_reference: str | None = Field(
        default=None,
        description="Of the mandate agreed to for an account; the bank shows it with each debit.",
        examples=[None],
    )

    @classmethod
    def of(cls, saved: SavedMethod) -> MethodView:
        """A saved card or account as it is shown."""
        if isinstance(saved, SavedCard):
            return cls(
                id=saved.id,
                type="card",
                label=saved.label,
                last4=saved.last4,
                brand=saved.brand,
                expires=saved.expires,
                wallet=saved.wallet,
            )
        return cls(
            id=saved.id,
            type="sepa_debit",
            label=saved.label,
            last4=saved.last4,
            bank_code=saved.bank_code,
            country=saved.country,
            mandate_reference=saved.mandate,
        )


class MethodList(BaseModel):
    """My saved cards and accounts, newest first."""

    payment_methods: list[MethodView]


class SetupView(BaseModel):
    """A visit to the processor's page, where a card or account is entered."""

    id: str = Field(examples=["cs_test_a1B2c3D4e5F6"])
    redirect_url: str | None = Field(
        description="Where to go; null when the visit is already over.",
        examples=["https://checkout.example.org/c/cs_test_a1B2c3D4e5F6"],
    )
    complete: bool = Field(examples=[False])


async def saved_methods(wiring: Wiring, rider_id: str) -> list[SavedMethod]:
    """A rider's saved cards and accounts, as the processor knows them.

    Raises:
        payments.errors.PaymentError: the processor does not answer.
    """
    async with transaction(wiring.engine) as tx:
        customer = await find_customer(tx, rider_id)
    return [] if customer is None else list(await wiring.gateway.list_methods(customer))


async def require_own_method(
    wiring: Wiring, rider_id: str, method: str, *, debit: bool = False
) -> SavedMethod | None:
    """Refuse a payment method that is not the rider's before anything is done for it.

    Returns:
        The saved method; None for a test token of a card, which is not saved.

    Raises:
        UnknownMethodError: it is not hers.
        DebitRefusedError: it is an account, which is to be debited only where ``debit`` allows it.
        payments.errors.UnreachableError: that cannot be found out in time.
    """
    if TEST_CARD.fullmatch(method):
        return None
    try:
        async with asyncio.timeout(METHODS_WITHIN_S):
            customer = await wiring.desk.customer(rider_id)
            saved = {each.id: each for each in await wiring.gateway.list_methods(customer)}
    except TimeoutError as error:
        raise UnreachableError("the payment processor takes too long; try again") from error
    if method not in saved:
        raise UnknownMethodError(
            f"{method} is not among the saved methods of this account; see /v1/me/payment-methods"
        )
    if not debit and isinstance(saved[method], SavedAccount):
        cards = [each for each in saved.values() if isinstance(each, SavedCard)]
        usable = ", ".join(f"{card.id} ({card.label})" for card in cards)
        raise DebitRefusedError(
            f"{method} ({saved[method].label}) is a bank account, and a debit takes about six "
            "banking days; a booking is paid by card, Apple Pay or Google Pay: "
            + (usable or "save one with POST /v1/me/payment-methods"),
            tuple(card.id for card in cards),
        )
    return saved[method]


@router.get(
    "", response_model=MethodList, summary="List my payment methods", responses=problems(503)
)
async def list_mine(wiring: WiringDep, rider: RiderDep) -> MethodList:
    """The cards and accounts I can pay with."""
    saved = await saved_methods(wiring, rider.rider_id)
    return MethodList(payment_methods=[MethodView.of(method) for method in saved])


@router.post(
    "",
    status_code=201,
    response_model=SetupView,
    summary="Save a new payment method",
    responses=problems("idempotency-key-reused", 503),
)
async def add(wiring: WiringDep, rider: RiderDep, keyed: KeyedDep) -> SetupView:
    """Begin a visit to the processor's page; what is saved there is in the list afterwards.

    A card, Apple Pay and Google Pay where the device has them, or a bank account with a mandate.
    """
    async with transaction(wiring.engine) as tx:
        await keyed.claim(tx)
    key = secrets.token_hex(16) if keyed.request is None else keyed.request.key
    customer = await get_or_create_customer(
        wiring.engine, wiring.gateway, wiring.secrets, rider.rider_id
    )
    session = await wiring.gateway.create_setup_session(
        customer,
        return_url=f"{wiring.desk.return_url}?setup=card",
        key=f"setup:{rider.rider_id}:{key}",
    )
    return SetupView(id=session.id, redirect_url=session.url, complete=session.complete)


@router.delete("", status_code=204, summary="Remove all my payment methods")
async def remove_all(wiring: WiringDep, rider: RiderDep) -> None:
    """Have the processor forget them all. Bookings that are paid stay paid."""
    for method in await saved_methods(wiring, rider.rider_id):
        await wiring.gateway.detach_method(method.id)


@router.delete(
    "/{method_id}",
    status_code=204,
    summary="Remove a payment method",
    responses=problems(404, 503),
)
async def remove(method_id: str, wiring: WiringDep, rider: RiderDep) -> None:
    """Have the processor forget one of them; an account's mandate ends with it."""
    saved = await saved_methods(wiring, rider.rider_id)
    if method_id not in {method.id for method in saved}:
        raise MethodNotFoundError("there is no such payment method")
    await wiring.gateway.detach_method(method_id)
