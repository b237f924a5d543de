"""What can go wrong between us and a provider, in the domain's words.

::

    ProviderError
    ├── Refused          the provider said no; nothing was held, changed or owed
    │   ├── Unavailable      the vehicle is gone, reserved by someone else, or out of service
    │   └── Expired          the hold or offer ran out
    ├── Unreachable      the request never left us, or was turned away unread: nothing happened
    └── OutcomeUnknown   sent, and no answer that we could trust: only reading tells what happened
"""

from __future__ import annotations


class ProviderError(Exception):
    """Root of all that a provider call raises."""

    def __init__(self, provider_id: str, detail: str) -> None:
        super().__init__(f"{provider_id}: {detail}")
        self.provider_id = provider_id
        self.detail = detail


class RefusedError(ProviderError):
    """The provider decided against it; the state on its side is unchanged."""


class UnavailableError(RefusedError):
    """The vehicle or place is not to be had."""


class ExpiredError(RefusedError):
    """The hold or quote has run out on the provider's side."""


class UnreachableError(ProviderError):
    """Nothing was sent, or it was turned away before it was read; safe to send again."""


class OutcomeUnknownError(ProviderError):
    """It may have happened. Leave this state only through ``find_reservation``."""
