"""The gateway on Stripe's API, through the official SDK.

With ``api_base`` set, it talks to that address exactly as to Stripe. API version: the one the SDK
pins. Sources: docs.stripe.com/payments/paymentintents/lifecycle, /api/idempotent_requests,
/payments/place-a-hold-on-a-payment-method, /reports/reporting-categories.

The SDK's own retries are used for reads only: an effect is repeated by ``payments.call``, which
reads first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

import httpx
import stripe
from stripe import RequestOptions, StripeClient
from stripe.params._balance_transaction_list_params import BalanceTransactionListParams
from stripe.params._payment_intent_confirm_params import PaymentIntentConfirmParams
from stripe.params._payment_intent_create_params import PaymentIntentCreateParams

from payments.errors import (
    DeclinedError,
    MisconfiguredError,
    OutcomeUnknownError,
    RefusedError,
    UnreachableError,
)
from payments.gateway import (
    BalanceLine,
    Hold,
    Payout,
    RefundReceipt,
    SavedMethod,
    SetupSession,
)
from payments.money import Money
from payments.stripe_wire import (
    balance_line_of,
    balance_of,
    hold_of,
    payout_of,
    refund_of,
    saved_method_of,
    setup_session_of,
)

TIMEOUT_S = 12.0
_READ_RETRIES = 2
_BUSY_WAITS_S = (0.25, 1.0)
_PAGE = 100
_T = TypeVar("_T")


class StripeGateway:
    """``payments.gateway.Gateway`` on Stripe; ``http`` in place of the SDK's usual client.

    Raises:
        MisconfiguredError: a live key; this system is not cleared to move real money.
    """

    def __init__(
        self,
        api_key: str,
        *,
        api_base: str | None = None,
        timeout_s: float = TIMEOUT_S,
        http: stripe.HTTPClient | None = None,
    ) -> None:
        if api_key.startswith(("sk_live_", "rk_live_")):
            raise MisconfiguredError(
                "STRIPE_API_KEY is a live key; use a test key (sk_test_…): this is a demonstration "
                "and must not move real money"
            )
        if not api_key.startswith(("sk_test_", "rk_test_")):
            raise MisconfiguredError("STRIPE_API_KEY is not a Stripe test key (sk_test_…)")
        self._http = http or stripe.HTTPXClient(timeout=timeout_s)
        self._stripe = StripeClient(
            api_key,
            http_client=self._http,
            max_network_retries=0,
            base_addresses={"api": api_base.rstrip("/")} if api_base else {},
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def create_customer(self, pseudonym: str) -> str:
        """The processor's id of a new customer known by a pseudonym only."""
        customer = await _effect(
            lambda: self._stripe.v1.customers.create_async(
                {"metadata": {"pseudonym": pseudonym}}, _key(f"customer:{pseudonym}")
            )
        )
        return customer.id

    async def delete_customer(self, customer_ref: str) -> None:
        """Forget a customer and the cards saved with it; also when already forgotten."""
        async with _absent_is_fine():
            await _effect(lambda: self._stripe.v1.customers.delete_async(customer_ref))

    async def create_setup_session(
        self, customer_ref: str, *, return_url: str, key: str
    ) -> SetupSession:
        """Open the hosted page on which the rider enters a card to save."""
        session = await _effect(
            lambda: self._stripe.v1.checkout.sessions.create_async(
                {
                    "mode": "setup",
                    "customer": customer_ref,
                    "allowed_payment_method_types": ["card"],
                    "locale": "de",
                    "success_url": return_url,
                    "cancel_url": return_url,
                },
                _key(key),
            )
        )
        return setup_session_of(session.to_dict())

    async def get_setup_session(self, session_id: str) -> SetupSession:
        """Whether the visit to the hosted page is over."""
        session = await _read(
            lambda: self._stripe.v1.checkout.sessions.retrieve_async(session_id, None, _READ)
        )
        return setup_session_of(session.to_dict())

    async def list_methods(self, customer_ref: str) -> Sequence[SavedMethod]:
        """The rider's saved cards, newest first."""
        found = await _read(
            lambda: self._stripe.v1.payment_methods.list_async(
                {"customer": customer_ref, "type": "card", "limit": _PAGE}, _READ
            )
        )
        return [saved_method_of(method.to_dict()) for method in found.data]

    async def detach_method(self, method_id: str) -> None:
        """Remove a saved card; also when already removed."""
        async with _absent_is_fine():
            await _effect(lambda: self._stripe.v1.payment_methods.detach_async(method_id))

    async def create_hold(
        self,
        *,
        key: str,
        operation_id: str,
        booking_id: str,
        amount: Money,
        customer_ref: str,
        method: str,
    ) -> Hold:
        """Create a PaymentIntent without confirming it: no money is touched."""
        params: PaymentIntentCreateParams = {
            "amount": amount.minor,
            "currency": amount.currency.lower(),
            "customer": customer_ref,
            "payment_method": method,
            "allowed_payment_method_types": ["card"],
            "capture_method": "manual",
            "metadata": {"money_op": operation_id, "booking": booking_id},
        }
        return await _hold(
            _effect(lambda: self._stripe.v1.payment_intents.create_async(params, _key(key)))
        )

    async def confirm_hold(self, hold_id: str, *, key: str, return_url: str | None) -> Hold:
        """Ask the card for the money: ``HELD``, or ``REQUIRES_ACTION`` with a page to visit.

        Without ``return_url`` the rider is not there, and a card that wants her declines.
        """
        params: PaymentIntentConfirmParams = {"expand": ["latest_charge"]}
        if return_url is None:
            params["off_session"] = True
        else:
            params["return_url"] = return_url
        return await _hold(
            _effect(
                lambda: self._stripe.v1.payment_intents.confirm_async(hold_id, params, _key(key))
            )
        )

    async def capture_hold(self, hold_id: str, *, key: str, amount: Money) -> Hold:
        """Take ``amount``, at most what is held; the rest is released."""
        return await _hold(
            _effect(
                lambda: self._stripe.v1.payment_intents.capture_async(
                    hold_id,
                    {"amount_to_capture": amount.minor, "expand": ["latest_charge"]},
                    _key(key),
                )
            )
        )

    async def release_hold(self, hold_id: str, *, key: str) -> Hold:
        """Give up the hold, confirmed or not."""
        return await _hold(
            _effect(
                lambda: self._stripe.v1.payment_intents.cancel_async(
                    hold_id, {"cancellation_reason": "abandoned"}, _key(key)
                )
            )
        )

    async def get_hold(self, hold_id: str) -> Hold:
        """Read a hold."""
        return await _hold(
            _read(
                lambda: self._stripe.v1.payment_intents.retrieve_async(
                    hold_id, {"expand": ["latest_charge"]}, _READ
                )
            )
        )

    async def find_hold(
        self, operation_id: str, *, customer_ref: str, since: datetime
    ) -> Hold | None:
        """The customer's hold that carries our operation's id, created at or after ``since``.

        By listing, which reads what was written; Stripe's search lags behind by up to minutes.
        """

        async def search() -> Hold | None:
            page = await self._stripe.v1.payment_intents.list_async(
                {
                    "customer": customer_ref,
                    "created": {"gte": int(since.timestamp())},
                    "limit": _PAGE,
                    "expand": ["data.latest_charge"],
                },
                _READ,
            )
            async for intent in page.auto_paging_iter():
                hold = hold_of(intent.to_dict())
                if hold.operation_id == operation_id:
                    return hold
            return None

        return await _read(search)

    async def refund_hold(
        self, hold_id: str, *, key: str, operation_id: str, amount: Money
    ) -> RefundReceipt:
        """Give captured money back."""
        refund = await _effect(
            lambda: self._stripe.v1.refunds.create_async(
                {
                    "payment_intent": hold_id,
                    "amount": amount.minor,
                    "reason": "requested_by_customer",
                    "metadata": {"money_op": operation_id},
                },
                _key(key),
            )
        )
        return refund_of(refund.to_dict())

    async def find_refund(self, hold_id: str, operation_id: str) -> RefundReceipt | None:
        """The hold's refund that carries our operation's id."""

        async def search() -> RefundReceipt | None:
            page = await self._stripe.v1.refunds.list_async(
                {"payment_intent": hold_id, "limit": _PAGE}, _READ
            )
            async for found in page.auto_paging_iter():
                refund = refund_of(found.to_dict())
                if refund.operation_id == operation_id:
                    return refund
            return None

        return await _read(search)

    async def get_balance(self) -> Mapping[str, Money]:
        """What the processor owes us per currency, available and pending together."""
        balance = await _read(lambda: self._stripe.v1.balance.retrieve_async(None, _READ))
        return balance_of(balance.to_dict())

    async def list_balance_lines(
        self, *, since: datetime, payout_id: str | None = None
    ) -> Sequence[BalanceLine]:
        """Every movement created at or after ``since``, oldest first; of one payout if named."""
        params: BalanceTransactionListParams = {
            "created": {"gte": int(since.timestamp())},
            "limit": _PAGE,
            "expand": ["data.source"],
        }
        if payout_id is not None:
            params["payout"] = payout_id

        async def collect() -> list[BalanceLine]:
            page = await self._stripe.v1.balance_transactions.list_async(params, _READ)
            return [balance_line_of(line.to_dict()) async for line in page.auto_paging_iter()]

        return list(reversed(await _read(collect)))

    async def list_payouts(self, *, since: datetime) -> Sequence[Payout]:
        """Every payout created at or after ``since``, oldest first."""

        async def collect() -> list[Payout]:
            page = await self._stripe.v1.payouts.list_async(
                {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}, _READ
            )
            return [payout_of(payout.to_dict()) async for payout in page.auto_paging_iter()]

        return list(reversed(await _read(collect)))


_READ: RequestOptions = {"max_network_retries": _READ_RETRIES}


def _key(key: str) -> RequestOptions:
    return {"idempotency_key": key}


async def _hold(asked: Awaitable[stripe.PaymentIntent]) -> Hold:
    return hold_of((await asked).to_dict())


async def _effect(send: Callable[[], Awaitable[_T]]) -> _T:
    """Send something that changes the processor's state; 429 means not done, and is retried."""
    for wait_s in (*_BUSY_WAITS_S, None):
        try:
            return await send()
        except stripe.RateLimitError as error:
            if wait_s is None:
                raise UnreachableError("Stripe is busy (429); nothing was done") from error
            await asyncio.sleep(wait_s)
        except stripe.StripeError as error:
            raise _translated(error, reading=False) from error
    raise AssertionError("unreachable")


async def _read(send: Callable[[], Awaitable[_T]]) -> _T:
    try:
        return await send()
    except stripe.StripeError as error:
        raise _translated(error, reading=True) from error


def _translated(error: stripe.StripeError, *, reading: bool) -> Exception:
    """Stripe's error in our words; see docs.stripe.com/api/errors."""
    message = error.user_message or str(error)
    if isinstance(error, stripe.CardError):
        detail = error.error.decline_code if error.error else None
        return DeclinedError(message, detail or error.code or "card_declined")
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return MisconfiguredError(f"Stripe refuses our key: {message}")
    if isinstance(error, stripe.IdempotencyError):
        return MisconfiguredError(f"an idempotency key was used for two different calls: {message}")
    if isinstance(error, stripe.InvalidRequestError):
        return RefusedError(message, error.code or "invalid_request")
    if reading:
        return UnreachableError(f"Stripe could not be read: {message}")
    if isinstance(error, stripe.APIConnectionError):
        if isinstance(
            error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
        ):
            return UnreachableError(f"Stripe cannot be reached; nothing was sent: {message}")
        return OutcomeUnknownError(f"Stripe did not answer in time: {message}")
    conflict = error.http_status == httpx.codes.CONFLICT
    return OutcomeUnknownError(
        f"Stripe answered {error.http_status}: {message}", answered=not conflict
    )


@asynccontextmanager
async def _absent_is_fine() -> AsyncIterator[None]:
    try:
        yield
    except RefusedError as refusal:
        if refusal.code != "resource_missing" and "not attached" not in str(refusal):
            raise
