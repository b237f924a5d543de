"""Finance: balances, reconciliations and their cases, and where a booking's money went."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from mobility.api.cursors import make_cursor, read_cursor
from mobility.api.dependencies import FinanceDep, Now, WiringDep
from mobility.api.finance_view import (
    AccountBalance,
    Balances,
    CaseList,
    CaseView,
    JournalView,
    LineView,
    PaymentTrace,
    ReconciliationView,
    Trace,
)
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.db import transaction
from payments.cases import list_cases
from payments.ledger import list_balances, list_journals
from payments.payment import list_operations, list_payments
from payments.reconcile import reconcile
from payments.reconciliation import get_reconciliation
from payments.statement import list_booking_lines

router = APIRouter(prefix="/v1/finance", tags=["finance"])

_SHOWN = 200
_Id = Annotated[str, Path(pattern=r"^[\x21-\x7e]{1,80}$")]


@router.get("/balances", response_model=Balances, summary="Show the balance of every account")
async def show_balances(wiring: WiringDep, _finance: FinanceDep) -> Balances:
    """The ledger's accounts and what stands on them."""
    async with transaction(wiring.engine) as tx:
        found = await list_balances(tx)
    return Balances(balances=[AccountBalance.of(account, total) for account, total in found])


@router.post(
    "/reconciliations",
    status_code=201,
    response_model=ReconciliationView,
    summary="Reconcile with the payment processor now",
    responses=problems("idempotency-key-reused", 503),
)
async def reconcile_now(
    wiring: WiringDep, _finance: FinanceDep, now: Now, keyed: KeyedDep
) -> ReconciliationView:
    """Read the processor, match its lines with the ledger, post its fees and payouts.

    Doing it again posts nothing twice: it looks only at what no earlier run has matched.
    """
    async with transaction(wiring.engine) as tx:
        run_id = await keyed.find(tx)
    if run_id is None:
        run = await reconcile(wiring.engine, wiring.gateway, now=now)
        async with transaction(wiring.engine) as tx:
            run_id = await keyed.keep(tx, run.id)
    return await show_reconciliation(run_id, wiring, _finance)


@router.get(
    "/reconciliations/{reconciliation_id}",
    response_model=ReconciliationView,
    summary="Show a reconciliation",
    responses=problems(404),
)
async def show_reconciliation(
    reconciliation_id: _Id, wiring: WiringDep, _finance: FinanceDep
) -> ReconciliationView:
    """A run, and the cases that it was the latest to see (200 at most; ``/cases`` has all)."""
    async with transaction(wiring.engine) as tx:
        run = await get_reconciliation(tx, reconciliation_id)
        cases = await list_cases(
            tx, only_open=False, reconciliation_id=reconciliation_id, limit=_SHOWN
        )
    return ReconciliationView.of(run, cases)


@router.get(
    "/cases",
    response_model=CaseList,
    summary="List what does not match",
    responses=problems(400),
)
async def show_cases(
    wiring: WiringDep,
    _finance: FinanceDep,
    *,
    include_closed: Annotated[
        bool, Query(alias="all", description="Closed cases too.", examples=[False])
    ] = False,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CaseList:
    """Cases, the oldest first. A case is closed by a later run that can explain it."""
    after = read_cursor("cases", cursor)
    place = None
    if after is not None:
        kind, _, subject = after[1].partition(" ")
        place = (after[0], kind, subject)
    async with transaction(wiring.engine) as tx:
        found = await list_cases(tx, only_open=not include_closed, after=place, limit=limit + 1)
    shown = found[:limit]
    following = None
    if len(found) > limit:
        last = shown[-1]
        following = make_cursor("cases", last.opened_at, f"{last.case.kind} {last.case.subject}")
    return CaseList(cases=[CaseView.of(filed) for filed in shown], next_cursor=following)


@router.get(
    "/traces/{booking_id}",
    response_model=Trace,
    summary="Trace a booking's money",
    responses=problems(404),
)
async def trace(booking_id: _Id, wiring: WiringDep, _finance: FinanceDep) -> Trace:
    """Every operation, journal and line of the processor that belongs to a booking."""
    async with transaction(wiring.engine) as tx:
        payments = await list_payments(tx, booking_id)
        operations = [await list_operations(tx, payment.id) for payment in payments]
        journals = await list_journals(tx, booking_id)
        lines = await list_booking_lines(tx, booking_id)
    if not payments and not journals:
        raise HTTPException(404, f"no money moved for a booking {booking_id}")
    return Trace(
        booking_id=booking_id,
        payments=[
            PaymentTrace.of(payment, made)
            for payment, made in zip(payments, operations, strict=True)
        ],
        journals=[JournalView.of(journal) for journal in journals],
        processor_lines=[LineView.of(line) for line in lines],
    )
