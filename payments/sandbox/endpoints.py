"""The part of Stripe's API that exists here: method, path, name, handler, parameters."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from payments.sandbox import balance, cards, debits, disputes, intents, setup
from payments.sandbox.state import State
from payments.sandbox.wire import Json, StripeError, invalid

Handler = Callable[..., Json]
_LIST = "limit starting_after ending_before created"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. ``name`` is what a fault is armed on."""

    method: str
    path: re.Pattern[str]
    name: str
    handler: Handler
    params: frozenset[str]

    def answer(self, state: State, params: Json, ids: tuple[str, ...]) -> Json:
        """Carry the request out.

        Raises:
            StripeError: refused, or a parameter that Stripe does not know.
        """
        for given in params:
            if given not in self.params and given != "payment_method_types":
                raise invalid(
                    f"Received unknown parameter: {given}", code="parameter_unknown", param=given
                )
        return self.handler(state, params, *ids)


def _endpoint(route: str, name: str, handler: Handler, params: str = "") -> Endpoint:
    method, path = route.split(" ")
    pattern = re.compile("/v1/" + path.replace("{id}", r"([\w]+)"))
    return Endpoint(method, pattern, name, handler, frozenset({"expand", *params.split()}))


ENDPOINTS = (
    _endpoint(
        "POST payment_intents",
        "payment_intents.create",
        intents.create,
        "amount currency customer payment_method allowed_payment_method_types capture_method "
        "confirm description metadata off_session return_url setup_future_usage "
        "automatic_payment_methods payment_method_options statement_descriptor_suffix",
    ),
    _endpoint(
        "GET payment_intents", "payment_intents.list", intents.list_page, f"customer {_LIST}"
    ),
    _endpoint("GET payment_intents/{id}", "payment_intents.retrieve", intents.retrieve),
    _endpoint(
        "POST payment_intents/{id}",
        "payment_intents.update",
        intents.update,
        "metadata description",
    ),
    _endpoint(
        "POST payment_intents/{id}/confirm",
        "payment_intents.confirm",
        intents.confirm,
        "payment_method return_url off_session capture_method use_stripe_sdk",
    ),
    _endpoint(
        "POST payment_intents/{id}/capture",
        "payment_intents.capture",
        intents.capture,
        "amount_to_capture metadata final_capture",
    ),
    _endpoint(
        "POST payment_intents/{id}/cancel",
        "payment_intents.cancel",
        intents.cancel,
        "cancellation_reason",
    ),
    _endpoint(
        "GET charges", "charges.list", balance.list_charges, f"payment_intent customer {_LIST}"
    ),
    _endpoint("GET charges/{id}", "charges.retrieve", balance.retrieve_charge),
    _endpoint(
        "POST refunds",
        "refunds.create",
        balance.create_refund,
        "payment_intent charge amount reason metadata",
    ),
    _endpoint(
        "GET refunds", "refunds.list", balance.list_refunds, f"payment_intent charge {_LIST}"
    ),
    _endpoint("GET refunds/{id}", "refunds.retrieve", balance.retrieve_refund),
    _endpoint(
        "GET disputes", "disputes.list", disputes.list_page, f"payment_intent charge {_LIST}"
    ),
    _endpoint("GET disputes/{id}", "disputes.retrieve", disputes.retrieve),
    _endpoint("POST disputes/{id}", "disputes.update", disputes.update, "evidence submit metadata"),
    _endpoint("POST disputes/{id}/close", "disputes.close", disputes.close),
    _endpoint("GET balance", "balance.retrieve", balance.retrieve_balance),
    _endpoint(
        "GET balance_transactions",
        "balance_transactions.list",
        balance.list_transactions,
        f"payout source type currency {_LIST}",
    ),
    _endpoint(
        "GET balance_transactions/{id}",
        "balance_transactions.retrieve",
        balance.retrieve_transaction,
    ),
    _endpoint("POST payouts", "payouts.create", balance.create_payout, "amount currency metadata"),
    _endpoint("GET payouts", "payouts.list", balance.list_payouts, _LIST),
    _endpoint("GET payouts/{id}", "payouts.retrieve", balance.retrieve_payout),
    _endpoint("GET events", "events.list", balance.list_events, f"type {_LIST}"),
    _endpoint("GET events/{id}", "events.retrieve", balance.retrieve_event),
    _endpoint(
        "POST customers",
        "customers.create",
        cards.create_customer,
        "metadata description email name",
    ),
    _endpoint("GET customers", "customers.list", cards.list_customers, _LIST),
    _endpoint("GET customers/{id}", "customers.retrieve", cards.retrieve_customer),
    _endpoint(
        "POST customers/{id}",
        "customers.update",
        cards.update_customer,
        "metadata description email name",
    ),
    _endpoint("DELETE customers/{id}", "customers.delete", cards.delete_customer),
    _endpoint(
        "GET customers/{id}/payment_methods",
        "customers.payment_methods",
        cards.list_methods,
        f"type {_LIST}",
    ),
    _endpoint("POST payment_methods", "payment_methods.create", cards.create_method, "type card"),
    _endpoint(
        "GET payment_methods", "payment_methods.list", cards.list_methods, f"customer type {_LIST}"
    ),
    _endpoint("GET payment_methods/{id}", "payment_methods.retrieve", cards.retrieve_method),
    _endpoint(
        "POST payment_methods/{id}/attach",
        "payment_methods.attach",
        cards.attach_method,
        "customer",
    ),
    _endpoint("POST payment_methods/{id}/detach", "payment_methods.detach", cards.detach_method),
    _endpoint(
        "POST setup_intents",
        "setup_intents.create",
        setup.create_setup_intent,
        "customer payment_method allowed_payment_method_types usage confirm metadata return_url",
    ),
    _endpoint(
        "GET setup_intents",
        "setup_intents.list",
        setup.list_setup_intents,
        f"customer payment_method {_LIST}",
    ),
    _endpoint("GET mandates/{id}", "mandates.retrieve", debits.retrieve_mandate),
    _endpoint("GET setup_intents/{id}", "setup_intents.retrieve", setup.retrieve_setup_intent),
    _endpoint(
        "POST setup_intents/{id}/confirm",
        "setup_intents.confirm",
        setup.confirm_setup_intent,
        "payment_method return_url",
    ),
    _endpoint(
        "POST setup_intents/{id}/cancel",
        "setup_intents.cancel",
        setup.cancel_setup_intent,
        "cancellation_reason",
    ),
    _endpoint(
        "POST checkout/sessions",
        "checkout_sessions.create",
        setup.create_session,
        "mode customer currency allowed_payment_method_types locale success_url cancel_url "
        "metadata client_reference_id",
    ),
    _endpoint(
        "GET checkout/sessions", "checkout_sessions.list", setup.list_sessions, f"customer {_LIST}"
    ),
    _endpoint("GET checkout/sessions/{id}", "checkout_sessions.retrieve", setup.retrieve_session),
    _endpoint(
        "POST checkout/sessions/{id}/expire", "checkout_sessions.expire", setup.expire_session
    ),
)


def find_endpoint(method: str, path: str) -> tuple[Endpoint, tuple[str, ...]]:
    """The operation of a request, and the ids in its path.

    Raises:
        StripeError: 404, there is none.
    """
    for endpoint in ENDPOINTS:
        if endpoint.method == method:
            found = endpoint.path.fullmatch(path)
            if found is not None:
                return endpoint, found.groups()
    raise StripeError(404, f"Unrecognized request URL ({method}: {path}).")
