"""The passes I hold, which make legs cheaper or free."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mobility.api.dependencies import IdempotencyKey, Now, RiderDep, WiringDep
from mobility.api.limits import take_or_refuse
from mobility.api.openapi import problems
from mobility.cities.city import City
from mobility.db import transaction
from mobility.identity.pass_states import Pass, PassKind, PassState
from mobility.identity.passes import add_pass, list_passes, remove_all_passes, remove_pass
from mobility.identity.verify_pass import verify_while_waiting
from providers.entitlements import PassReason

router = APIRouter(prefix="/v1/me/passes", tags=["passes"])

_EARLIEST = date(2000, 1, 1)
_LATEST = date(2100, 1, 1)
_ADDED_A_DAY = 10
"""How many passes one rider may add in a day; who tries more guesses at others' references."""


class NewPass(BaseModel):
    """A pass, as the rider declares it. It lowers prices once it is verified."""

    model_config = ConfigDict(extra="forbid")
    kind: PassKind = Field(examples=["deutschlandticket"])
    valid_from: date | None = Field(
        default=None,
        ge=_EARLIEST,
        le=_LATEST,
        description="The first day; today when absent.",
        examples=["2026-11-01"],
    )
    valid_until: date | None = Field(
        default=None,
        ge=_EARLIEST,
        le=_LATEST,
        description="The last day; open when absent.",
        examples=["2027-10-31"],
    )

    reference: str | None = Field(
        default=None,
        min_length=1,
        max_length=60,
        pattern=r"^[0-9A-Za-z][0-9A-Za-z ./-]*$",
        description="By which its issuer finds it, such as the number of a subscription; checked "
        "with the birth date of the account.",
        examples=["DEMO-4711"],
    )

    @model_validator(mode="after")
    def _in_order(self) -> NewPass:
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


PassAction = Literal["wait", "show_card", "add_again"]


class PassView(BaseModel):
    """A pass, how far it is verified, and what is to be done."""

    id: str = Field(examples=["pas_2ab3cd4ef5gh6ij7kl2mn3op4q"])
    kind: PassKind = Field(examples=["deutschlandticket"])
    valid_from: date = Field(examples=["2026-11-01"])
    valid_until: date | None = Field(examples=["2027-10-31"])
    reference: str | None = Field(examples=["DEMO-4711"])
    valid_today: bool = Field(
        description="Whether today is one of its days, verified or not.", examples=[True]
    )
    state: PassState = Field(
        description="`declared`: only said. `pending`: its issuer is being asked. `verified`: "
        "confirmed by the issuer, or seen by staff. `refused`: not yours. `revoked`: no longer.",
        examples=["verified"],
    )
    lowers_prices: bool = Field(
        description="Whether prices count on it now: verified, not lapsed, valid today.",
        examples=[True],
    )
    verified_until: datetime | None = Field(
        description="Until when the verification counts; its issuer is asked again before.",
        examples=["2026-11-29T07:00:00Z"],
    )
    because: PassReason | None = Field(
        description="Why it was refused or revoked.", examples=["wrong_person"]
    )
    next_action: PassAction | None = Field(
        description="What would make it count; null when nothing is to be done.",
        examples=["add_again"],
    )
    text: str | None = Field(description="The same for the rider.", examples=[None])

    @classmethod
    def of(cls, held: Pass, city: City, now: datetime) -> PassView:
        """A pass as it is shown now."""
        today = now.astimezone(city.timezone).date()
        proof, verified = held.proof, held.is_verified(now)
        action, text = _to_do(held, city, now)
        return cls(
            id=held.id,
            kind=held.kind,
            valid_from=held.valid_from,
            valid_until=held.valid_until,
            reference=held.reference,
            valid_today=held.holds_on(today),
            state=held.state,
            lowers_prices=verified and held.holds_on(today),
            verified_until=proof.counts_until if proof else None,
            because=held.because,
            next_action=action,
            text=text,
        )


_WHY: dict[PassReason, str] = {
    PassReason.REFERENCE_NEEDED: "Dazu wird die Nummer gebraucht.",
    PassReason.UNKNOWN: "Die ausgebende Stelle kennt es nicht.",
    PassReason.WRONG_PERSON: "Es gehört nach Auskunft der ausgebenden Stelle nicht zu diesem "
    "Geburtsdatum.",
    PassReason.BOUND_ELSEWHERE: "Es ist schon hinterlegt, in einem anderen Konto oder in diesem.",
    PassReason.NOT_VALID: "Es gilt nach Auskunft der Stelle, die es prüft, nicht.",
}


def _to_do(held: Pass, city: City, now: datetime) -> tuple[PassAction | None, str | None]:
    issuer = city.find_pass_issuer(held.kind.value)
    if held.because is not None:
        asks = f" {issuer.text}" if issuer else " Zeige es in der Servicestelle vor."
        return "add_again", f"Es senkt keinen Preis. {_WHY[held.because]}{asks}"
    if held.is_verified(now):
        return None, None
    if issuer is None:
        return "show_card", (
            "Zeige die Karte einmal in der Servicestelle vor; bis dahin gilt der Preis ohne."
        )
    return "wait", f"{issuer.name} wird gefragt; bis zur Antwort gilt der Preis ohne. {issuer.text}"


class PassList(BaseModel):
    """All my passes, by first day."""

    passes: list[PassView]


@router.get("", response_model=PassList, summary="List my passes")
async def list_mine(wiring: WiringDep, rider: RiderDep, now: Now) -> PassList:
    """What I hold, also what has run out, not begun or not been verified."""
    async with transaction(wiring.engine) as tx:
        held = await list_passes(tx, wiring.vault, rider.rider_id)
    return PassList(passes=[PassView.of(item, wiring.city, now) for item in held])


@router.post(
    "",
    status_code=201,
    response_model=PassView,
    summary="Add a pass",
    responses=problems("idempotency-key-reused", 422),
)
async def add(
    body: NewPass, wiring: WiringDep, rider: RiderDep, now: Now, key: IdempotencyKey = None
) -> PassView:
    """Declare a pass; who issued it is asked at once, for a few seconds and then in the background.

    Once it is `verified`, prices of searches and bookings count on it. One pass serves one account.
    """
    await take_or_refuse(
        wiring,
        f"passes:{rider.rider_id}",
        limit=_ADDED_A_DAY,
        period=timedelta(days=1),
        now=now,
        detail="too many passes were added today",
    )
    today = now.astimezone(wiring.city.timezone).date()
    valid_from = body.valid_from or min(today, body.valid_until or today)
    async with transaction(wiring.engine) as tx:
        added = await add_pass(
            tx,
            wiring.vault,
            rider.rider_id,
            kind=body.kind,
            valid_from=valid_from,
            valid_until=body.valid_until,
            reference=body.reference,
            now=now,
            idempotency_key=key,
        )
    await verify_while_waiting(wiring.pass_office, rider.rider_id, added.id, wiring.clock)
    async with transaction(wiring.engine) as tx:
        held = await list_passes(tx, wiring.vault, rider.rider_id)
    shown = next((item for item in held if item.id == added.id), added)
    return PassView.of(shown, wiring.city, wiring.clock())


@router.delete("", status_code=204, summary="Remove all my passes")
async def remove_all(wiring: WiringDep, rider: RiderDep, now: Now) -> None:
    """Forget every pass, and let issuers know. Bookings made keep their price."""
    async with transaction(wiring.engine) as tx:
        await remove_all_passes(tx, wiring.vault, rider.rider_id, now)


@router.delete("/{pass_id}", status_code=204, summary="Remove a pass", responses=problems(404))
async def remove(pass_id: str, wiring: WiringDep, rider: RiderDep, now: Now) -> None:
    """Forget one pass, and let its issuer know. Bookings made keep their price."""
    async with transaction(wiring.engine) as tx:
        await remove_pass(tx, wiring.vault, rider.rider_id, pass_id, now)
