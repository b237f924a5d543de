"""For staff: what was reported of legs and is still open, with what the provider answered."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mobility.api.dependencies import Now, StaffDep, WiringDep
from mobility.api.operations import Reason
from mobility.audit import Deed, write_down
from mobility.booking.errors import NotFoundError
from mobility.booking.leg_reports import (
    Kind,
    LegReport,
    Outcome,
    close_report,
    find_report,
    list_open_reports,
)
from mobility.db import transaction

router = APIRouter(prefix="/v1/operations/leg-reports", tags=["operations"])


class LegReportView(BaseModel):
    """A report, and what is known of the leg since."""

    booking_id: str = Field(examples=["bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    leg_id: str = Field(examples=["leg_2ab3cd4ef5gh6ij7kl2mn3op4q"])
    kind: Kind = Field(examples=["vehicle_broken"])
    note: str | None = Field(examples=["Die Kette ist ab."])
    outcome: Outcome = Field(examples=["charged"])
    believed: bool = Field(
        description="False where the rider had reported five within a day.", examples=[True]
    )
    open: bool = Field(examples=[True])
    reported_at: datetime = Field(examples=["2026-11-26T07:09:00Z"])
    asked: str | None = Field(
        description="The last ask of the provider since then.", examples=["finish"]
    )
    answer: str | None = Field(examples=["refused"])
    answer_error: str | None = Field(examples=["demo-rad: the lock does not answer"])
    seen: str | None = Field(
        description="How the provider last said that the leg stood.", examples=["in_use"]
    )
    seen_at: datetime | None = Field(examples=["2026-11-26T07:14:00Z"])

    @classmethod
    def of(cls, report: LegReport) -> LegReportView:
        """The view of a report."""
        return cls.model_validate(report, from_attributes=True)


class OpenReports(BaseModel):
    """What a person is to look at, the oldest first."""

    reports: list[LegReportView]


@router.get("", summary="What was reported and is open")
async def list_open(wiring: WiringDep, _staff: StaffDep) -> OpenReports:
    """Reports that something is still to be decided about; at most 500."""
    async with transaction(wiring.engine) as tx:
        found = await list_open_reports(tx)
    return OpenReports(reports=[LegReportView.of(report) for report in found])


@router.post("/{booking_id}/{leg_id}/close", summary="Close a report")
async def close(
    booking_id: str, leg_id: str, body: Reason, wiring: WiringDep, staff: StaffDep, now: Now
) -> LegReportView:
    """Take it off the list, with the reason in the audit log; asked again nothing changes."""
    async with transaction(wiring.engine) as tx:
        closed = await close_report(tx, booking_id, leg_id)
        report = await find_report(tx, booking_id, leg_id)
        if report is None:
            raise NotFoundError(f"nothing was reported of leg {leg_id} of {booking_id}")
        if closed:
            deed = Deed(staff.rider_id, "leg_report.close", booking_id, body.reason, now)
            await write_down(tx, deed)
    return LegReportView.of(report)
