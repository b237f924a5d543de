"""Small faults that must not go unnoticed, and which tests must notice them.

Each is one exact piece of a source, found once in its file, and what stands there instead. Whoever
changes such a piece carries the fault over to the new wording; one that moves to another file of
its package is found there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A named fault: in ``file`` there stands ``new`` instead of ``old``, and ``tests`` must fail.

    ``tests`` is a file, or one test of it.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str


CHARGE = "tests/payments/test_charge.py"
STATES = "tests/booking/test_states.py"
STEPS = "tests/booking/test_steps.py"
EVENTS = "tests/payments/test_events.py"
REPETITION = "tests/payments/test_repetition.py"
ACCESS = "tests/api/test_access.py"
TICKET = "tests/providers/test_ticket.py"

MUTANTS = (
    Mutant(
        "another body is answered under a used idempotency key",
        "mobility/idempotency.py",
        "    if row.fingerprint != request.fingerprint:\n",
        "    if not row.fingerprint:\n",
        "tests/booking/test_idempotency.py",
    ),
    Mutant(
        "an idempotency key is not kept",
        "mobility/idempotency.py",
        "    if inserted.first() is not None:\n",
        "    if inserted.first() is None or request.key:\n",
        "tests/booking/test_idempotency.py",
    ),
    Mutant(
        "the processor gets a new key for each repetition",
        "payments/operation.py",
        'return f"{self.id}:{self.attempt}"',
        'return f"{self.id}:{self.attempt}:{id(self)}"',
        REPETITION,
    ),
    Mutant(
        "a debit on its way is forgotten when the processor is not understood",
        "payments/operation.py",
        "    if state is OperationState.PROCESSING and outcome not in _ENDS:\n",
        "    if state is OperationState.PROCESSING and outcome in _ENDS:\n",
        "tests/payments/test_debit_states.py",
    ),
    Mutant(
        "a webhook is acknowledged before it is stored",
        "mobility/api/webhooks.py",
        "        is_new = await store_event(tx, event, now)\n",
        "        is_new = bool(event.id)\n",
        "tests/simulation/test_webhooks.py::test_what_each_life_costs_in_the_end",
    ),
    Mutant(
        "a webhook's signature is not looked at",
        "payments/stripe_events.py",
        "        stripe.WebhookSignature.verify_header(text, signature, secret, tolerance=None)\n",
        "",
        EVENTS,
    ),
    Mutant(
        "a webhook signed in the future is taken",
        "payments/stripe_events.py",
        "    if abs(now - signed_at) > TOLERANCE:\n",
        "    if now - signed_at > TOLERANCE:\n",
        EVENTS,
    ),
    Mutant(
        "a webhook that overtook its own hold is thrown away",
        "payments/stripe_events.py",
        "_UNKNOWN_FOR = timedelta(hours=1)",
        "_UNKNOWN_FOR = timedelta(0)",
        EVENTS,
    ),
    Mutant(
        "two workers claim one step",
        "mobility/steps.py",
        "        .with_for_update(skip_locked=True)\n",
        "",
        STEPS,
    ),
    Mutant(
        "a lease of another worker is not looked at",
        "mobility/steps.py",
        "step.c.run_at <= func.now(), _FREE, ",
        "step.c.run_at <= func.now(), ",
        STEPS,
    ),
    Mutant(
        "who has lost the lease ends the step nevertheless",
        "mobility/steps.py",
        '    step.c.worker == bindparam("token"),\n',
        "",
        STEPS,
    ),
    Mutant(
        "a step that is asked for while it runs is forgotten",
        "mobility/steps.py",
        '"generation": step.c.generation + 1,',
        '"generation": step.c.generation,',
        STEPS,
    ),
    Mutant(
        "cents are multiplied as floats",
        "payments/money.py",
        "        product = Decimal(self.minor) * Decimal(factor)\n",
        "        product = Decimal(self.minor / 100 * float(factor) * 100)\n",
        "tests/payments/test_money.py",
    ),
    Mutant(
        "the tax is rounded down",
        "payments/money.py",
        "(100 + percent)).quantize(Decimal(1), ROUND_HALF_UP)",
        '(100 + percent)).quantize(Decimal(1), "ROUND_DOWN")',
        "tests/payments/test_money.py",
    ),
    Mutant(
        "the cents that do not divide are lost",
        "payments/money.py",
        "            shares[index] += 1\n",
        "            shares[index] += 0\n",
        "tests/payments/test_money.py",
    ),
    Mutant(
        "refunds under way do not count",
        "payments/refund.py",
        "each.kind == OperationKind.REFUND and each.state in {*OPEN_STATES, OperationState.DONE}",
        "each.kind == OperationKind.REFUND and each.state in {OperationState.DONE}",
        f"{CHARGE}::test_no_more_is_refunded_than_was_captured",
    ),
    Mutant(
        "a refund is sent again without looking for the first",
        "payments/call.py",
        "    found = await gateway.find_refund(hold_id, operation.id)\n",
        "    found = None\n",
        f"{CHARGE}::test_whatever_goes_wrong_there_is_one_charge[refunds.create-error_500_after]",
    ),
    Mutant(
        "more is captured than was authorised",
        "payments/charge.py",
        "    taken = min(amount.minor, row.authorised_minor)\n",
        "    taken = amount.minor\n",
        f"{CHARGE}::test_what_exceeds_the_hold_is_a_named_receivable",
    ),
    Mutant(
        "a time-out is taken for a failure",
        "payments/call.py",
        "return Outcome(OutcomeKind.UNKNOWN, message=str(error), answered=error.answered)\n",
        'return Outcome(OutcomeKind.DECLINED, code="timeout", message=str(error))\n',
        f"{CHARGE}::test_whatever_goes_wrong_there_is_one_charge[payment_intents.confirm-timeout_after]",
    ),
    Mutant(
        "a time-out is taken for success",
        "payments/call.py",
        "return Outcome(OutcomeKind.UNKNOWN, message=str(error), answered=error.answered)\n",
        "return Outcome(OutcomeKind.DONE, message=str(error), answered=error.answered)\n",
        f"{CHARGE}::test_whatever_goes_wrong_there_is_one_charge[refunds.create-timeout_before]",
    ),
    Mutant(
        "an ask that may have been done is asked again unread",
        "mobility/booking/advance.py",
        "    read_first = before is not None and before.state is AskState.SENT\n",
        "    read_first = False\n",
        "tests/booking/test_hard_luck.py::test_a_hold_that_cannot_be_read_is_neither_repeated_nor_forgotten",
    ),
    Mutant(
        "an outcome is recorded twice",
        "payments/record.py",
        "    .where(*_OF, money_operation.c.state.in_(_OPEN))\n    .values(",
        "    .where(*_OF)\n    .values(",
        REPETITION,
    ),
    Mutant(
        "a journal is posted again under a key that is used",
        "payments/ledger.py",
        "        if journal_id in claimed\n    ]\n",
        "    ]\n",
        "tests/payments/test_ledger.py::test_the_same_again_is_no_second_journal",
    ),
    Mutant(
        "legs are undone in the order they were held",
        "mobility/booking/states.py",
        "for leg in reversed(trip.provided) if leg.open",
        "for leg in trip.provided if leg.open",
        STATES,
    ),
    Mutant(
        "a cancelled booking keeps its hold",
        "mobility/booking/states.py",
        "    PaymentView.AUTHORISED: Act.RELEASE,\n    PaymentView.REQUIRES_ACTION",
        "    PaymentView.REQUIRES_ACTION",
        STATES,
    ),
    Mutant(
        "a stale wish unlocks a vehicle",
        "mobility/booking/riding.py",
        "START_STALE = timedelta(seconds=30)",
        "START_STALE = timedelta(days=30)",
        STATES,
    ),
    Mutant(
        "the commission's sign is flipped",
        "payments/postings.py",
        "Posting(account, amount.times(sign), share.leg_id,",
        "Posting(account, amount.times(-sign), share.leg_id,",
        "tests/payments/test_postings.py",
    ),
    Mutant(
        "anybody reads anybody's booking",
        "mobility/booking/queries.py",
        "booking.c.id == booking_id, booking.c.rider_id == rider_id)",
        "booking.c.id == booking_id)",
        "tests/booking/test_owner.py",
    ),
    Mutant(
        "any role opens every door",
        "mobility/api/dependencies.py",
        "    if role not in rider.roles:\n",
        "    if not rider.roles:\n",
        f"{ACCESS}::test_each_role_opens_its_own_doors",
    ),
    Mutant(
        "a role that was withdrawn still counts",
        "mobility/api/dependencies.py",
        "claimed.roles & roles",
        "claimed.roles",
        f"{ACCESS}::test_a_role_that_is_withdrawn_is_gone_with_the_next_request",
    ),
    Mutant(
        "a token never ends",
        "mobility/identity/tokens.py",
        "    if now >= expires_at:\n",
        "    if now >= expires_at and not claims:\n",
        "tests/identity/test_tokens.py",
    ),
    Mutant(
        "a sign-in code may be guessed for ever",
        "mobility/identity/login.py",
        "column.tries < MAX_TRIES, ",
        "",
        "tests/identity/test_login.py::test_after_five_wrong_tries_the_right_one_is_refused_too",
    ),
    Mutant(
        "a fee that does not add up is matched",
        "payments/matching.py",
        "    if line.net != line.amount - line.fee:\n",
        "    if not line.net:\n",
        "tests/payments/test_matching.py",
    ),
    Mutant(
        "a ticket that moves keeps its binding",
        "mobility/booking/tickets.py",
        'row["binding"] + 1',
        'row["binding"]',
        "tests/api/test_tickets.py::test_who_lost_a_phone_goes_on_with_another_and_the_old_one_is_refused",
    ),
    Mutant(
        "a ticket that is given back stays off the list",
        "mobility/booking/legs.py",
        '    if values.get("state") is LegState.CANCELLED:\n',
        '    if values.get("state") is None:\n',
        "tests/booking/test_tickets.py::test_of_a_trip_under_way_only_the_ticket_given_back_is_revoked",
    ),
    Mutant(
        "money goes back while the ticket stays valid",
        "mobility/booking/trips.py",
        "        await void_tickets(tx, trip.id, now)\n",
        "        pass\n",
        "tests/booking/test_tickets.py::test_a_ticket_in_use_is_void_before_staff_gives_its_money_back",
    ),
    Mutant(
        "a ticket is shown by any device",
        "providers/bus/ticket.py",
        "    if not is_signed(code, device):\n",
        "    if not device:\n",
        TICKET,
    ),
    Mutant(
        "a picture of a ticket lives longer",
        "providers/bus/ticket.py",
        "SLOTS_APART = 1",
        "SLOTS_APART = 2",
        TICKET,
    ),
    Mutant(
        "by her word alone a rider goes on at our expense as often as she likes",
        "mobility/api/rebooking.py",
        "    dearer = not reported or not ",
        "    dearer = not reported or ",
        "tests/api/test_leg_problems.py::"
        "test_in_place_of_a_missing_bike_she_goes_on_by_whatever_goes_at_its_price",
    ),
    Mutant(
        "staff gives back more of a leg than it cost",
        "mobility/booking/leg_price.py",
        "max(self.cost - self.granted - self.guaranteed, ",
        "max(self.cost - self.guaranteed, ",
        "tests/booking/test_goodwill.py",
    ),
    Mutant(
        "a leaked key signs tickets of any day",
        "providers/bus/ticket.py",
        "    _check_day(ticket, payload.kid, published)\n",
        "",
        TICKET,
    ),
    Mutant(
        "a ticket of a withdrawn key is taken",
        "providers/bus/ticket.py",
        "    if payload.kid in revocations.keys:\n",
        "    if payload.kid is None:\n",
        TICKET,
    ),
    Mutant(
        "a ticket is taken though its binding is on the list",
        "providers/bus/ticket.py",
        "    if payload.seq <= ",
        "    if payload.seq < ",
        TICKET,
    ),
    Mutant(
        "what went back before a bank took all of it goes back once more of what was paid again",
        "mobility/booking/rebates.py",
        "        part = min(left, await find_kept(tx, charged, left.currency))\n",
        "        part = left\n",
        "tests/booking/test_lost_disputes.py",
    ),
    Mutant(
        "a refund at our expense that is refused is told to nobody",
        "mobility/booking/rebates.py",
        "    if refused:\n",
        "    if refused and not made:\n",
        "tests/booking/test_refused_refunds.py",
    ),
    Mutant(
        "an old list of revoked tickets serves for ever",
        "providers/bus/revocations.py",
        "    if now > usable_until:\n",
        "    if usable_until is None:\n",
        "tests/providers/test_revocations.py",
    ),
)
