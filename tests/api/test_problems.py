import json
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from mobility.api.errors import BY_STATUS, TABLE, find_problem
from mobility.api.limits import BODY_LIMIT_BYTES, LARGER_BODIES
from providers.errors import ExpiredError, OutcomeUnknownError, RefusedError, UnavailableError
from tests.api.conftest import World

JSON = {"Content-Type": "application/json"}


def shown(answer: httpx.Response) -> tuple[int, str, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["instance"] == f"urn:request:{answer.headers['x-request-id']}"
    return answer.status_code, body["type"], body.get("detail", "")


async def test_what_is_not_there_is_a_problem_too(client: httpx.AsyncClient):
    assert shown(await client.get("/v1/nowhere")) == (404, "/problems/not-found", "")
    answer = await client.put("/v1/trial/echo")
    assert shown(answer) == (405, "/problems/method-not-allowed", "")
    assert answer.headers["allow"] == "POST"


NOT_JSON = [
    b"{",
    b"\x00",
    b"\xff\xfe",
    b"{'a': 1}",
    b'{"a": 1} trailing',
    b'{"a": ' + b"9" * 5000 + b"}",
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
]


async def test_json_that_is_none_is_400(client: httpx.AsyncClient):
    for body in NOT_JSON:
        status, kind, _ = shown(await client.post("/v1/trial/echo", content=body, headers=JSON))
        assert (status, kind) == (400, "/problems/malformed-request"), body[:40]


async def test_fields_that_are_wrong_are_listed(client: httpx.AsyncClient):
    answer = await client.post("/v1/trial/echo", json={"lat": "north", "lon": 10.7, "ele": None})
    assert answer.status_code == 422
    assert [item["field"] for item in answer.json()["errors"]] == ["body.lat", "body.ele"]
    assert "north" not in answer.text, "what was sent is not sent back"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobility.api.limits.LINGER_S", 0)


@pytest.mark.usefixtures("at_once")
async def test_a_body_whose_told_length_is_too_much_is_413_and_not_read(
    client: httpx.AsyncClient,
):
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"x"

    answer = await client.post(
        "/v1/trial/raw", content=body(), headers={"Content-Length": "104857600"}
    )
    assert shown(answer)[:2] == (413, "/problems/body-too-large")
    assert answer.headers["connection"] == "close"
    assert read == 0


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("path", ["/v1/trial/raw", "/v1/trial/echo"])
async def test_a_body_of_untold_length_is_read_as_far_as_the_limit(
    client: httpx.AsyncClient, path: str
):
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 100_000
            yield b" " * 100_000

    answer = await client.post(path, content=body(), headers=JSON)
    assert shown(answer)[:2] == (413, "/problems/body-too-large")
    assert read <= BODY_LIMIT_BYTES + 200_000


async def test_a_client_that_sends_to_the_end_before_it_reads_gets_its_answer(
    client: httpx.AsyncClient,
):
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(40):
            read += 100_000
            yield b" " * 100_000

    answer = await client.post("/v1/trial/echo", content=body(), headers=JSON)
    assert shown(answer)[:2] == (413, "/problems/body-too-large")
    assert read == 4_000_000


async def test_a_providers_snapshot_may_be_larger(client: httpx.AsyncClient):
    limit = LARGER_BODIES["/v1/provider/"]
    assert (await client.put("/v1/provider/raw", content=b"x" * limit)).json() == limit
    assert (await client.put("/v1/provider/raw", content=b"x" * (limit + 1))).status_code == 413
    assert (await client.post("/v1/trial/raw", content=b"x" * BODY_LIMIT_BYTES)).status_code == 200


async def test_a_length_that_is_none_is_no_500(client: httpx.AsyncClient):
    for length in ("x", "-1", "9" * 400, "1e9", "0x10", "²"):
        headers = {"Content-Length": length.encode()}
        answer = await client.post("/v1/trial/raw", content=b"abc", headers=headers)
        assert answer.status_code in {200, 413}, length


async def test_what_nobody_foresaw_is_a_500_that_tells_the_log_and_not_the_client(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
):
    answer = await client.get("/v1/trial/boom/anna?lat=53.86&lon=10.68")
    assert shown(answer)[:2] == (500, "/problems/internal-error")
    assert "secret" not in answer.text
    [record] = [item for item in caplog.records if item.levelno == logging.ERROR]
    assert answer.headers["x-request-id"] in record.getMessage()
    assert record.exc_info is not None
    assert "53.86" not in caplog.text


async def test_the_access_log_has_templates_only(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "mobility.access")
    await client.get("/v1/trial/boom/a-ticket?fromPlace=53.86,10.68")
    await client.get("/v1/nowhere/53.86,10.68")
    lines = [item.getMessage() for item in caplog.records if item.name == "mobility.access"]
    assert [line.split(" ")[:3] for line in lines] == [
        ["GET", "/v1/trial/boom/{thing}", "500"],
        ["GET", "unmatched", "404"],
    ]
    metrics = (await client.get("/metrics")).text
    assert "/v1/trial/boom/{thing}" in metrics
    for text in ("a-ticket", "53.86"):
        assert text not in "".join(lines) + metrics


async def test_a_request_keeps_the_id_it_comes_with_if_it_is_one(client: httpx.AsyncClient):
    given = await client.get("/livez", headers={"X-Request-Id": "proxy-0123456789"})
    assert given.headers["x-request-id"] == "proxy-0123456789"
    for bad in ("short", "a b c d e f g h", "x" * 65, "<script>alert(1)"):
        answer = await client.get("/livez", headers={"X-Request-Id": bad})
        assert answer.headers["x-request-id"] != bad


async def test_the_nearest_class_decides():
    def slug(error: Exception) -> str:
        problem = find_problem(error)
        assert problem
        return problem.slug

    assert slug(UnavailableError("demo-rad", "gone")) == "vehicle-unavailable"
    assert slug(ExpiredError("demo-rad", "late")) == "hold-expired"
    assert slug(RefusedError("demo-rad", "no")) == "provider-refused"
    assert slug(OutcomeUnknownError("demo-rad", "silence")) == "outcome-unknown"
    assert find_problem(ZeroDivisionError()) is None


async def test_a_database_that_is_away_is_503_without_its_words(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    mine = await world.sign_in()

    def lost(*_: object) -> None:
        raise OperationalError("SELECT secret", {"email": "anna"}, Exception("no route to host"))

    monkeypatch.setattr("mobility.api.dependencies.get_roles", lost)
    answer = await world.client.get("/v1/me", headers=mine)
    assert shown(answer) == (503, "/problems/temporarily-unavailable", "")
    assert answer.headers["retry-after"] == "5"


async def test_each_type_is_a_link_that_explains_it(client: httpx.AsyncClient):
    listed = (await client.get("/problems")).json()["problems"]
    slugs = {problem.slug for problem in (*TABLE.values(), *BY_STATUS.values())}
    assert {item["type"] for item in listed} == {f"/problems/{slug}" for slug in slugs}
    for item in listed:
        assert (await client.get(item["type"])).json() == item
    assert (await client.get("/problems/invented")).status_code == 404


def test_a_slug_means_one_thing():
    meanings: dict[str, set[str]] = {}
    for problem in (*TABLE.values(), *BY_STATUS.values()):
        meanings.setdefault(problem.slug, set()).add(json.dumps([problem.status, problem.title]))
    assert {slug: found for slug, found in meanings.items() if len(found) > 1} == {}
