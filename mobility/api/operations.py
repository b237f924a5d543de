"""For staff who run the service: what is stuck, trying it again or giving it up, who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mobility import stuck_steps
from mobility.api.cursors import NOT_OURS, make_cursor, read_cursor
from mobility.api.dependencies import Now, StaffDep, WiringDep
from mobility.api.openapi import problems
from mobility.audit import list_deeds
from mobility.booking.queries import list_needing_attention
from mobility.db import transaction
from mobility.stuck_steps import Condition

router = APIRouter(prefix="/v1/operations", tags=["operations"])

ReasonText = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=3, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
"""Why staff does something: one line that the audit log keeps for ever, so no personal data."""


class Reason(BaseModel):
    """Why it is done; kept in the audit log."""

    model_config = ConfigDict(extra="forbid")
    reason: ReasonText = Field(examples=["the processor has confirmed that nothing was taken"])


class StuckStep(BaseModel):
    """A durable step that does not get on."""

    kind: str
    key: str
    condition: Condition = Field(
        description="`failing` is tried again at `run_at`; `dead` has failed for an hour and "
        "rests, as does `given_up`; `overdue` is due and not done."
    )
    since: datetime
    attempts: int
    last_error: str | None
    run_at: datetime
    worker: str | None = Field(description="The process that has it at the moment.")
    lease_until: datetime | None = Field(description="Until when, unless it renews the lease.")


class StuckSteps(BaseModel):
    """What is stuck and why, and the bookings that a person must look at; the oldest first."""

    steps: list[StuckStep]
    bookings_needing_attention: list[str]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "steps": [
                    {
                        "kind": "advance_booking",
                        "key": "bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra",
                        "condition": "failing",
                        "since": "2026-11-26T05:54:00Z",
                        "attempts": 12,
                        "last_error": "PaymentStuckError: refused by the processor",
                        "run_at": "2026-11-26T07:00:00Z",
                        "worker": "api-1:4711",
                        "lease_until": "2026-11-26T07:00:10Z",
                    }
                ],
                "bookings_needing_attention": ["bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"],
            }
        }
    )


@router.get("/steps", response_model=StuckSteps, summary="What is stuck and why")
async def list_stuck(wiring: WiringDep, _staff: StaffDep) -> StuckSteps:
    """Durable steps that do not get on, and bookings in which money or a vehicle is stuck."""
    async with transaction(wiring.engine) as tx:
        found = await stuck_steps.list_stuck(tx)
        waiting = await list_needing_attention(tx)
    return StuckSteps(
        bookings_needing_attention=waiting,
        steps=[
            StuckStep(
                kind=item.kind,
                key=item.key,
                condition=item.condition,
                since=item.since,
                attempts=item.attempts,
                last_error=item.last_error,
                run_at=item.run_at,
                worker=item.worker,
                lease_until=item.lease_until,
            )
            for item in found
        ],
    )


class StepName(BaseModel):
    """The step that was meant."""

    kind: str = Field(examples=["advance_booking"])
    key: str = Field(examples=["bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])


@router.post(
    "/steps/{kind}/{key}/retry",
    status_code=202,
    summary="Try a stuck step again",
    responses=problems("not-stuck"),
)
async def retry(
    kind: str, key: str, wiring: WiringDep, staff: StaffDep, now: Now, body: Reason | None = None
) -> StepName:
    """Make a stuck step due now, its attempts counted from the beginning; audited."""
    reason = body.reason if body else ""
    async with transaction(wiring.engine) as tx:
        await stuck_steps.retry(tx, kind, key, actor=staff.rider_id, reason=reason, now=now)
    return StepName(kind=kind, key=key)


@router.post(
    "/steps/{kind}/{key}/give-up",
    summary="Give a stuck step up",
    responses=problems("not-stuck", "wrong-state"),
)
async def give_up(
    kind: str, key: str, body: Reason, wiring: WiringDep, staff: StaffDep, now: Now
) -> StepName:
    """Let a stuck step rest until somebody asks for it again; audited.

    A booking that is not over then says `needs_attention`. One that makes refunds is given up once
    they are refused, so that nobody pays otherwise what is being made.
    """
    async with transaction(wiring.engine) as tx:
        await stuck_steps.give_up(tx, kind, key, actor=staff.rider_id, reason=body.reason, now=now)
    return StepName(kind=kind, key=key)


class AuditEntry(BaseModel):
    """One thing that somebody of the staff did."""

    id: int = Field(examples=[17])
    actor: str = Field(
        description="A person's pseudonym, or `console:` and the account on the machine.",
        examples=["rdr_4xk2s7qpm5u6w3a2c7t4e5n6ra"],
    )
    action: str = Field(examples=["step.give_up"])
    subject: str = Field(examples=["advance_booking bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    reason: str = Field(examples=["the processor has confirmed that nothing was taken"])
    at: datetime = Field(examples=["2026-11-26T07:00:00Z"])


class AuditPage(BaseModel):
    """What staff did, the newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None = Field(default=None, examples=[None])


@router.get("/audit", summary="Who did what, when and why", responses=problems(400))
async def list_audit(
    wiring: WiringDep,
    _staff: StaffDep,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditPage:
    """The audit log, page by page. It is only ever added to."""
    async with transaction(wiring.engine) as tx:
        found = await list_deeds(tx, limit=limit, before=_read_number(cursor))
    last = found[-1] if len(found) == limit else None
    return AuditPage(
        entries=[
            AuditEntry(
                id=number,
                actor=deed.actor,
                action=deed.action,
                subject=deed.subject,
                reason=deed.reason,
                at=deed.at,
            )
            for number, deed in found
        ],
        next_cursor=None if last is None else make_cursor("audit", last[1].at, str(last[0])),
    )


def _read_number(cursor: str | None) -> int | None:
    after = read_cursor("audit", cursor)
    if after is None:
        return None
    number = after[1]
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise HTTPException(400, NOT_OURS)
    return int(number)
