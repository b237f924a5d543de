"""What providers tell us and may see: availability pushes, their age, their bookings.

Bodies are GBFS 3.0 items plus a private ``vehicle_ref`` and a sequence number that counts pushes,
one count for vehicles, one for stations, one for geofencing zones. A full snapshot (PUT) may jump
ahead, a delta (PATCH) must follow the last push; after a gap it is refused with 409 and a full
snapshot is due.
"""

from __future__ import annotations

from asyncio import to_thread
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from mobility.api.booking_view import Amount
from mobility.api.cursors import make_cursor, read_cursor
from mobility.api.dependencies import Now, ProviderDep, WiringDep
from mobility.api.openapi import problems
from mobility.api.provider_view import (
    FreshnessView,
    ProviderBookingPage,
    ProviderBookingView,
    PushReceipt,
    RefusedItem,
    StationsDelta,
    StationsSnapshot,
    VehiclesDelta,
    VehiclesSnapshot,
    ZonesSnapshot,
)
from mobility.booking.queries import ProviderLeg, list_provider_legs
from mobility.db import transaction
from mobility.wiring import Wiring
from providers.gbfs import zones_v2_3, zones_v3_0
from providers.gbfs.v3_0 import (
    Batch,
    Refusal,
    named_stations,
    read_stations,
    read_vehicles,
)
from providers.snapshots import Kind, Outcome, Receipt
from providers.stanza import ProviderStanza
from providers.values import ProviderId, Station, StationId, Vehicle, VehicleRef
from providers.zones import Zone

router = APIRouter(prefix="/v1/provider", tags=["providers"])


@router.put("/vehicles", status_code=202, summary="Push all vehicles", responses=problems(409, 413))
async def put_vehicles(
    body: VehiclesSnapshot, wiring: WiringDep, provider_id: ProviderDep, now: Now
) -> PushReceipt:
    """Replace what is known of the provider's vehicles."""
    batch = await _vehicles(wiring, provider_id, body.vehicles, now)
    if body.vehicles and not batch.accepted:
        return await _nothing(wiring, provider_id, "vehicles", batch.refused)
    receipt = await wiring.snapshots.put_vehicles(provider_id, body.sequence, batch.accepted, now)
    return await _answer(wiring, provider_id, "vehicles", batch, receipt)


@router.patch(
    "/vehicles", status_code=202, summary="Push vehicles that changed", responses=problems(409, 413)
)
async def patch_vehicles(
    body: VehiclesDelta, wiring: WiringDep, provider_id: ProviderDep, now: Now
) -> PushReceipt:
    """Add, replace and remove vehicles; an empty delta says that nothing has changed.

    One that is refused because it stands outside the city, or at an unknown station, is removed.
    """
    batch = await _vehicles(wiring, provider_id, body.vehicles, now)
    gone = [VehicleRef(ref) for ref in (*body.removed, *batch.gone)]
    receipt = await wiring.snapshots.patch_vehicles(
        provider_id, body.sequence, batch.accepted, gone, now
    )
    return await _answer(wiring, provider_id, "vehicles", batch, receipt)


@router.put("/stations", status_code=202, summary="Push all stations", responses=problems(409, 413))
async def put_stations(
    body: StationsSnapshot, wiring: WiringDep, provider_id: ProviderDep, now: Now
) -> PushReceipt:
    """Replace what is known of the provider's stations."""
    _stanza(wiring, provider_id)
    batch = read_stations(provider_id, body.stations, {}, wiring.city.bounds.box, now)
    if body.stations and not batch.accepted:
        return await _nothing(wiring, provider_id, "stations", batch.refused)
    receipt = await wiring.snapshots.put_stations(provider_id, body.sequence, batch.accepted, now)
    return await _answer(wiring, provider_id, "stations", batch, receipt)


@router.patch(
    "/stations", status_code=202, summary="Push stations that changed", responses=problems(409, 413)
)
async def patch_stations(
    body: StationsDelta, wiring: WiringDep, provider_id: ProviderDep, now: Now
) -> PushReceipt:
    """Add, change and remove stations."""
    _stanza(wiring, provider_id)
    known = await wiring.snapshots.find_stations(provider_id, named_stations(body.stations))
    batch = read_stations(provider_id, body.stations, known, wiring.city.bounds.box, now)
    gone = [StationId(station_id) for station_id in body.removed]
    receipt = await wiring.snapshots.patch_stations(
        provider_id, body.sequence, batch.accepted, gone, now
    )
    return await _answer(wiring, provider_id, "stations", batch, receipt)


@router.put(
    "/geofencing-zones",
    status_code=202,
    summary="Push all geofencing zones",
    responses=problems(409, 413),
)
async def put_geofencing_zones(
    body: ZonesSnapshot, wiring: WiringDep, provider_id: ProviderDep, now: Now
) -> PushReceipt:
    """Replace the provider's zones, all or, where one cannot be read, none of them.

    They hold until the next push, however long ago it was.
    """
    type_ids = {kind.id for kind in _stanza(wiring, provider_id).vehicle_type}
    features, bounds = body.geofencing_zones.features, wiring.city.bounds.box
    if body.global_rules is None:
        read = await to_thread(zones_v2_3.read_zones, features, type_ids, bounds)
    else:
        rules = body.global_rules
        read = await to_thread(zones_v3_0.read_zones, features, rules, type_ids, bounds)
    if read.zones is None:
        return await _nothing(wiring, provider_id, "zones", read.refused)
    receipt = await wiring.snapshots.put_zones(provider_id, body.sequence, read.zones, now)
    batch = Batch(read.zones.zones, read.refused)
    return await _answer(wiring, provider_id, "zones", batch, receipt)


@router.get("/freshness", summary="Show how fresh my availability is", responses=problems(409))
async def get_freshness(wiring: WiringDep, provider_id: ProviderDep, now: Now) -> FreshnessView:
    """What is known of the provider and since when."""
    _stanza(wiring, provider_id)
    found = wiring.mirror.get_freshness(provider_id, now)
    return FreshnessView(
        provider_id=provider_id,
        vehicles=found.vehicles,
        stations=found.stations,
        zones=len(wiring.mirror.zones_of(provider_id).zones),
        heard_at=found.heard_at,
        age_seconds=found.age_seconds,
        stale=found.stale,
    )


@router.get("/bookings", summary="List the bookings of my vehicles", responses=problems(400))
async def list_bookings(
    wiring: WiringDep,
    provider_id: ProviderDep,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> ProviderBookingPage:
    """Legs booked with the provider, the latest departure first."""
    before = read_cursor("provider_bookings", cursor)
    async with transaction(wiring.engine) as tx:
        legs = await list_provider_legs(tx, provider_id, limit=limit, before=before)
    last = legs[-1] if len(legs) == limit else None
    return ProviderBookingPage(
        bookings=[_booking(wiring, provider_id, leg) for leg in legs],
        next_cursor=None
        if last is None
        else make_cursor("provider_bookings", last.departs_at, last.reference),
    )


def _booking(wiring: Wiring, provider_id: ProviderId, leg: ProviderLeg) -> ProviderBookingView:
    return ProviderBookingView(
        booking_id=leg.booking_id,
        reference=leg.reference,
        state=leg.state,
        mode=leg.mode,
        rider=wiring.desk.pseudonym(provider_id, leg.rider_id),
        departs_at=leg.departs_at,
        arrives_at=leg.arrives_at,
        quoted=Amount.of(leg.quoted),
        final=Amount.of(leg.final) if leg.final else None,
    )


def _stanza(wiring: Wiring, provider_id: ProviderId) -> ProviderStanza:
    stanza = wiring.stanzas.get(provider_id)
    if stanza is None or not stanza.vehicle_type:
        raise HTTPException(409, f"{provider_id} has no vehicles to rent in this city")
    return stanza


async def _vehicles(
    wiring: Wiring, provider_id: ProviderId, items: list[Any], now: datetime
) -> Batch[Vehicle]:
    type_ids = {kind.id for kind in _stanza(wiring, provider_id).vehicle_type}
    stations = await wiring.snapshots.find_stations(provider_id, named_stations(items))
    return read_vehicles(provider_id, items, type_ids, stations, wiring.city.bounds.box, now)


async def _answer(
    wiring: Wiring,
    provider_id: ProviderId,
    kind: Kind,
    batch: Batch[Vehicle] | Batch[Station] | Batch[Zone],
    receipt: Receipt,
) -> PushReceipt:
    """The receipt, once this process's own searches see the push."""
    if receipt.outcome is Outcome.GAP:
        raise HTTPException(
            409,
            f"the delta does not follow push {receipt.last_sequence} of {kind};"
            f" PUT all {kind} with a number above it",
        )
    if receipt.outcome is Outcome.TAKEN:
        await wiring.mirror.catch_up(provider_id, kind, receipt.last_sequence)
    return PushReceipt(
        outcome=receipt.outcome,
        accepted=len(batch.accepted) if receipt.outcome is Outcome.TAKEN else 0,
        refused=_refused(batch.refused),
        last_sequence=receipt.last_sequence,
    )


async def _nothing(
    wiring: Wiring, provider_id: ProviderId, kind: Kind, refused: tuple[Refusal, ...]
) -> PushReceipt:
    """A snapshot of which no item can be read does not empty the street."""
    return PushReceipt(
        outcome="nothing_acceptable",
        accepted=0,
        refused=_refused(refused),
        last_sequence=await wiring.snapshots.get_sequence(provider_id, kind),
    )


def _refused(refused: tuple[Refusal, ...]) -> list[RefusedItem]:
    return [RefusedItem(index=r.index, ref=r.ref, reason=r.reason) for r in refused]
