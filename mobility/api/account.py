"""The rider's own account: what we know of the person, to see, change, take along and erase."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from mobility.api.dependencies import Now, RiderDep, WiringDep
from mobility.api.openapi import problems
from mobility.db import transaction
from mobility.identity.erasure import erase_rider
from mobility.identity.errors import DeclarationRefusedError
from mobility.identity.riders import get_created_at
from mobility.identity.roles import Role
from mobility.identity.tokens import RiderIdentity
from mobility.identity.vault import DrivingLicence, LicenceStatus, PersonalData
from mobility.wiring import Wiring

router = APIRouter(prefix="/v1/me", tags=["account"])

_EARLIEST_BIRTH = date(1900, 1, 1)
_Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]


class Account(BaseModel):
    """Who I am here. What I said myself is marked as declared; nobody checked it."""

    id: str = Field(examples=["rdr_2ab3cd4ef5gh6ij7kl2mn3op4q"])
    email: str = Field(examples=["anna@example.org"])
    name: str | None = Field(examples=["Anna Hansen"])
    birth_date: date | None = Field(examples=["1991-04-23"])
    birth_date_status: Literal["declared"] | None = Field(examples=["declared"])
    driving_licence: Literal["none", "declared", "verified"] = Field(examples=["declared"])
    driving_licence_since: date | None = Field(
        description="The day of its last declaration or verification.", examples=["2026-11-25"]
    )
    roles: list[Role] = Field(examples=[["rider"]])
    created_at: datetime = Field(examples=["2026-11-25T08:00:00Z"])


class AccountChange(BaseModel):
    """What is to change (RFC 7396): what is absent stays, null removes."""

    model_config = ConfigDict(extra="forbid")
    name: _Name | None = Field(default=None, examples=["Anna Hansen"])
    birth_date: date | None = Field(default=None, ge=_EARLIEST_BIRTH, examples=["1991-04-23"])
    driving_licence: Literal["none", "declared"] | None = Field(
        default=None, description="Verified by staff only.", examples=["declared"]
    )

    @model_validator(mode="after")
    def _says_something(self) -> AccountChange:
        if not self.model_fields_set:
            raise ValueError("nothing to change")
        return self


async def read_account(wiring: Wiring, rider: RiderIdentity) -> Account:
    """The account as it is shown.

    Raises:
        RiderErasedError: erased meanwhile.
    """
    async with transaction(wiring.engine) as tx:
        person = await wiring.vault.get_person(tx, rider.rider_id)
        created_at = await get_created_at(tx, rider.rider_id)
    licence = person.driving_licence
    return Account(
        id=rider.rider_id,
        email=person.email,
        name=person.name,
        birth_date=person.birth_date,
        birth_date_status="declared" if person.birth_date else None,
        driving_licence=licence.status.value if licence else "none",
        driving_licence_since=licence.on if licence else None,
        roles=sorted(rider.roles),
        created_at=created_at,
    )


@router.get("", response_model=Account, summary="Show my account")
async def show(wiring: WiringDep, rider: RiderDep) -> Account:
    """What is known of me."""
    return await read_account(wiring, rider)


@router.patch("", response_model=Account, summary="Change my account", responses=problems(422))
async def change(body: AccountChange, wiring: WiringDep, rider: RiderDep, now: Now) -> Account:
    """Declare name, birth date or driving licence, or take them back."""
    today = now.astimezone(wiring.city.timezone).date()
    async with transaction(wiring.engine) as tx:
        person = await wiring.vault.get_person(tx, rider.rider_id, for_update=True)
        await wiring.vault.write(tx, rider.rider_id, _changed(person, body, today))
    return await read_account(wiring, rider)


def _changed(person: PersonalData, body: AccountChange, today: date) -> PersonalData:
    """What staff verified was this name and birth date: another one makes it declared again."""
    changed = person
    if "name" in body.model_fields_set:
        changed = replace(changed, name=body.name)
    if "birth_date" in body.model_fields_set:
        if body.birth_date is not None and body.birth_date > today:
            raise DeclarationRefusedError("birth_date: lies in the future")
        changed = replace(changed, birth_date=body.birth_date)
    licence = changed.driving_licence
    if "driving_licence" in body.model_fields_set:
        if body.driving_licence == "declared":
            licence = licence or DrivingLicence(LicenceStatus.DECLARED, today)
        else:
            licence = None
    same = (changed.name, changed.birth_date) == (person.name, person.birth_date)
    if licence and licence.status is LicenceStatus.VERIFIED and not same:
        licence = DrivingLicence(LicenceStatus.DECLARED, today)
    return replace(changed, driving_licence=licence)


@router.delete("", status_code=204, summary="Erase my account", responses=problems("trips-running"))
async def erase(wiring: WiringDep, rider: RiderDep, now: Now) -> None:
    """Make everything personal unreadable, at once and for good.

    Bookings and books keep a pseudonym that leads nowhere. Refused while trips are running or owed
    for: what is owed is paid before. So it is while a bank has a payment in question, or money is
    still to come back to her: a refund under way, a guarantee that its carrier has accepted.
    """
    await erase_rider(wiring.engine, wiring.vault, wiring.mailer, rider.rider_id, now)
