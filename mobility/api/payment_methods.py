"""The cards I saved at the payment processor. No card number passes through here."""

from __future__ import annotations

import secrets

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mobility.api.dependencies import IdempotencyKey, RiderDep, WiringDep
from mobility.api.openapi import problems
from mobility.db import transaction
from mobility.identity.customers import find_customer, get_or_create_customer
from mobility.identity.errors import MethodNotFoundError
from mobility.wiring import Wiring
from payments.gateway import SavedMethod

router = APIRouter(prefix="/v1/me/payment-methods", tags=["payment methods"])


class MethodView(BaseModel):
    """A saved card, by what may be known of it."""

    id: str = Field(
        description="What `POST /v1/bookings` takes as `payment_method`.",
        examples=["pm_1QabcDEfghIJklMN"],
    )
    brand: str = Field(examples=["visa"])
    last4: str = Field(examples=["4242"])
    expires: str = Field(description="Year and month.", examples=["2029-08"])

    @classmethod
    def of(cls, saved: SavedMethod) -> MethodView:
        """A saved card as it is shown."""
        return cls(id=saved.id, brand=saved.brand, last4=saved.last4, expires=saved.expires)


class MethodList(BaseModel):
    """My saved cards, newest first."""

    payment_methods: list[MethodView]


class SetupView(BaseModel):
    """A visit to the processor's page, where the card is entered."""

    id: str = Field(examples=["cs_test_a1B2c3D4e5F6"])
    redirect_url: str | None = Field(
        description="Where to go; null when the visit is already over.",
        examples=["https://checkout.example.org/c/cs_test_a1B2c3D4e5F6"],
    )
    complete: bool = Field(examples=[False])


async def saved_methods(wiring: Wiring, rider_id: str) -> list[SavedMethod]:
    """A rider's saved cards, as the processor knows them.

    Raises:
        payments.errors.PaymentError: the processor does not answer.
    """
    async with transaction(wiring.engine) as tx:
        customer = await find_customer(tx, rider_id)
    return [] if customer is None else list(await wiring.gateway.list_methods(customer))


@router.get(
    "", response_model=MethodList, summary="List my payment methods", responses=problems(503)
)
async def list_mine(wiring: WiringDep, rider: RiderDep) -> MethodList:
    """The cards I can pay with."""
    saved = await saved_methods(wiring, rider.rider_id)
    return MethodList(payment_methods=[MethodView.of(method) for method in saved])


@router.post(
    "",
    status_code=201,
    response_model=SetupView,
    summary="Save a new payment method",
    responses=problems(503),
)
async def add(wiring: WiringDep, rider: RiderDep, key: IdempotencyKey = None) -> SetupView:
    """Begin a visit to the processor's page; the card is in the list when the visit is over."""
    customer = await get_or_create_customer(
        wiring.engine, wiring.gateway, wiring.secrets, rider.rider_id
    )
    session = await wiring.gateway.create_setup_session(
        customer,
        return_url=f"{wiring.desk.return_url}?setup=card",
        key=f"setup:{rider.rider_id}:{key or secrets.token_hex(16)}",
    )
    return SetupView(id=session.id, redirect_url=session.url, complete=session.complete)


@router.delete("", status_code=204, summary="Remove all my payment methods")
async def remove_all(wiring: WiringDep, rider: RiderDep) -> None:
    """Have the processor forget every card. Bookings that are paid stay paid."""
    for method in await saved_methods(wiring, rider.rider_id):
        await wiring.gateway.detach_method(method.id)


@router.delete(
    "/{method_id}",
    status_code=204,
    summary="Remove a payment method",
    responses=problems(404, 503),
)
async def remove(method_id: str, wiring: WiringDep, rider: RiderDep) -> None:
    """Have the processor forget one of my cards."""
    saved = await saved_methods(wiring, rider.rider_id)
    if method_id not in {method.id for method in saved}:
        raise MethodNotFoundError("there is no such payment method")
    await wiring.gateway.detach_method(method_id)
