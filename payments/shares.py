"""Splits and refund shares as JSON, stored with an operation and in its currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from payments.money import Money
from payments.postings import RefundShare, Split

Stored = list[dict[str, str | int]]


def splits_to_json(splits: Sequence[Split]) -> Stored:
    """The splits of a capture, to store."""
    return [
        {
            "provider_id": split.provider_id,
            "leg_id": split.leg_id,
            "gross": split.gross.minor,
            "vat_percent": str(split.vat_percent),
            "commission": split.commission.minor,
            "tariff_version": split.tariff_version,
        }
        for split in splits
    ]


def shares_to_json(shares: Sequence[RefundShare]) -> Stored:
    """The shares of a refund, to store."""
    return [
        {
            "provider_id": share.provider_id,
            "leg_id": share.leg_id,
            "gross": share.gross.minor,
            "vat_percent": str(share.vat_percent),
            "commission": share.commission.minor,
            "commission_vat": share.commission_vat.minor,
            "tariff_version": share.tariff_version,
        }
        for share in shares
    ]


def splits_of_json(stored: Sequence[Mapping[str, str | int]], currency: str) -> tuple[Split, ...]:
    """What ``splits_to_json`` stored."""
    return tuple(
        Split(
            str(each["provider_id"]),
            str(each["leg_id"]),
            Money(int(each["gross"]), currency),
            Decimal(str(each["vat_percent"])),
            Money(int(each["commission"]), currency),
            str(each["tariff_version"]),
        )
        for each in stored
    )


def shares_of_json(
    stored: Sequence[Mapping[str, str | int]], currency: str
) -> tuple[RefundShare, ...]:
    """What ``shares_to_json`` stored."""
    return tuple(
        RefundShare(
            str(each["provider_id"]),
            str(each["leg_id"]),
            Money(int(each["gross"]), currency),
            Decimal(str(each["vat_percent"])),
            Money(int(each["commission"]), currency),
            Money(int(each["commission_vat"]), currency),
            str(each["tariff_version"]),
        )
        for each in stored
    )
