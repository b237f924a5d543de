from hypothesis import given
from hypothesis import strategies as st

from mobility.identity.pseudonyms import provider_pseudonym
from providers.values import ProviderId

KEY = b"k" * 32
ids = st.text(min_size=1, max_size=12)


@given(ids, ids, ids, ids)
def test_a_pair_has_one_name_and_no_other_pair_has_it(a: str, b: str, c: str, d: str):
    first, second = (provider_pseudonym(KEY, ProviderId(p), r) for p, r in ((a, b), (c, d)))
    assert (first == second) == ((a, b) == (c, d))


def test_the_name_says_nothing_and_depends_on_the_secret():
    name = provider_pseudonym(KEY, ProviderId("demo-rad"), "rdr_anna")
    assert name.startswith("rp_")
    assert len(name) == 35
    assert "anna" not in name
    assert name != provider_pseudonym(b"x" * 32, ProviderId("demo-rad"), "rdr_anna")
