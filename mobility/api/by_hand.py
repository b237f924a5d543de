"""Finance: what was settled by hand, a refund that was transferred and a case that is closed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field

from mobility.api.booking_view import Amount
from mobility.api.dependencies import FinanceDep, Now, WiringDep
from mobility.api.finance_view import CaseList, CaseView
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.api.operations import ReasonText
from mobility.audit import Deed
from mobility.by_hand import CLOSED, TRANSFERRED, book_transferred, close_case
from mobility.db import transaction
from payments.cases import BY_HAND, list_cases
from payments.payment import get_operation

router = APIRouter(prefix="/v1/finance", tags=["finance"])

_Subject = Annotated[
    str,
    Path(
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="The subject of the case.",
        examples=["pay_4xk2s7qpm5u6w3a2c7t4e5n6ra.refund.all"],
    ),
]
_SHOWN = 50


class Why(BaseModel):
    """How it was settled; kept in the audit log."""

    model_config = ConfigDict(extra="forbid")
    reason: ReasonText = Field(examples=["transfer 4711 of 2026-11-26"])


class Transferred(BaseModel):
    """A refund that was made from our bank."""

    refund: str = Field(examples=["pay_4xk2s7qpm5u6w3a2c7t4e5n6ra.refund.all"])
    amount: Amount


@router.post(
    "/refunds/{subject}/transferred",
    summary="A refund was transferred by hand",
    responses=problems("not-found", "idempotency-key-reused"),
)
async def transferred(
    subject: _Subject, body: Why, wiring: WiringDep, finance: FinanceDep, now: Now, keyed: KeyedDep
) -> Transferred:
    """Book it from our bank, once, and end its case; audited.

    Of one that came back, or that the processor refused and staff gave up.
    """
    async with transaction(wiring.engine) as tx:
        if await keyed.claim(tx):
            await book_transferred(
                tx, Deed(finance.rider_id, TRANSFERRED, subject, body.reason, now)
            )
        made = await get_operation(tx, subject)
    return Transferred(refund=made.id, amount=Amount.of(made.amount))


@router.post(
    "/cases/{subject}/close",
    summary="Close a case that a person has settled",
    responses=problems("not-found", "idempotency-key-reused"),
)
async def close(
    subject: _Subject, body: Why, wiring: WiringDep, finance: FinanceDep, now: Now, keyed: KeyedDep
) -> CaseList:
    """End what no reconciliation may ever explain; audited. No money moves.

    It opens again if a later run finds something else about it. Answers with all cases about the
    subject.
    """
    async with transaction(wiring.engine) as tx:
        if await keyed.claim(tx) and not await close_case(
            tx, Deed(finance.rider_id, CLOSED, subject, body.reason, now)
        ):
            raise HTTPException(
                404,
                f"of {subject} no case is open of the kinds {', '.join(BY_HAND)}; a refund_failed "
                "of ours ends with POST /v1/finance/refunds/{subject}/transferred, others when a "
                "later reconciliation explains them",
            )
        found = await list_cases(tx, only_open=False, subject=subject, limit=_SHOWN)
    return CaseList(cases=[CaseView.of(filed) for filed in found])
