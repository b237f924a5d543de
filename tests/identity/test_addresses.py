import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobility.identity.addresses import email_hash, read_address
from mobility.identity.errors import AddressRefusedError


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("anna@example.org", "anna@example.org"),
        ("  Anna.Hansen+Bus@Example.ORG ", "anna.hansen+bus@example.org"),
        ("otto@lübeck.example", "otto@xn--lbeck-kva.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_one_spelling(written: str, read: str):
    assert read_address(written) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "anna",
        "anna@",
        "@example.org",
        "anna@@example.org",
        "anna@example..org",
        "anna@-example.org",
        "an na@example.org",
        "anna@example.org\nBcc: otto@example.org",
        "anna@example.org, otto@example.org",
        "anna@example.org\x00",
        '"an@na"@example.org',
        "<anna@example.org>",
        "ännä@example.org",
        ".anna@example.org",
        "a" * 65 + "@example.org",
        "anna@" + "a." * 200 + "org",
        "anna@\ud800.org",
        "anna@" + "ü" * 60 + ".org",
    ],
)
def test_what_no_mail_can_be_sent_to_is_refused(text: str):
    with pytest.raises(AddressRefusedError):
        read_address(text)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_and_reading_again_changes_nothing(text: str):
    try:
        address = read_address(text)
    except AddressRefusedError:
        return
    assert read_address(address) == address
    assert address.isascii()
    assert address.isprintable()


def test_the_index_depends_on_the_key_and_does_not_show_the_address():
    first = email_hash(b"k" * 32, "anna@example.org")
    assert first == email_hash(b"k" * 32, "anna@example.org")
    assert first != email_hash(b"x" * 32, "anna@example.org")
    assert b"anna" not in first
