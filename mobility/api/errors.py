"""Every error as RFC 9457 ``application/problem+json``; one table from the domain's words to HTTP.

A row says which status an error class has, the slug of its stable ``type`` and its title. The
nearest class in the error's ancestry decides. The rest comes from the error itself: ``str(error)``
is the detail, ``retry_after_s`` becomes ``Retry-After``, and the public attributes listed in
``_MEMBERS`` become extension members.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from mobility.booking import errors as booking
from mobility.identity import errors as identity
from mobility.planning import errors as planning
from mobility.sale_stops import NoSuchStopError, NotSoldError
from mobility.stuck_steps import NotStuckError
from payments import errors as payments
from payments.money import Money
from providers import errors as providers

TYPE_PREFIX = "/problems/"
MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_S = 5
_log = logging.getLogger("mobility.api")


@dataclass(frozen=True, slots=True)
class ProblemType:
    """What a class of errors looks like to a client."""

    status: int
    slug: str
    title: str


def _invalid(title: str = "The request is not valid", slug: str = "invalid-request") -> ProblemType:
    return ProblemType(422, slug, title)


_UNAVAILABLE = ProblemType(503, "temporarily-unavailable", "Temporarily unavailable")
_NO_PAYMENTS = ProblemType(503, "payments-unavailable", "Payments are not possible at the moment")
_NOT_FOUND = ProblemType(404, "not-found", "Not found")
_NOT_SIGNED_IN = ProblemType(401, "not-signed-in", "Not signed in")
_REFUSED = ProblemType(409, "provider-refused", "The provider refused")
_DECLINED = ProblemType(402, "payment-declined", "The payment was declined")
_KEY_REUSED = ProblemType(409, "idempotency-key-reused", "The Idempotency-Key was used before")

TABLE: dict[type[Exception], ProblemType] = {
    identity.NotSignedInError: _NOT_SIGNED_IN,
    identity.SignInRefusedError: ProblemType(401, "sign-in-refused", "Sign-in refused"),
    identity.RiderErasedError: _NOT_SIGNED_IN,
    identity.RoleMissingError: ProblemType(403, "role-missing", "Not allowed"),
    identity.PassNotFoundError: _NOT_FOUND,
    identity.MethodNotFoundError: _NOT_FOUND,
    identity.PassKeyReusedError: _KEY_REUSED,
    identity.TripsRunningError: ProblemType(
        409, "trips-running", "Trips are still running or not settled"
    ),
    identity.AddressRefusedError: _invalid(),
    identity.DeclarationRefusedError: _invalid(),
    identity.TooManyAttemptsError: ProblemType(429, "too-many-requests", "Too many requests"),
    identity.MailNotSentError: ProblemType(503, "mail-not-sent", "The mail could not be sent"),
    planning.UnknownStopError: _NOT_FOUND,
    planning.UnknownVehicleError: _NOT_FOUND,
    planning.UnknownPassError: _invalid(),
    planning.BadSearchError: _invalid(),
    booking.KeyMissingError: ProblemType(
        400, "idempotency-key-missing", "An Idempotency-Key is needed"
    ),
    booking.PaymentFailedError: _DECLINED,
    booking.ArrearsError: ProblemType(402, "arrears", "Earlier trips are not paid"),
    booking.NotEligibleError: ProblemType(403, "not-eligible", "The provider's terms are not met"),
    booking.NotFoundError: _NOT_FOUND,
    booking.VehicleTakenError: ProblemType(
        409, "vehicle-taken", "The vehicle is no longer to be had"
    ),
    booking.BookedAlreadyError: ProblemType(
        409, "booked-already", "The vehicle is in another booking of yours"
    ),
    booking.ProviderRefusedError: _REFUSED,
    booking.LegRefusedError: _REFUSED,
    booking.TooLateError: ProblemType(409, "too-late", "The bus has left"),
    booking.BookingFailedError: ProblemType(409, "booking-failed", "The booking failed"),
    booking.OfferChangedError: ProblemType(409, "offer-changed", "The price is another one"),
    booking.WrongStateError: ProblemType(409, "wrong-state", "Not possible in this state"),
    booking.NothingToRebookError: ProblemType(
        409, "nothing-to-rebook", "Nothing is known to be wrong with the trip"
    ),
    booking.AlreadyRebookedError: ProblemType(409, "already-rebooked", "It is rebooked already"),
    booking.NoOptionError: ProblemType(409, "no-option", "There is no other way at this price"),
    booking.TicketElsewhereError: ProblemType(
        409, "ticket-elsewhere", "The ticket is shown on another device"
    ),
    booking.TicketMovesUsedError: ProblemType(
        409, "ticket-moves-used", "The ticket has moved too often"
    ),
    booking.KeyReusedError: _KEY_REUSED,
    booking.OfferExpiredError: ProblemType(410, "offer-expired", "The offer cannot be booked"),
    booking.CeilingTooLowError: _invalid("The ceiling is too low", "ceiling-too-low"),
    booking.SplitRefusedError: _invalid("The shares do not add up", "split-does-not-add-up"),
    booking.ClaimRefusedError: _invalid("The claim lacks something", "claim-incomplete"),
    booking.TooEarlyError: ProblemType(409, "too-early", "It cannot be booked so far ahead"),
    booking.UnknownMethodError: ProblemType(
        422, "unknown-payment-method", "This payment method is not known"
    ),
    booking.DebitRefusedError: _invalid("A debit cannot pay this", "debit-not-possible"),
    booking.DebitUnderWayError: ProblemType(409, "debit-under-way", "A debit is on its way"),
    booking.NothingToBookError: _invalid("There is nothing to book", "nothing-to-book"),
    booking.ProviderSilentError: ProblemType(
        503, "provider-not-answering", "A provider does not answer"
    ),
    providers.UnavailableError: ProblemType(409, "vehicle-unavailable", "No longer available"),
    providers.ExpiredError: ProblemType(409, "hold-expired", "The hold has run out"),
    providers.RefusedError: _REFUSED,
    providers.UnreachableError: ProblemType(
        503, "provider-unreachable", "The provider cannot be reached"
    ),
    providers.OutcomeUnknownError: ProblemType(
        503, "outcome-unknown", "The provider has not answered yet"
    ),
    payments.DeclinedError: _DECLINED,
    payments.ActionRequiredError: ProblemType(
        402, "payment-action-required", "The payment needs the rider"
    ),
    payments.RefusedError: ProblemType(409, "payment-refused", "The payment was refused"),
    payments.UnreachableError: _NO_PAYMENTS,
    payments.OutcomeUnknownError: _NO_PAYMENTS,
    payments.MisconfiguredError: _NO_PAYMENTS,
    payments.PaymentNotFoundError: _NOT_FOUND,
    payments.DebtNotFoundError: _NOT_FOUND,
    payments.PaymentConflictError: ProblemType(
        409, "payment-conflict", "The payment does not allow it"
    ),
    payments.WebhookRefusedError: ProblemType(
        400, "webhook-refused", "The webhook was not accepted"
    ),
    NotSoldError: ProblemType(409, "not-sold", "Not sold at the moment"),
    NoSuchStopError: _NOT_FOUND,
    NotStuckError: ProblemType(404, "not-stuck", "There is no such stuck step"),
    DataError: _invalid(),  # what no column can hold, such as a NUL in an id
    OperationalError: _UNAVAILABLE,
    PoolTimeoutError: _UNAVAILABLE,
    RedisConnectionError: _UNAVAILABLE,
    RedisTimeoutError: _UNAVAILABLE,
}
"""Rows are added where a package's errors first reach a route."""

BY_STATUS: dict[int, ProblemType] = {
    400: ProblemType(400, "malformed-request", "The request could not be read"),
    401: _NOT_SIGNED_IN,
    403: ProblemType(403, "role-missing", "Not allowed"),
    404: _NOT_FOUND,
    405: ProblemType(405, "method-not-allowed", "Method not allowed"),
    406: ProblemType(406, "not-acceptable", "Not acceptable"),
    409: ProblemType(409, "conflict", "Conflict"),
    410: ProblemType(410, "gone", "Gone"),
    413: ProblemType(413, "body-too-large", "The body is too large"),
    415: ProblemType(415, "unsupported-media-type", "Unsupported media type"),
    422: _invalid(),
    429: ProblemType(429, "too-many-requests", "Too many requests"),
    500: ProblemType(500, "internal-error", "Internal error"),
    502: ProblemType(502, "bad-gateway", "A system behind us answered wrongly"),
    503: _UNAVAILABLE,
}

ALTERNATIVES = frozenset({"<position>", "<stop>", "<code>", "<refresh>"})
"""Tags of what a field may be instead of another, which are no part of a body."""

_MEMBERS = (
    *("booking_ids", "role", "provider_id", "booking_id", "offer_id", "price", "owed"),
    *("errors", "reasons", "code", "redirect_url", "usable_methods"),
)
_WORDLESS: tuple[type[Exception], ...] = (
    DBAPIError,
    PoolTimeoutError,
    RedisConnectionError,
    RedisTimeoutError,
    identity.RiderErasedError,
    payments.MisconfiguredError,
)
"""Errors whose text speaks of internals or of a person: clients see the title only."""


def request_id(scope: Scope) -> str | None:
    """The id of the request, as ``request_scope.RequestScope`` set it."""
    found = scope.get("state", {}).get("request_id")
    return found if isinstance(found, str) else None


def problem_response(
    scope: Scope,
    problem: ProblemType,
    *,
    detail: str | None = None,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """One problem document. ``instance`` is the request's id, which the log knows too."""
    found = request_id(scope)
    body: dict[str, object] = {
        **(members or {}),
        "type": TYPE_PREFIX + problem.slug,
        "title": problem.title,
        "status": problem.status,
        **({"detail": detail} if detail else {}),
        **({"instance": f"urn:request:{found}"} if found else {}),
    }
    sent = dict(headers or {})
    if problem.status == HTTPStatus.UNAUTHORIZED:
        sent.setdefault("WWW-Authenticate", "Bearer")
    if problem.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        sent.setdefault("Retry-After", str(_RETRY_AFTER_S))
    return JSONResponse(body, problem.status, sent, media_type=MEDIA_TYPE)


def find_problem(error: Exception) -> ProblemType | None:
    """The row of the error's class or its nearest ancestor."""
    return next((TABLE[kind] for kind in type(error).__mro__ if kind in TABLE), None)


def domain_response(scope: Scope, error: Exception, problem: ProblemType) -> JSONResponse:
    """The problem document of an error of the domain."""
    silent = isinstance(error, _WORDLESS)
    members = {name: _wire(getattr(error, name)) for name in _MEMBERS if hasattr(error, name)}
    headers = {}
    if problem.slug == "not-signed-in" and str(error):
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    if retry_after_s := getattr(error, "retry_after_s", None):
        headers["Retry-After"] = str(retry_after_s)
    return problem_response(
        scope,
        problem,
        detail=None if silent else str(error),
        members=None if silent else members,
        headers=headers,
    )


def _wire(member: object) -> object:
    if isinstance(member, Money):
        return {"amount": member.minor, "currency": member.currency}
    return member


async def _on_domain_error(request: Request, error: Exception) -> JSONResponse:
    problem = find_problem(error)
    if problem is None:
        raise error
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, DBAPIError):
        _log.warning("%s: %s", request_id(request.scope), type(error).__name__)
    return domain_response(request.scope, error, problem)


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    problem = BY_STATUS.get(error.status_code) or ProblemType(
        error.status_code, f"status-{error.status_code}", HTTPStatus(error.status_code).phrase
    )
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != phrase else None
    return problem_response(request.scope, problem, detail=detail, headers=error.headers)


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem_response(request.scope, BY_STATUS[400], detail="the body is not valid JSON")
    fields = [
        {
            "field": ".".join(str(part) for part in item["loc"] if str(part) not in ALTERNATIVES),
            "problem": str(item["msg"]).removeprefix("Value error, "),
        }
        for item in found[:50]
    ]
    return problem_response(
        request.scope,
        BY_STATUS[422],
        detail="; ".join(f"{item['field']}: {item['problem']}" for item in fields[:3]),
        members={"errors": _encodable(fields)},
    )


def _encodable(fields: list[dict[str, str]]) -> list[dict[str, str]]:
    return [
        {name: text.encode(errors="backslashreplace").decode() for name, text in item.items()}
        for item in fields
    ]


def install_errors(app: FastAPI) -> None:
    """Answer every error of this application with a problem document.

    What is in no table ends as a 500 in ``request_scope.RequestScope``, which logs it under its id.
    """
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    for kind in TABLE:
        app.add_exception_handler(kind, _on_domain_error)
