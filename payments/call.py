"""Carry out one money operation at the processor. Network only: nothing is stored here.

An operation that may have been sent before is first read. Confirming, capturing and releasing name
the hold by its id, and the hold's own state decides whether they still have to happen; creating a
hold touches no money; and a refund, which no state of the hold's tells apart from another, is read
even when it is new here, since a restore may have lost that it was made.
"""

from __future__ import annotations

from datetime import timedelta

from payments.errors import (
    ActionRequiredError,
    DeclinedError,
    OutcomeUnknownError,
    RefusedError,
    UnreachableError,
)
from payments.gateway import Gateway, Hold, HoldState, RefundState
from payments.operation import Operation, OperationKind, Outcome, OutcomeKind

HOLD_GONE = "hold_released"
"""Decline code: the hold was released or lapsed before it could be used."""
ALREADY_CAPTURED = "already_captured"
"""Decline code: the hold cannot be released, its money was taken."""
REFUND_FAILED = "refund_failed"
"""Decline code: the refund was made and had come back before its answer was read."""
_CLOCK_SLACK = timedelta(minutes=10)


async def call(gateway: Gateway, operation: Operation) -> Outcome:
    """Bring the operation about, or find out that it was.

    Raises:
        MisconfiguredError: our key or set-up is wrong; the operation stays open.
    """
    try:
        return await _CALLS[operation.kind](gateway, operation)
    except DeclinedError as error:
        return Outcome(OutcomeKind.DECLINED, code=error.code, message=str(error))
    except RefusedError as error:
        return Outcome(OutcomeKind.DECLINED, code=error.code, message=str(error))
    except OutcomeUnknownError as error:
        return Outcome(OutcomeKind.UNKNOWN, message=str(error), answered=error.answered)
    except UnreachableError as error:
        return Outcome(OutcomeKind.UNREACHABLE, message=str(error))


def raise_for(outcome: Outcome) -> None:
    """Turn an outcome that is not ``DONE`` into the error it stands for.

    Raises:
        DeclinedError: definite, no money moved.
        ActionRequiredError: the rider must visit a page.
        OutcomeUnknownError: only reading can tell.
        UnreachableError: nothing was sent or read.
    """
    if outcome.kind is OutcomeKind.DECLINED:
        raise DeclinedError(outcome.message, outcome.code or "declined")
    if outcome.kind is OutcomeKind.REQUIRES_ACTION:
        url = (outcome.hold and outcome.hold.redirect_url) or ""
        raise ActionRequiredError("the rider must confirm the payment on the bank's page", url)
    if outcome.kind is OutcomeKind.PROCESSING:
        raise OutcomeUnknownError("a debit is on its way; its end is read, days later")
    if outcome.kind is OutcomeKind.UNKNOWN:
        raise OutcomeUnknownError(outcome.message, answered=outcome.answered)
    if outcome.kind is OutcomeKind.UNREACHABLE:
        raise UnreachableError(outcome.message)


async def _find_hold(gateway: Gateway, operation: Operation) -> Hold | None:
    """The hold of the operation's payment, by its id or, before that is known, by our metadata."""
    if operation.hold_id is not None:
        return await gateway.get_hold(operation.hold_id)
    return await gateway.find_hold(
        f"{operation.payment_id}.{OperationKind.AUTHORISE}",
        customer_ref=operation.customer_ref,
        since=operation.first_sent_at - _CLOCK_SLACK,
    )


def _hold_id(operation: Operation) -> str:
    if operation.hold_id is None:
        raise ValueError(f"{operation.id} has no hold; its payment was never authorised")
    return operation.hold_id


async def _authorise(gateway: Gateway, operation: Operation) -> Outcome:
    found = None if operation.fresh else await _find_hold(gateway, operation)
    if found is None:
        found = await gateway.create_hold(
            key=operation.key,
            operation_id=operation.id,
            booking_id=operation.booking_id,
            amount=operation.amount,
            customer_ref=operation.customer_ref,
            method=operation.method,
            debit=operation.may_take_days,
        )
    return Outcome(OutcomeKind.DONE, hold=found)


async def _confirm(gateway: Gateway, operation: Operation) -> Outcome:
    hold_id = _hold_id(operation)
    hold = None if operation.fresh else await gateway.get_hold(hold_id)
    if hold is None or hold.state is HoldState.UNCONFIRMED:
        try:
            hold = await gateway.confirm_hold(
                hold_id,
                key=operation.key,
                return_url=None if operation.off_session else operation.return_url,
            )
        except RefusedError as refusal:
            hold = await gateway.get_hold(hold_id)
            if hold.state is HoldState.UNCONFIRMED:
                raise refusal from None
    if hold.state in {HoldState.HELD, HoldState.CAPTURED}:
        return Outcome(OutcomeKind.DONE, hold=hold)
    if hold.state is HoldState.REQUIRES_ACTION:
        return Outcome(OutcomeKind.REQUIRES_ACTION, hold=hold)
    if hold.state is HoldState.PROCESSING:
        return Outcome(OutcomeKind.PROCESSING, hold=hold)
    if hold.state is HoldState.RELEASED:
        return Outcome(OutcomeKind.DECLINED, hold=hold, code=HOLD_GONE)
    if hold.state is HoldState.DECLINED:
        return Outcome(OutcomeKind.DECLINED, hold=hold, code=hold.decline_code or "declined")
    return Outcome(OutcomeKind.UNKNOWN, hold=hold, message=f"hold {hold_id} is {hold.state}")


async def _capture(gateway: Gateway, operation: Operation) -> Outcome:
    hold_id = _hold_id(operation)
    hold = None if operation.fresh else await gateway.get_hold(hold_id)
    if hold is None or hold.state is HoldState.HELD:
        try:
            hold = await gateway.capture_hold(hold_id, key=operation.key, amount=operation.amount)
        except RefusedError as refusal:
            hold = await gateway.get_hold(hold_id)
            if hold.state is HoldState.HELD:
                raise refusal from None
    if hold.state is HoldState.CAPTURED:
        return Outcome(OutcomeKind.DONE, hold=hold)
    if hold.state is HoldState.RELEASED:
        return Outcome(OutcomeKind.DECLINED, hold=hold, code=HOLD_GONE)
    return Outcome(OutcomeKind.UNKNOWN, hold=hold, message=f"hold {hold_id} is {hold.state}")


async def _release(gateway: Gateway, operation: Operation) -> Outcome:
    hold = await _find_hold(gateway, operation)
    if hold is None:
        return Outcome(OutcomeKind.DONE)
    if hold.state not in {HoldState.RELEASED, HoldState.CAPTURED}:
        try:
            hold = await gateway.release_hold(hold.id, key=operation.key)
        except RefusedError as refusal:
            hold = await gateway.get_hold(hold.id)
            if hold.state not in {HoldState.RELEASED, HoldState.CAPTURED}:
                raise OutcomeUnknownError(str(refusal), answered=True) from None
    if hold.state is HoldState.RELEASED:
        return Outcome(OutcomeKind.DONE, hold=hold)
    if hold.state is HoldState.CAPTURED:
        return Outcome(OutcomeKind.DECLINED, hold=hold, code=ALREADY_CAPTURED)
    return Outcome(OutcomeKind.UNKNOWN, hold=hold, message=f"hold {hold.id} is {hold.state}")


async def _refund(gateway: Gateway, operation: Operation) -> Outcome:
    hold_id = _hold_id(operation)
    found = await gateway.find_refund(hold_id, operation.id)
    if found is None:
        found = await gateway.refund_hold(
            hold_id, key=operation.key, operation_id=operation.id, amount=operation.amount
        )
    if found.state is RefundState.FAILED:
        return Outcome(OutcomeKind.DECLINED, refund=found, code=REFUND_FAILED)
    return Outcome(OutcomeKind.DONE, refund=found)


_CALLS = {
    OperationKind.AUTHORISE: _authorise,
    OperationKind.CONFIRM: _confirm,
    OperationKind.CAPTURE: _capture,
    OperationKind.CANCEL: _release,
    OperationKind.REFUND: _refund,
}
