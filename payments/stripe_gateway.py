"""The gateway on Stripe's API, through the official SDK.

With ``api_base`` set, it talks to that address exactly as to Stripe. API version: the one the SDK
pins. Sources: docs.stripe.com/payments/paymentintents/lifecycle, /api/idempotent_requests,
/payments/place-a-hold-on-a-payment-method, /reports/reporting-categories.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime

import stripe
from stripe import StripeClient
from stripe.params._balance_transaction_list_params import BalanceTransactionListParams
from stripe.params._payment_intent_confirm_params import PaymentIntentConfirmParams
from stripe.params._payment_intent_create_params import PaymentIntentCreateParams

from payments.errors import MisconfiguredError
from payments.gateway import (
    BalanceLine,
    Dispute,
    FoundHold,
    Hold,
    Payout,
    RefundReceipt,
    SetupSession,
)
from payments.methods import SavedMethod
from payments.money import Money
from payments.stripe_calls import READ, Calls, absent_is_fine, key_of
from payments.stripe_wire import (
    balance_line_of,
    balance_of,
    dispute_of,
    found_hold_of,
    hold_of,
    mandate_of,
    payout_of,
    refund_of,
    saved_method_of,
    setup_session_of,
)
from payments.throttle import Urgency

TIMEOUT_S = 12.0
PER_SECOND = 500.0
"""Calls a second where nobody says; Stripe itself allows 100, in test mode 25."""
_PAGE = 100


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
        per_second: float = PER_SECOND,
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
        self._calls = Calls(per_second)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def create_customer(self, pseudonym: str) -> str:
        """The processor's id of a new customer known by a pseudonym only."""
        customer = await self._calls.effect(
            Urgency.ACCOUNT,
            lambda: self._stripe.v1.customers.create_async(
                {"metadata": {"pseudonym": pseudonym}}, key_of(f"customer:{pseudonym}")
            ),
        )
        return customer.id

    async def delete_customer(self, customer_ref: str) -> None:
        """Forget a customer and the cards saved with it; also when already forgotten."""
        async with absent_is_fine():
            await self._calls.effect(
                Urgency.ACCOUNT, lambda: self._stripe.v1.customers.delete_async(customer_ref)
            )

    async def create_setup_session(
        self, customer_ref: str, *, return_url: str, key: str
    ) -> SetupSession:
        """Open the hosted page on which the rider enters a card or account to save.

        Apple Pay and Google Pay are cards there, offered where the rider's device has them.
        """
        session = await self._calls.effect(
            Urgency.ACCOUNT,
            lambda: self._stripe.v1.checkout.sessions.create_async(
                {
                    "mode": "setup",
                    "customer": customer_ref,
                    "allowed_payment_method_types": ["card", "sepa_debit"],
                    "locale": "de",
                    "success_url": return_url,
                    "cancel_url": return_url,
                },
                key_of(key),
            ),
        )
        return setup_session_of(session.to_dict())

    async def get_setup_session(self, session_id: str) -> SetupSession:
        """Whether the visit to the hosted page is over."""
        session = await self._calls.read(
            lambda: self._stripe.v1.checkout.sessions.retrieve_async(session_id, None, READ)
        )
        return setup_session_of(session.to_dict())

    async def list_methods(self, customer_ref: str) -> Sequence[SavedMethod]:
        """The rider's saved cards and accounts, newest first; other kinds are left out.

        An account's mandate is named only by the SetupIntent that it was saved with.
        """
        found = await self._calls.read(
            lambda: self._stripe.v1.payment_methods.list_async(
                {"customer": customer_ref, "limit": _PAGE}, READ
            )
        )
        mandates: dict[str, str] = {}
        if any(method.type == "sepa_debit" for method in found.data):
            setups = await self._calls.read(
                lambda: self._stripe.v1.setup_intents.list_async(
                    {"customer": customer_ref, "limit": _PAGE, "expand": ["data.mandate"]}, READ
                )
            )
            mandates = dict(
                named for each in setups.data if (named := mandate_of(each.to_dict())) is not None
            )
        methods = (saved_method_of(method.to_dict(), mandates) for method in found.data)
        return [method for method in methods if method is not None]

    async def detach_method(self, method_id: str) -> None:
        """Remove a saved card or account; also when already removed."""
        async with absent_is_fine():
            await self._calls.effect(
                Urgency.ACCOUNT, lambda: self._stripe.v1.payment_methods.detach_async(method_id)
            )

    async def create_hold(
        self,
        *,
        key: str,
        operation_id: str,
        booking_id: str,
        amount: Money,
        customer_ref: str,
        method: str,
        debit: bool = False,
    ) -> Hold:
        """Create a PaymentIntent without confirming it: no money is touched.

        SEPA knows no manual capture, so with ``debit`` it is asked of cards alone
        (docs.stripe.com/payments/place-a-hold-on-a-payment-method).
        """
        params: PaymentIntentCreateParams = {
            "amount": amount.minor,
            "currency": amount.currency.lower(),
            "customer": customer_ref,
            "payment_method": method,
            "metadata": {"money_op": operation_id, "booking": booking_id},
        }
        if debit:
            params["allowed_payment_method_types"] = ["card", "sepa_debit"]
            params["payment_method_options"] = {"card": {"capture_method": "manual"}}
        else:
            params["allowed_payment_method_types"] = ["card"]
            params["capture_method"] = "manual"
        return await _hold(
            self._calls.effect(
                Urgency.AUTHORISE,
                lambda: self._stripe.v1.payment_intents.create_async(params, key_of(key)),
            )
        )

    async def confirm_hold(self, hold_id: str, *, key: str, return_url: str | None) -> Hold:
        """Ask for the money: ``HELD``, or ``REQUIRES_ACTION`` with a page to visit.

        Without ``return_url`` the rider is not there, and a card that wants her declines.
        """
        params: PaymentIntentConfirmParams = {"expand": ["latest_charge"]}
        if return_url is None:
            params["off_session"] = True
        else:
            params["return_url"] = return_url
        return await _hold(
            self._calls.effect(
                Urgency.AUTHORISE,
                lambda: self._stripe.v1.payment_intents.confirm_async(hold_id, params, key_of(key)),
            )
        )

    async def capture_hold(self, hold_id: str, *, key: str, amount: Money) -> Hold:
        """Take ``amount``, at most what is held; the rest is released."""
        return await _hold(
            self._calls.effect(
                Urgency.CAPTURE,
                lambda: self._stripe.v1.payment_intents.capture_async(
                    hold_id,
                    {"amount_to_capture": amount.minor, "expand": ["latest_charge"]},
                    key_of(key),
                ),
            )
        )

    async def release_hold(self, hold_id: str, *, key: str) -> Hold:
        """Give up the hold, confirmed or not."""
        return await _hold(
            self._calls.effect(
                Urgency.RELEASE,
                lambda: self._stripe.v1.payment_intents.cancel_async(
                    hold_id, {"cancellation_reason": "abandoned"}, key_of(key)
                ),
            )
        )

    async def get_hold(self, hold_id: str) -> Hold:
        """Read a hold."""
        return await _hold(
            self._calls.read(
                lambda: self._stripe.v1.payment_intents.retrieve_async(
                    hold_id, {"expand": ["latest_charge"]}, READ
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
                READ,
            )
            async for intent in page.auto_paging_iter():
                hold = hold_of(intent.to_dict())
                if hold.operation_id == operation_id:
                    return hold
            return None

        return await self._calls.read(search)

    async def list_holds(self, *, since: datetime) -> Sequence[FoundHold]:
        """Every hold of ours created at or after ``since``, oldest first."""

        async def collect() -> list[FoundHold]:
            page = await self._stripe.v1.payment_intents.list_async(
                {
                    "created": {"gte": int(since.timestamp())},
                    "limit": _PAGE,
                    "expand": ["data.latest_charge"],
                },
                READ,
            )
            found = [found_hold_of(each.to_dict()) async for each in page.auto_paging_iter()]
            return [each for each in found if each is not None]

        return list(reversed(await self._calls.read(collect)))

    async def refund_hold(
        self, hold_id: str, *, key: str, operation_id: str, amount: Money
    ) -> RefundReceipt:
        """Give captured money back."""
        refund = await self._calls.effect(
            Urgency.REFUND,
            lambda: self._stripe.v1.refunds.create_async(
                {
                    "payment_intent": hold_id,
                    "amount": amount.minor,
                    "reason": "requested_by_customer",
                    "metadata": {"money_op": operation_id},
                },
                key_of(key),
            ),
        )
        return refund_of(refund.to_dict())

    async def find_refund(self, hold_id: str, operation_id: str) -> RefundReceipt | None:
        """The hold's refund that carries our operation's id."""
        found = await self.list_refunds(hold_id)
        return next((each for each in reversed(found) if each.operation_id == operation_id), None)

    async def list_refunds(self, hold_id: str) -> Sequence[RefundReceipt]:
        """Every refund of a hold, oldest first."""

        async def collect() -> list[RefundReceipt]:
            page = await self._stripe.v1.refunds.list_async(
                {"payment_intent": hold_id, "limit": _PAGE}, READ
            )
            return [refund_of(refund.to_dict()) async for refund in page.auto_paging_iter()]

        return list(reversed(await self._calls.read(collect)))

    async def get_balance(self) -> Mapping[str, Money]:
        """What the processor owes us per currency, available and pending together."""
        balance = await self._calls.read(lambda: self._stripe.v1.balance.retrieve_async(None, READ))
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
            page = await self._stripe.v1.balance_transactions.list_async(params, READ)
            return [balance_line_of(line.to_dict()) async for line in page.auto_paging_iter()]

        return list(reversed(await self._calls.read(collect)))

    async def list_payouts(self, *, since: datetime) -> Sequence[Payout]:
        """Every payout created at or after ``since``, oldest first."""

        async def collect() -> list[Payout]:
            page = await self._stripe.v1.payouts.list_async(
                {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}, READ
            )
            return [payout_of(payout.to_dict()) async for payout in page.auto_paging_iter()]

        return list(reversed(await self._calls.read(collect)))

    async def list_disputes(self, *, since: datetime) -> Sequence[Dispute]:
        """Every dispute opened at or after ``since`` that took money, oldest first.

        Inquiries (``warning_…``) take none.
        """

        async def collect() -> list[Dispute]:
            page = await self._stripe.v1.disputes.list_async(
                {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}, READ
            )
            found = [dispute_of(each.to_dict()) async for each in page.auto_paging_iter()]
            return [each for each in found if each is not None]

        return list(reversed(await self._calls.read(collect)))


async def _hold(asked: Awaitable[stripe.PaymentIntent]) -> Hold:
    return hold_of((await asked).to_dict())
