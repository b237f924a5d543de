"""What a rider has saved with the processor to pay with, as far as we may know it."""

from __future__ import annotations

from dataclasses import dataclass

_WALLETS = {"apple_pay": "Apple Pay", "google_pay": "Google Pay"}
WALLETS = tuple(_WALLETS)
"""The wallets we name; a card in another one is shown as the card it is."""
_BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
    "unknown": "Karte",
}


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card, in a wallet or not."""

    id: str
    brand: str
    last4: str
    expires: str
    """``YYYY-MM``."""
    wallet: str | None = None
    """One of ``WALLETS``, where it was saved through one."""

    @property
    def label(self) -> str:
        """What a rider reads."""
        return card_label(self.brand, self.last4, self.wallet)


@dataclass(frozen=True, slots=True)
class SavedAccount:
    """A bank account that a rider lets us debit (SEPA); never its IBAN."""

    id: str
    country: str
    bank_code: str
    last4: str
    """Of the IBAN."""
    mandate: str | None = None
    """The reference of the mandate she agreed to; her bank shows debits with it."""

    @property
    def label(self) -> str:
        """What a rider reads."""
        return account_label(self.country, self.last4)


SavedMethod = SavedCard | SavedAccount


def card_label(brand: str, last4: str, wallet: str | None) -> str:
    """A card as a rider reads it: ``Apple Pay, Visa •••• 4242``."""
    card = f"{_BRANDS.get(brand, brand.capitalize())} •••• {last4}"
    return f"{_WALLETS[wallet]}, {card}" if wallet in _WALLETS else card


def account_label(country: str, last4: str) -> str:
    """An account as a rider reads it: ``SEPA-Lastschrift, DE •••• 3000``."""
    return f"SEPA-Lastschrift, {country} •••• {last4}".replace(",  ", ", ")
