"""From an operator's stanza to the adapter that serves it; loud where there is none."""

from __future__ import annotations

import httpx

from providers.bike.adapter import BikeShare
from providers.bus.adapter import TicketOffice
from providers.bus.fare_table import FareTable
from providers.car.adapter import CarShare
from providers.http import OperatorHttp
from providers.port import Provider
from providers.stanza import ProviderStanza, StanzaError
from providers.tomp.client import TompClient, tomp_headers

MAAS_ID = "mobility"
"""How we name ourselves to operators (TOMP ``maas-id``)."""


def open_provider(
    stanza: ProviderStanza,
    *,
    base_url: str | None,
    token: str | None,
    http: httpx.AsyncClient,
    fares: FareTable | None,
    maas_id: str = MAAS_ID,
) -> Provider:
    """The adapter for an operator.

    ``base_url`` and ``token`` are for operators reached over HTTP, ``fares`` for tickets of ours.

    Raises:
        StanzaError: a kind or protocol nobody here speaks, or a part that it needs is missing.
    """
    if stanza.kind == "bus":
        if fares is None:
            raise StanzaError(f"{stanza.id}: no fare table {stanza.fares}")
        return TicketOffice(stanza, fares)
    if stanza.protocol != "tomp-1.6":
        raise StanzaError(f"{stanza.id}: nobody here speaks {stanza.protocol}")
    if base_url is None:
        raise StanzaError(f"{stanza.id}: no address; say where the operator is reached")
    headers = tomp_headers(maas_id, token)
    client = TompClient(OperatorHttp(stanza.provider_id, base_url, http, headers))
    return {"bike": BikeShare, "car": CarShare}[stanza.kind](stanza, client)
