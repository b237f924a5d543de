import re

import httpx

from tests.api.conftest import World, make_client

CODES = "/v1/auth/codes"
TOKENS = "/v1/auth/tokens"
ANNA = "anna@example.org"


async def ask(world: World, email: str = ANNA) -> str:
    before = len(world.mails())
    answer = await world.client.post(CODES, json={"email": email})
    assert (answer.status_code, answer.json()) == (202, {"expires_in": 600})
    [mail] = world.mails()[before:]
    found = re.search(rb"lautet (\d{6})", mail)
    assert found
    return found[1].decode()


async def redeem(client: httpx.AsyncClient, code: str, email: str = ANNA) -> httpx.Response:
    return await client.post(TOKENS, json={"email": email, "code": code})


async def test_sign_in_by_an_emailed_code(world: World):
    code = await ask(world, "Anna@Example.org")
    answer = await redeem(world.client, code)
    assert answer.status_code == 200
    tokens = answer.json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    me = await world.client.get(
        "/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    assert me.json()["email"] == ANNA
    assert me.headers["cache-control"] == "no-store"


async def test_what_a_grant_lacks_is_said_of_that_grant(world: World):
    for body, field in (
        ({"email": ANNA}, "body.code"),
        ({"refresh_token": ""}, "body.refresh_token"),
    ):
        answer = await world.client.post(TOKENS, json=body)
        assert answer.status_code == 422
        assert [item["field"] for item in answer.json()["errors"]] == [field]


async def test_a_stranger_cannot_learn_who_has_an_account(world: World):
    await world.sign_in(ANNA)
    known = await world.client.post(CODES, json={"email": ANNA})
    unknown = await world.client.post(CODES, json={"email": "otto@example.org"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    wrong = [await redeem(world.client, "000000", email) for email in (ANNA, "otto@example.org")]
    assert {answer.status_code for answer in wrong} <= {200, 401}
    assert len({answer.json().get("type") for answer in wrong}) == 1


async def test_guessing_ends_after_five_tries(world: World):
    code = await ask(world)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(5):
        answer = await redeem(world.client, wrong)
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/sign-in-refused")
    assert (await redeem(world.client, code)).status_code == 401


async def test_a_refresh_token_works_once_and_its_return_ends_the_session(world: World):
    first = (await redeem(world.client, await ask(world))).json()["refresh_token"]
    world.pass_time(minutes=20)

    async def refresh(token: str) -> httpx.Response:
        return await world.client.post(TOKENS, json={"refresh_token": token})

    second = await refresh(first)
    assert second.status_code == 200
    assert (await refresh(first)).status_code == 401
    assert (await refresh(second.json()["refresh_token"])).status_code == 401


async def test_signing_out_ends_all_sessions(world: World):
    tokens = (await redeem(world.client, await ask(world))).json()
    mine = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await world.client.delete(TOKENS, headers=mine)).status_code == 204
    again = await world.client.post(TOKENS, json={"refresh_token": tokens["refresh_token"]})
    assert again.status_code == 401


async def test_codes_are_limited_by_address_whoever_asks(world: World):
    for number in range(5):
        async with make_client(world.app, f"198.51.100.{number}") as other:
            assert (await other.post(CODES, json={"email": ANNA})).status_code == 202
    async with make_client(world.app, "198.51.100.9") as other:
        answer = await other.post(CODES, json={"email": " ANNA@example.org"})
    assert (answer.status_code, answer.json()["type"]) == (429, "/problems/too-many-requests")
    assert int(answer.headers["retry-after"]) == 720
    world.pass_time(seconds=721)
    assert (await world.client.post(CODES, json={"email": ANNA})).status_code == 202


async def test_codes_are_limited_by_client_whomever_they_go_to(world: World):
    statuses = [
        (await world.client.post(CODES, json={"email": f"a{n}@example.org"})).status_code
        for n in range(21)
    ]
    assert statuses == [202] * 20 + [429]


NOT_ADDRESSES: list[object] = [
    {},
    {"email": "anna"},
    {"email": "anna@example.org\nBcc: x@example.org"},
    {"email": ["anna@example.org"]},
    {"email": None},
    {"email": "a" * 5000},
    {"email": "anna@example.org", "admin": True},
    [],
    None,
    "anna@example.org",
]
NOT_GRANTS: list[object] = [
    {"email": ANNA},
    {"email": ANNA, "code": 123456},
    {"email": ANNA, "code": "12345"},
    {"email": ANNA, "code": "1234567"},
    {"email": ANNA, "code": "١٢٣٤٥٦"},
    {"email": ANNA, "code": "123456\n"},
    {"refresh_token": ""},
    {"refresh_token": "x" * 5000},
    {"refresh_token": "x", "email": ANNA, "code": "123456"},
    {},
]


async def test_what_is_no_address_or_no_grant_is_422(world: World):
    for path, bodies in ((CODES, NOT_ADDRESSES), (TOKENS, NOT_GRANTS)):
        for body in bodies:
            answer = await world.client.post(path, json=body)
            assert (answer.status_code, answer.headers["content-type"], answer.json()["type"]) == (
                422,
                "application/problem+json",
                "/problems/invalid-request",
            ), body
    assert world.mails() == []


async def test_half_a_surrogate_is_422(world: World):
    for path, text in (
        (CODES, rb'{"email": "\ud800@example.org"}'),
        (TOKENS, rb'{"refresh_token": "\ud800"}'),
    ):
        answer = await world.client.post(
            path, content=text, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422
        assert answer.json()["status"] == 422
