"""Asking the issuer of a pass whether somebody holds it, over HTTP.

There is no public standard for it: what a pass's barcode proves (VDV-KA, UIC 918.3) can be read,
but not that it was paid or is its bearer's. So this is a small interface of our own::

    POST /entitlements                {id, kind, holder, valid_from, valid_until,
                                       reference?, birth_date?}          -> an entitlement
    GET  /entitlements/{id}           -> the entitlement; 404: none was claimed under this id
    POST /entitlements/{id}/release   the holder no longer uses it here; 404: nothing to release

    an entitlement: {id, status: valid | refused | revoked, reason?,
                     pass_id, valid_from, valid_until?}

``id`` is ours and makes a claim that is sent twice one claim. ``holder`` is a pseudonym made for
this issuer. ``pass_id`` is the issuer's own name of the pass, the same for whoever claims it.
What an issuer answers is hostile input: what is not exactly this is no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from providers.bus.fare_table import PassIssuer
from providers.errors import OutcomeUnknownError, ProviderError, UnreachableError
from providers.http import Deadline, OperatorHttp
from providers.values import ProviderId

MAX_BYTES = 20_000
_EARLIEST, _LATEST = date(1990, 1, 1), date(2200, 1, 1)


def _read_day(text: object) -> date:
    """A calendar date as text, which alone a JSON document can hold."""
    if not isinstance(text, str):
        raise ValueError("not a date")  # noqa: TRY004  what pydantic reports as a wrong value
    return date.fromisoformat(text)


_Day = Annotated[date, BeforeValidator(_read_day), Field(ge=_EARLIEST, le=_LATEST)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class Status(StrEnum):
    """What an issuer says of a claim."""

    VALID = "valid"
    REFUSED = "refused"
    """The pass is not this person's, or there is none."""
    REVOKED = "revoked"
    """It was, and is no longer."""


class PassReason(StrEnum):
    """Why a pass is not confirmed."""

    REFERENCE_NEEDED = "reference_needed"
    UNKNOWN = "unknown"
    WRONG_PERSON = "wrong_person"
    BOUND_ELSEWHERE = "bound_elsewhere"
    """Another account uses it."""
    NOT_VALID = "not_valid"
    """Ended, not paid, blocked; or for a reason that we have no word for."""


@dataclass(frozen=True, slots=True, repr=False)
class Claim:
    """What is asked: does this person hold this pass? Never printed: it tells of a person."""

    id: str
    kind: str
    holder: str
    valid_from: date
    valid_until: date | None
    reference: str | None
    birth_date: date | None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What the issuer says. Of a valid one ``pass_id`` and its days are known."""

    status: Status
    reason: PassReason | None = None
    pass_id: str = ""
    valid_from: date = _EARLIEST
    valid_until: date | None = None


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)
    id: _Name
    status: _Name
    reason: _Name | None = None
    pass_id: _Name | None = None
    valid_from: _Day | None = None
    valid_until: _Day | None = None


def open_issuer(known: PassIssuer, base_url: str, token: str, http: httpx.AsyncClient) -> Issuer:
    """The issuer of a city's data at ``base_url``, shown ``token``."""
    return Issuer(
        id=known.id,
        http=OperatorHttp(
            ProviderId(known.id),
            base_url,
            http,
            (("Authorization", f"Bearer {token}"),),
            MAX_BYTES,
        ),
        recheck=timedelta(hours=known.recheck_hours),
        lapse=timedelta(hours=known.lapse_hours),
    )


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer, and how long its word is good for."""

    id: str
    http: OperatorHttp
    recheck: timedelta
    """How long after an answer it is asked again."""
    lapse: timedelta
    """How long after its last answer a pass counts without a new one."""

    async def claim(self, claim: Claim) -> Entitlement:
        """Claim a pass for its holder.

        Raises:
            ProviderError: OutcomeUnknownError, when it may have been claimed; else it was not.
        """
        body: dict[str, str | None] = {
            "id": claim.id,
            "kind": claim.kind,
            "holder": claim.holder,
            "valid_from": claim.valid_from.isoformat(),
            "valid_until": claim.valid_until.isoformat() if claim.valid_until else None,
        }
        if claim.reference is not None:
            body["reference"] = claim.reference
            body["birth_date"] = claim.birth_date.isoformat() if claim.birth_date else None
        try:
            answer = await self.http.change("/entitlements", body, Deadline())
        except ProviderError as error:
            raise self._wordless(error) from None
        return self._read(answer.body, claim.id, changes=True)

    async def find(self, claim_id: str) -> Entitlement | None:
        """What became of a claim; None if there is none.

        Raises:
            ProviderError: no answer to be had now.
        """
        try:
            answer = await self.http.read(
                f"/entitlements/{claim_id}", Deadline(), absent_is_none=True
            )
        except ProviderError as error:
            raise self._wordless(error) from None
        if answer.status >= 400:
            return None
        return self._read(answer.body, claim_id, changes=False)

    async def release(self, claim_id: str) -> None:
        """Say that the holder no longer uses the pass here; again and again without harm.

        Raises:
            ProviderError: it may not know yet.
        """
        if await self.find(claim_id) is None:
            return
        try:
            await self.http.change(f"/entitlements/{claim_id}/release", {}, Deadline())
        except ProviderError as error:
            raise self._wordless(error) from None

    def _read(self, body: object, claim_id: str, *, changes: bool) -> Entitlement:
        try:
            wire = _Wire.model_validate(body)
            status = Status(wire.status)
            backwards = wire.valid_from and wire.valid_until and wire.valid_until < wire.valid_from
            lacking = not (wire.pass_id and wire.valid_from)
            if wire.id != claim_id or backwards or (status is Status.VALID and lacking):
                raise ValueError  # noqa: TRY301
        except (ValidationError, ValueError):
            raise self.http.garbled("no entitlement", changes=changes) from None
        if status is Status.VALID:
            return Entitlement(
                status, None, wire.pass_id or "", wire.valid_from or _EARLIEST, wire.valid_until
            )
        because = next(
            (reason for reason in PassReason if reason == wire.reason), PassReason.NOT_VALID
        )
        return Entitlement(status, because)

    def _wordless(self, error: ProviderError) -> ProviderError:
        """The same without the issuer's words, which may repeat what tells of a person."""
        if isinstance(error, OutcomeUnknownError):
            return OutcomeUnknownError(self.id, "gave no answer that could be trusted")
        return UnreachableError(self.id, f"did not take the question ({type(error).__name__})")
