"""What an operator lets its rider show or open reaches us byte by byte, with what it is."""

import json
from typing import Any

import pytest

from providers.tomp.reading import read_leg
from providers.tomp.v1_6 import Leg
from providers.values import AccessFormat, ReservationState
from tests.providers.city import bike_order

ORDER = bike_order("leg_1")


def read(token: object) -> tuple[str | None, AccessFormat, bool]:
    """A confirmed leg with this token, by way of the wire."""
    wire = json.loads(json.dumps({"id": "leg_1", "assetAccessData": token}))
    found = read_leg(ORDER, ReservationState.CONFIRMED, Leg.model_validate(wire), ())
    return found.access_code, found.access_format, found.access_base64


def token(kind: str, **data: Any) -> dict[str, object]:
    return {
        "validFrom": "2026-11-25T08:00:00Z",
        "validUntil": "2026-11-25T10:00:00Z",
        "tokenType": kind,
        "tokenData": {"tokenType": kind, **data},
    }


ODD = ["4711", "  a \n", "Grüße 🎫\u202e", "\x00\x7f\x80\xff", "a\\0b", "x" * 8000]


@pytest.mark.parametrize("code", ODD, ids=range(len(ODD)))
def test_a_code_is_taken_as_it_comes(code: str):
    assert read(token("tokenDefault", accessCode=code)) == (code, AccessFormat.CODE, False)


@pytest.mark.parametrize("method", ["QR", "AZTEC", "BARCODE", "DEEPLINK", "CODE"])
def test_an_agreed_code_says_what_it_is(method: str):
    sent = token("tokenDefault", accessCode="//79AA==", accessMethod=method, encoding="base64")
    assert read(sent) == ("//79AA==", AccessFormat(method), True)


def test_tokens_of_the_standard():
    assert read(token("tokenQR", base64="iVBORw0KGgo=\n")) == (
        "iVBORw0KGgo=\n",
        AccessFormat.QR,
        True,
    )
    url = "operator.app://open/?auth=a%20b&c=ü"
    assert read(token("tokenDeeplink", url=url)) == (url, AccessFormat.DEEPLINK, False)


@pytest.mark.parametrize(
    "sent",
    [
        None,
        token("tokenDefault"),
        token("tokenDefault", url="https://operator.example/ticket.pdf"),
        token("tokenEKey", ekey={"key": "k"}, lock={"deviceName": "d"}),
        token("tokenDefault", accessCode="1", accessMethod="OVC"),
        token("tokenDefault", accessCode='{"tid": "mine"}', accessMethod="TICKET"),
        {"tokenType": "tokenQR"},
    ],
    ids=range(7),
)
def test_what_we_cannot_show_is_none(sent: object):
    assert read(sent)[0] is None


@pytest.mark.parametrize("code", ["", "x" * 8001, 5, ["a"], "\ud800"], ids=range(5))
def test_a_code_that_is_none_spoils_the_answer(code: object):
    with pytest.raises(ValueError, match="accessCode"):
        Leg.model_validate({"assetAccessData": token("tokenDefault", accessCode=code)})
