"""A booked bus leg, phones that show its ticket, and an inspector."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mobility.db import transaction
from mobility.tables import booking, leg
from payments.money import Money
from providers.bus.envelope import encode
from providers.bus.revocations import read_list
from providers.bus.ticket import Ticket, verify, write_claims
from providers.bus.ticket_keys import read_keys
from providers.values import AccessFormat
from tests.api.conftest import START, World

SAID = Ticket(
    id="2f7c1b0a9e8d7c6b5a40",
    issuer="stadtverkehr-luebeck",
    product="single:2:adult",
    passengers=1,
    price=Money(360),
    tariff_version="sh-tarif-2026-04-01",
    valid_from=START,
    valid_until=START + timedelta(hours=2),
)
PATH = "/v1/bookings/bkg_1/legs/leg_1/ticket"
WHY = {"reason": "seen at the counter"}


@dataclass
class Phone:
    """One device with a key of its own and the headers of its sign-in."""

    world: World
    headers: dict[str, str]
    key: Ed25519PrivateKey

    @property
    def device_key(self) -> str:
        return encode(self.key.public_key().public_bytes_raw())

    async def take(self, **body: object) -> httpx.Response:
        sent = {"device_key": self.device_key, **body}
        return await self.world.client.post(PATH, json=sent, headers=self.headers)

    async def get(self) -> httpx.Response:
        return await self.world.client.get(PATH, headers=self.headers)


async def phone_of(world: World, session: str = "s1", email: str = "anna@example.org") -> Phone:
    key = Ed25519PrivateKey.generate()
    return Phone(world, await world.sign_in(email, session=session), key)


async def rider_of(world: World, phone: Phone) -> str:
    answer = await world.client.get("/v1/me", headers=phone.headers)
    return str(answer.json()["id"])


async def book(world: World, rider_id: str, **access: Any) -> None:
    """A confirmed booking of one bus leg."""
    at = {"departs_at": SAID.valid_from, "arrives_at": SAID.valid_from + timedelta(minutes=20)}
    shown = {"access_code": write_claims(SAID), "access_format": AccessFormat.TICKET, **access}
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(
            booking.insert().values(
                id="bkg_1",
                rider_id=rider_id,
                offer_id="off_1",
                state="confirmed",
                aim="travel",
                payment_id="pay_1",
                payment_method="pm_card_visa",
                passengers=1,
                currency="EUR",
                price_minor=360,
                ceiling_minor=360,
                created_at=world.now,
                expires_at=world.now,
            )
        )
        await tx.execute(
            leg.insert().values(
                booking_id="bkg_1",
                id="leg_1",
                position=0,
                mode="bus",
                provider_id="stadtverkehr-luebeck",
                scarce=False,
                state="confirmed",
                order_key="leg_1",
                quoted_minor=360,
                ceiling_minor=360,
                vat_percent=7,
                commission_percent=0,
                co2_grams=0,
                **at,
                **shown,
            )
        )


async def booked(world: World) -> Phone:
    phone = await phone_of(world)
    await book(world, await rider_of(world, phone))
    return phone


async def inspect(world: World, code: str, *, at: datetime | None = None) -> int:
    """The binding shown, verified by what is published now and nothing else."""
    keys = read_keys((await world.client.get("/v1/tickets/keys")).content)
    answer = await world.client.get("/v1/tickets/revocations")
    when = at or world.now
    return verify(code, keys, read_list(answer.content, keys, when), when).binding
