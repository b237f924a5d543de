"""The ledger, its reconciliations and a booking's trace as finance sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, Field

from mobility.api.booking_view import Amount
from payments.accounts import Account, chart
from payments.cases import FiledCase
from payments.gateway import BalanceLine
from payments.ledger import Journal
from payments.money import Money
from payments.operation import Operation
from payments.payment import Payment
from payments.postings import Posting
from payments.reconciliation import Reconciliation

_EUR = [{"amount": 360, "currency": "EUR"}]


class AccountBalance(BaseModel):
    """An account and the sum of its entries; positive is a debit balance."""

    account: str = Field(examples=["provider_payable:demo-rad:EUR"])
    name: str = Field(examples=["Verbindlichkeiten aus vermittelten Fahrten"])
    kind: str = Field(description="asset, liability, income or expense", examples=["liability"])
    provider_id: str | None = Field(examples=["demo-rad"])
    skr03: str = Field(examples=["1610"])
    skr04: str = Field(examples=["3310"])
    balance: Amount = Field(examples=_EUR)

    @classmethod
    def of(cls, account: Account, balance: Money) -> AccountBalance:
        """An account as it is shown."""
        row = chart()[account.role]
        return cls(
            account=account.code,
            name=row.name,
            kind=row.kind,
            provider_id=account.provider_id,
            skr03=row.skr03,
            skr04=row.skr04,
            balance=Amount.of(balance),
        )


class Balances(BaseModel):
    """Every account that was ever posted to; the balances sum to zero."""

    balances: list[AccountBalance]


class CaseView(BaseModel):
    """Something that does not match and that a person must look at."""

    kind: str = Field(examples=["missing_theirs"])
    subject: str = Field(
        description="The processor's line or our operation.", examples=["pay_4xk2s7.capture"]
    )
    difference: Amount = Field(
        description="What the processor has more than we.",
        examples=[{"amount": -360, "currency": "EUR"}],
    )
    explanation: str = Field(examples=["we booked 3.60 EUR; the processor has no line for it"])
    booking_id: str | None = Field(examples=["bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    open: bool = Field(examples=[True])
    opened_at: datetime = Field(examples=["2026-11-26T03:00:00Z"])
    closed_at: datetime | None = Field(examples=[None])
    reconciliation_id: str = Field(examples=["rec_4xk2s7qpm5u6w3a2c7t4e5n6ra"])

    @classmethod
    def of(cls, filed: FiledCase) -> CaseView:
        """A case as it is shown."""
        return cls(
            kind=filed.case.kind.value,
            subject=filed.case.subject,
            difference=Amount.of(filed.case.difference),
            explanation=filed.case.explanation,
            booking_id=filed.case.booking_id,
            open=filed.is_open,
            opened_at=filed.opened_at,
            closed_at=filed.closed_at,
            reconciliation_id=filed.reconciliation_id,
        )


class CaseList(BaseModel):
    """Cases, the oldest first."""

    cases: list[CaseView]
    next_cursor: str | None = Field(default=None, examples=[None])


class ReconciliationView(BaseModel):
    """A comparison of the processor's lines with the ledger, to the cent."""

    id: str = Field(examples=["rec_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    since: datetime = Field(examples=["2026-11-23T03:00:00Z"])
    read_at: datetime = Field(examples=["2026-11-26T03:00:00Z"])
    line_count: int = Field(
        description="Lines of the processor that no earlier run had matched.", examples=[412]
    )
    matched_count: int = Field(examples=[411])
    case_count: int = Field(description="Cases that are open after it.", examples=[1])
    balanced: bool = Field(description="No case, and ledger and processor agree.", examples=[False])
    ledger: Amount = Field(description="The processor's balance by our ledger.", examples=_EUR)
    processor: Amount = Field(description="The balance that the processor states.", examples=_EUR)
    unexplained: Amount = Field(
        description="What they differ by beyond the cases.",
        examples=[{"amount": 0, "currency": "EUR"}],
    )
    fees: Amount = Field(description="Fees posted by this run.", examples=_EUR)
    paid_out: Amount = Field(description="Payouts posted by this run.", examples=_EUR)
    cases: list[CaseView]

    @classmethod
    def of(cls, run: Reconciliation, cases: Sequence[FiledCase]) -> ReconciliationView:
        """A run as it is shown."""
        return cls(
            id=run.id,
            since=run.since,
            read_at=run.read_at,
            line_count=run.line_count,
            matched_count=run.matched_count,
            case_count=run.case_count,
            balanced=run.balanced,
            ledger=Amount.of(run.ledger),
            processor=Amount.of(run.processor),
            unexplained=Amount.of(run.unexplained),
            fees=Amount.of(run.fees),
            paid_out=Amount.of(run.paid_out),
            cases=[CaseView.of(filed) for filed in cases],
        )


class EntryView(BaseModel):
    """One line of a journal; positive is a debit, negative a credit."""

    account: str = Field(examples=["provider_payable:demo-rad:EUR"])
    amount: Amount = Field(examples=[{"amount": -360, "currency": "EUR"}])
    leg_id: str | None = Field(examples=["leg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    vat_percent: Decimal | None = Field(examples=["7"])
    tariff_version: str | None = Field(examples=["sh-tarif-2026-01"])

    @classmethod
    def of(cls, posting: Posting) -> EntryView:
        """A posting as it is shown."""
        return cls(
            account=posting.account.code,
            amount=Amount.of(posting.amount),
            leg_id=posting.leg_id,
            vat_percent=posting.vat_percent,
            tariff_version=posting.tariff_version,
        )


class JournalView(BaseModel):
    """A journal: its entries sum to zero in every currency, and it is never altered."""

    id: str = Field(examples=["0193655c-5d3a-7c1e-9f0a-2b6d1c8e4f70"])
    kind: str = Field(examples=["capture"])
    operation_id: str | None = Field(examples=["pay_4xk2s7.capture"])
    reverses_id: str | None = Field(examples=[None])
    memo: str = Field(examples=["fare collected as agent"])
    event_at: datetime = Field(examples=["2026-11-26T07:31:00Z"])
    recorded_at: datetime = Field(examples=["2026-11-26T07:31:00Z"])
    entries: list[EntryView]

    @classmethod
    def of(cls, journal: Journal) -> JournalView:
        """A journal as it is shown."""
        return cls(
            id=str(journal.id),
            kind=journal.kind.value,
            operation_id=journal.operation_id,
            reverses_id=None if journal.reverses_id is None else str(journal.reverses_id),
            memo=journal.memo,
            event_at=journal.event_at,
            recorded_at=journal.recorded_at,
            entries=[EntryView.of(posting) for posting in journal.postings],
        )


class OperationView(BaseModel):
    """One effect on the processor."""

    id: str = Field(examples=["pay_4xk2s7.capture"])
    kind: str = Field(examples=["capture"])
    state: str = Field(examples=["done"])
    amount: Amount = Field(examples=_EUR)
    processor_id: str | None = Field(examples=["pi_1QabcDEfghIJklMN"])
    error_code: str | None = Field(examples=[None])
    sent_at: datetime = Field(examples=["2026-11-26T07:31:00Z"])
    decided_at: datetime | None = Field(examples=["2026-11-26T07:31:00Z"])

    @classmethod
    def of(cls, operation: Operation) -> OperationView:
        """An operation as it is shown."""
        return cls(
            id=operation.id,
            kind=operation.kind.value,
            state=operation.state.value,
            amount=Amount.of(operation.amount),
            processor_id=operation.psp_id,
            error_code=operation.error_code,
            sent_at=operation.first_sent_at,
            decided_at=operation.decided_at,
        )


class PaymentTrace(BaseModel):
    """A payment and its operations, in the order they were prepared."""

    id: str = Field(examples=["pay_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    state: str = Field(examples=["captured"])
    authorised: Amount = Field(examples=_EUR)
    captured: Amount = Field(examples=_EUR)
    refunded: Amount = Field(examples=[{"amount": 0, "currency": "EUR"}])
    receivable: Amount = Field(
        description="Ridden but not collected.", examples=[{"amount": 0, "currency": "EUR"}]
    )
    operations: list[OperationView]

    @classmethod
    def of(cls, payment: Payment, operations: Sequence[Operation]) -> PaymentTrace:
        """A payment as it is shown."""
        return cls(
            id=payment.id,
            state=payment.state.value,
            authorised=Amount.of(payment.authorised),
            captured=Amount.of(payment.captured),
            refunded=Amount.of(payment.refunded),
            receivable=Amount.of(payment.receivable),
            operations=[OperationView.of(operation) for operation in operations],
        )


class LineView(BaseModel):
    """One movement of our balance at the processor."""

    id: str = Field(examples=["txn_1QabcDEfghIJklMN"])
    category: str = Field(examples=["charge"])
    amount: Amount = Field(examples=_EUR)
    fee: Amount = Field(examples=[{"amount": 30, "currency": "EUR"}])
    net: Amount = Field(examples=[{"amount": 330, "currency": "EUR"}])
    source_id: str | None = Field(examples=["ch_1QabcDEfghIJklMN"])
    created_at: datetime = Field(examples=["2026-11-26T07:31:00Z"])

    @classmethod
    def of(cls, line: BalanceLine) -> LineView:
        """A line as it is shown."""
        return cls(
            id=line.id,
            category=line.category.value,
            amount=Amount.of(line.amount),
            fee=Amount.of(line.fee),
            net=Amount.of(line.net),
            source_id=line.source_id,
            created_at=line.created_at,
        )


class Trace(BaseModel):
    """Where a booking's money went: operations, journals, and the processor's lines so far."""

    booking_id: str = Field(examples=["bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    payments: list[PaymentTrace]
    journals: list[JournalView]
    processor_lines: list[LineView] = Field(
        description="As of the last reconciliation, which reads them."
    )
