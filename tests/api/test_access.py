import pytest
from sqlalchemy import delete, select

from mobility.db import transaction
from mobility.identity import tables
from mobility.identity.provider_keys import revoke_keys
from mobility.identity.roles import Role
from mobility.identity.tokens import RiderIdentity, issue_access_token
from providers.values import ProviderId
from tests.api.conftest import START, World

RIDER_PATHS = ["/v1/trial/rider", "/v1/trial/finance", "/v1/trial/staff", "/v1/me"]


async def test_without_a_token_401_asks_for_one(world: World):
    for path in (*RIDER_PATHS, "/v1/trial/provider"):
        answer = await world.client.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert body.pop("instance").startswith("urn:request:")
        assert body == {"type": "/problems/not-signed-in", "title": "Not signed in", "status": 401}


NOT_TOKENS = [
    b"Bearer x",
    b"Bearer a.b.c",
    b"Bearer mpk_invented",
    b"Bearer ",
    b"Basic YW5uYTphbm5h",
    b"Bearer \xff\xfe",
    b"x" * 5000,
]


async def test_a_token_that_is_none_is_401_also_where_none_is_needed(world: World):
    for path in (*RIDER_PATHS, "/v1/trial/optional", "/v1/trial/provider"):
        for header in NOT_TOKENS:
            answer = await world.client.get(path, headers={"Authorization": header})
            assert answer.status_code == 401, (path, header)
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_of_another_installation_or_time_is_401(world: World):
    mine = await world.sign_in()
    assert (await world.client.get("/v1/trial/rider", headers=mine)).status_code == 200
    rider = RiderIdentity("rdr_anna", frozenset({Role.STAFF}))
    forged = {"Authorization": f"Bearer {issue_access_token(b'x' * 32, rider, START)}"}
    assert (await world.client.get("/v1/trial/staff", headers=forged)).status_code == 401
    world.pass_time(minutes=15)
    late = await world.client.get("/v1/trial/rider", headers=mine)
    assert late.status_code == 401
    assert late.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.RIDER, {"rider", "optional"}),
        (Role.FINANCE, {"rider", "optional", "finance"}),
        (Role.STAFF, {"rider", "optional", "staff"}),
    ],
)
async def test_each_role_opens_its_own_doors(world: World, role: Role, allowed: set[str]):
    mine = await world.sign_in(role=role)
    for door in ("rider", "optional", "finance", "staff"):
        answer = await world.client.get(f"/v1/trial/{door}", headers=mine)
        assert answer.status_code == (200 if door in allowed else 403), door
        if door not in allowed:
            assert answer.json()["type"] == "/problems/role-missing"
            assert answer.json()["role"] == door
    assert (await world.client.get("/v1/trial/provider", headers=mine)).status_code == 401


async def test_a_role_that_is_withdrawn_is_gone_with_the_next_request(world: World):
    mine = await world.sign_in(role=Role.FINANCE)
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(delete(tables.role_grant))
    assert (await world.client.get("/v1/trial/finance", headers=mine)).status_code == 403


async def test_a_token_with_fewer_roles_stays_with_them(world: World):
    await world.sign_in(role=Role.FINANCE)
    async with transaction(world.wiring.engine) as tx:
        rider_id = (await tx.execute(select(tables.rider.c.id))).scalar_one()
    less = RiderIdentity(rider_id, frozenset({Role.RIDER}))
    token = issue_access_token(world.wiring.secrets.token_signing_key, less, world.now)
    answer = await world.client.get(
        "/v1/trial/finance", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 403


async def test_an_erased_riders_token_is_dead_at_once(world: World):
    mine = await world.sign_in()
    assert (await world.client.delete("/v1/me", headers=mine)).status_code == 204
    for path in ("/v1/me", "/v1/trial/rider", "/v1/trial/optional", "/v1/me/export"):
        assert (await world.client.get(path, headers=mine)).status_code == 401
    assert (await world.client.delete("/v1/me", headers=mine)).status_code == 401


async def test_a_provider_is_known_by_its_key_and_by_nothing_else(world: World):
    rad, auto = await world.provider_key("demo-rad"), await world.provider_key("demo-auto")
    who = [await world.client.get("/v1/trial/provider", headers=key) for key in (rad, auto)]
    assert [answer.json() for answer in who] == ["demo-rad", "demo-auto"]
    assert (await world.client.get("/v1/trial/rider", headers=rad)).status_code == 401
    async with transaction(world.wiring.engine) as tx:
        await revoke_keys(tx, ProviderId("demo-rad"), world.now)
    assert (await world.client.get("/v1/trial/provider", headers=rad)).status_code == 401
    assert (await world.client.get("/v1/trial/provider", headers=auto)).status_code == 200


async def test_another_riders_things_are_404(world: World):
    anna, otto = await world.sign_in("anna@example.org"), await world.sign_in("otto@example.org")
    held = await world.client.post("/v1/me/passes", json={"kind": "wertmarke"}, headers=anna)
    await world.client.post("/v1/me/payment-methods", headers=anna)
    await world.client.post("/v1/me/payment-methods", headers=otto)
    card = (await world.client.get("/v1/me/payment-methods", headers=anna)).json()
    card_id = card["payment_methods"][0]["id"]
    for path in (f"/v1/me/passes/{held.json()['id']}", f"/v1/me/payment-methods/{card_id}"):
        answer = await world.client.delete(path, headers=otto)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
        assert (await world.client.delete(path, headers=anna)).status_code == 204
        assert (await world.client.delete(path, headers=anna)).status_code == 404


async def test_ids_that_are_none_are_4xx(world: World):
    mine = await world.sign_in()
    await world.client.post("/v1/me/payment-methods", headers=mine)
    for item in ("%00", "%ED%A0%80", "..%2F..%2Fetc", "x" * 4000, "%F0%9F%9A%B2", "'--", "%25s"):
        for path in ("/v1/me/passes", "/v1/me/payment-methods"):
            answer = await world.client.delete(f"{path}/{item}", headers=mine)
            assert answer.status_code in {404, 422}, (path, item)
            assert answer.headers["content-type"] == "application/problem+json"
    key = {**mine, "Idempotency-Key": "x" * 256}
    assert (await world.client.post("/v1/me/payment-methods", headers=key)).status_code == 422
