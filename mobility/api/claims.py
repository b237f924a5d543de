"""What a carrier's guarantee may give a rider: seen by us, filed by her with one request."""

from __future__ import annotations

from datetime import date, datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from mobility.api.booking_view import Amount
from mobility.api.dependencies import Now, RiderDep, WiringDep
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.booking.queries import get_booking
from mobility.claims.file_claim import file_claim
from mobility.claims.notice import Evidence
from mobility.claims.states import ClaimState
from mobility.claims.store import Claim, list_claims
from mobility.db import transaction
from payments.money import Money

router = APIRouter(prefix="/v1/bookings", tags=["bookings"])
_EUR = [{"amount": 360, "currency": "EUR"}]
_AT = ["2026-11-26T20:41:00Z"]


class GuaranteeView(BaseModel):
    """The carrier's promise, as far as sources tell it."""

    id: str = Field(examples=["bus-punctuality"])
    title: str = Field(examples=["Pünktlichkeitsgarantie Bus"])
    terms: list[str] = Field(
        examples=[["Ankunft an der Ausstiegshaltestelle mehr als 15 Minuten zu spät."]]
    )
    unverified: list[str] = Field(
        description="Terms that our sources do not tell; nothing is assumed of them.",
        examples=[["Wortlaut von 2026"]],
    )
    source: str = Field(examples=["nahverkehrhamburg.de (2015); swhl.de"])
    confidence: str = Field(description="high, medium or low", examples=["medium"])


class EvidenceView(BaseModel):
    """What was seen, by the carrier's own live times."""

    said_at: datetime = Field(description="When the feed's message was made.", examples=_AT)
    trip_id: str = Field(examples=["2-0-17"])
    service_day: date = Field(examples=["2026-11-26"])
    stop_id: str = Field(examples=["zob-3"])
    stop_name: str = Field(examples=["ZOB / Hauptbahnhof"])
    planned_at: datetime = Field(examples=["2026-11-26T20:20:00Z"])
    seen_at: datetime = Field(
        description="By the feed, then; it may have become later still.",
        examples=["2026-11-26T20:39:00Z"],
    )
    delay_seconds: int = Field(examples=[1140])
    missed_departure_at: datetime | None = Field(
        description="When the vehicle that was missed left.", examples=["2026-11-26T20:30:00Z"]
    )

    @classmethod
    def of(cls, seen: Evidence) -> EvidenceView:
        """What was seen, as it is shown."""
        return cls(
            said_at=seen.said_at,
            trip_id=seen.trip_id,
            service_day=seen.service_day,
            stop_id=seen.stop_id,
            stop_name=seen.stop_name,
            planned_at=seen.planned_at,
            seen_at=seen.live_at,
            delay_seconds=seen.delay_seconds,
            missed_departure_at=seen.missed_departure_at,
        )


class ClaimView(BaseModel):
    """A claim under a carrier's guarantee; whose fault it was, the carrier decides."""

    id: str = Field(examples=["clm_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    booking_id: str = Field(examples=["bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    leg_id: str = Field(examples=["leg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    provider_id: str = Field(examples=["stadtverkehr-luebeck"])
    state: ClaimState = Field(examples=["noticed"])
    guarantee: GuaranteeView
    amount: Amount | None = Field(
        description="What it gives; None until a receipt tells it.", examples=_EUR
    )
    most: Amount | None = Field(description="The most that it gives.", examples=_EUR)
    file_by: datetime | None = Field(
        description="File it before; None where no deadline is known.",
        examples=["2026-12-07T23:00:00Z"],
    )
    evidence: EvidenceView | None = Field(description="None once it is forgotten.")
    noticed_at: datetime = Field(examples=_AT)
    filed_at: datetime | None = Field(examples=_AT)
    decided_at: datetime | None = Field(examples=_AT)
    carrier_reference: str | None = Field(examples=["SV-2026-4711"])
    reason: str | None = Field(examples=["Verspätung bestätigt"])
    refunded: Amount | None = Field(
        description="What of it went back on the payment; the rest is transferred by our finance.",
        examples=_EUR,
    )
    paid_at: datetime | None = Field(examples=_AT)

    @classmethod
    def of(cls, claim: Claim) -> ClaimView:
        """A claim as it is shown."""
        known = claim.guarantee
        return cls(
            id=claim.id,
            booking_id=claim.booking_id,
            leg_id=claim.leg_id,
            provider_id=claim.provider_id,
            state=claim.state,
            guarantee=GuaranteeView(
                id=known.id,
                title=known.title,
                terms=list(known.terms),
                unverified=list(known.unknown),
                source=known.source,
                confidence=known.confidence,
            ),
            amount=_amount(claim.amount),
            most=_amount(claim.most),
            file_by=claim.file_by,
            evidence=None if claim.evidence is None else EvidenceView.of(claim.evidence),
            noticed_at=claim.noticed_at,
            filed_at=claim.filed_at,
            decided_at=claim.decided_at,
            carrier_reference=claim.carrier_reference,
            reason=claim.reason,
            refunded=_amount(claim.refunded),
            paid_at=claim.paid_at,
        )


def _amount(money: Money | None) -> Amount | None:
    return None if money is None else Amount.of(money)


class Claims(BaseModel):
    """A booking's claims."""

    claims: list[ClaimView]


class ReceiptAmount(BaseModel):
    """What a receipt says was spent, in minor units."""

    model_config = ConfigDict(extra="forbid")
    amount: int = Field(gt=0, le=10_000_000, examples=[2150])
    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])


class NewClaim(BaseModel):
    """The rider's consent to file what was noticed."""

    model_config = ConfigDict(extra="forbid")
    guarantee_id: str = Field(min_length=1, max_length=60, examples=["bus-punctuality"])
    leg_id: str | None = Field(
        default=None,
        max_length=60,
        description="Needed where the guarantee was noticed on several legs.",
        examples=["leg_4xk2s7qpm5u6w3a2c7t4e5n6ra"],
    )
    receipt: ReceiptAmount | None = Field(
        default=None, description="Of the taxi: what it cost; at most what the guarantee gives."
    )


@router.get("/{booking_id}/claims", summary="What carriers' guarantees may give me")
async def list_mine(booking_id: str, wiring: WiringDep, rider: RiderDep, now: Now) -> Claims:
    """Guarantees that rides of this trip have come to, by the carriers' own live times."""
    async with transaction(wiring.engine) as tx:
        await get_booking(tx, rider.rider_id, booking_id)
        found = await list_claims(tx, booking_id, now)
    return Claims(claims=[ClaimView.of(claim) for claim in found])


@router.post(
    "/{booking_id}/claims",
    status_code=201,
    summary="File a claim",
    responses=problems("wrong-state", "idempotency-key-reused", "claim-incomplete"),
)
async def file_mine(
    booking_id: str, body: NewClaim, wiring: WiringDep, rider: RiderDep, now: Now, keyed: KeyedDep
) -> ClaimView:
    """File what was noticed, with its evidence; once for a leg and guarantee, before its deadline.

    Filing again changes nothing and answers with the claim as it stands.
    """
    receipt = body.receipt
    async with transaction(wiring.engine) as tx:
        await keyed.claim(tx)
        await get_booking(tx, rider.rider_id, booking_id)
        claim = await file_claim(
            tx,
            booking_id,
            body.guarantee_id,
            leg_id=body.leg_id,
            receipt=None if receipt is None else Money(receipt.amount, receipt.currency),
            now=now,
        )
    return ClaimView.of(claim)
