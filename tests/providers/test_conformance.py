"""The conformance suite, for each adapter."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from providers import http as operator_http
from providers.bus.fare_table import FareTable
from providers.errors import RefusedError, UnreachableError
from providers.port import Provider
from providers.registry import open_provider
from providers.stanza import ProviderStanza
from providers.values import LegOrder, QuoteRequest, ReservationState, Usage
from tests.providers.city import bike_order, bus_order, car_order
from tests.providers.conformance import Case, ProviderConformance, RentalConformance, now
from tests.providers.sandboxes import TOKEN, Sandbox, run_sandbox


def adapter(stanza: ProviderStanza, url: str, http: httpx.AsyncClient) -> Provider:
    return open_provider(stanza, base_url=url, token=TOKEN, http=http, fares=None)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        yield client


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second counts as too late."""
    monkeypatch.setattr(operator_http.Deadline.__init__, "__defaults__", (0.5,))


class TestBus(ProviderConformance):
    @pytest.fixture
    def case(
        self, stanzas: dict[str, ProviderStanza], fares: FareTable, http: httpx.AsyncClient
    ) -> Case:
        office = open_provider(
            stanzas["demo-bus"],
            base_url=None,
            token=None,
            http=http,
            fares=fares,
        )

        def order(key: str) -> LegOrder:
            wanted = bus_order(key)
            quote = office.quote(
                QuoteRequest(wanted.mode, wanted.departs_at, Usage(12, 0), product=wanted.product)
            )
            return replace(wanted, price=quote.price, tariff_version=quote.tariff_version)

        first = order("")
        return Case(office, lambda key: replace(first, key=key))


class TestBike(RentalConformance):
    @pytest.fixture
    def case(self, bikes: Sandbox, http: httpx.AsyncClient) -> Case:
        first = bike_order("")
        provider = adapter(bikes.stanza, bikes.url, http)
        return Case(provider, lambda key: replace(first, key=key), bikes)


class TestCar(RentalConformance):
    @pytest.fixture
    def case(self, cars: Sandbox, http: httpx.AsyncClient) -> Case:
        first = car_order("")
        provider = adapter(cars.stanza, cars.url, http)
        return Case(provider, lambda key: replace(first, key=key), cars)


async def test_the_operator_remembers_across_a_restart(
    stanzas: dict[str, ProviderStanza], city_folder: Path, http: httpx.AsyncClient
):
    stanza, state = stanzas["demo-rad"], city_folder / "rad.sqlite"
    order = bike_order("leg_1")
    with run_sandbox(stanza, city_folder, state) as sandbox:
        await adapter(stanza, sandbox.url, http).hold(order, now())
    with run_sandbox(stanza, city_folder, state) as sandbox:
        found = await adapter(stanza, sandbox.url, http).find_reservation(order, now())
    assert found is not None
    assert found.state is ReservationState.HELD


async def test_nobody_there_is_unreachable(
    stanzas: dict[str, ProviderStanza], http: httpx.AsyncClient
):
    provider = adapter(stanzas["demo-rad"], "http://127.0.0.1:9", http)
    order = bike_order("leg_1")
    for step in (provider.hold, provider.confirm, provider.cancel, provider.find_reservation):
        with pytest.raises(UnreachableError):
            await step(order, now())


async def test_a_wrong_token_is_refused(bikes: Sandbox, http: httpx.AsyncClient):
    provider = open_provider(bikes.stanza, base_url=bikes.url, token="wrong", http=http, fares=None)
    with pytest.raises(RefusedError, match="401"):
        await provider.confirm(bike_order("leg_1"), now())
