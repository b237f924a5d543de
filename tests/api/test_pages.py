"""The pages for people: nothing on them comes from another host, and they say the right thing."""

import re
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from mobility.api import docs, pages
from mobility.cities.city import City
from tests.api.conftest import make_client

FOREIGN = re.compile(r"""(?:src|href)=["']?(?:https?:)?//""")


@pytest.fixture
async def browser(city: City):
    app = FastAPI(docs_url=None, redoc_url=None)
    for module in (pages, docs):
        app.include_router(module.router)
    app.state.wiring = SimpleNamespace(city=city)
    async with make_client(app) as client:
        yield client


async def test_the_documentation_needs_nobody_else(browser: httpx.AsyncClient):
    page = await browser.get("/docs")
    parts = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert parts == ["docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/start.js"]
    assert not FOREIGN.search(page.text)
    assert "script-src 'self';" in page.headers["content-security-policy"]
    for part in parts:
        assert (await browser.get(f"/{part}")).status_code == 200
    assert "validatorUrl: null" in (await browser.get("/docs/start.js")).text


@pytest.mark.parametrize("name", ["nothing.js", "..%2fcore.py", "favicon.png"])
async def test_only_what_the_page_needs_is_served(browser: httpx.AsyncClient, name: str):
    assert (await browser.get(f"/docs/{name}")).status_code == 404


async def test_the_first_page_says_what_this_is_and_whose_data(browser: httpx.AsyncClient):
    page = await browser.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r'href="(.*?)"', page.text) == [
        "docs",
        "healthz",
        "openapi.json",
        "https://www.openstreetmap.org/copyright",
        "https://gtfs.de/",
    ]
    assert "<h1>Mobilität in Lübeck</h1>" in page.text
    assert "© OpenStreetMap contributors</a>, ODbL 1.0" in page.text


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("", "Danke, das war’s hier."),
        ("?setup=card", "Danke, das war’s hier."),
        (
            "?payment_intent=pi_1&payment_intent_client_secret=s&redirect_status=succeeded",
            "Danke, deine Bank hat die Zahlung freigegeben.",
        ),
        ("?redirect_status=failed", "Die Zahlung ist nicht freigegeben."),
        ("?redirect_status=<script>", "Die Zahlung ist nicht freigegeben."),
    ],
)
async def test_the_way_back_says_what_happened(browser: httpx.AsyncClient, query: str, title: str):
    page = await browser.get(f"/payment-done{query}")
    assert f"<h1>{title}</h1>" in page.text
    assert "<script>" not in page.text
    assert ("Zahlungsmitteln" in page.text) is ("setup" in query)
    assert page.headers["referrer-policy"] == "no-referrer"
