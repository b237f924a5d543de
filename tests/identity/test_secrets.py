from dataclasses import fields, replace

import pytest

from mobility.identity.secrets import derive_secrets

SECRET = "0123456789abcdef0123456789abcdef"


def test_each_purpose_has_a_key_of_its_own():
    secrets = derive_secrets(SECRET)
    keys = [getattr(secrets, field.name) for field in fields(secrets)]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}


def test_the_same_secret_gives_the_same_keys_on_every_replica():
    assert derive_secrets(SECRET) == derive_secrets(SECRET)
    assert derive_secrets(SECRET) != derive_secrets(SECRET + "x")


def test_another_epoch_of_tickets_changes_their_seed_and_nothing_else():
    first, second, third = (derive_secrets(SECRET, epoch) for epoch in range(3))
    assert first == derive_secrets(SECRET)
    assert len({s.ticket_signing_seed for s in (first, second, third)}) == 3
    assert replace(second, ticket_signing_seed=first.ticket_signing_seed) == first


def test_keys_are_not_printed():
    secrets = derive_secrets(SECRET)
    assert secrets.vault_key.hex() not in repr(secrets)
    assert repr(secrets.vault_key) not in repr(secrets)


def test_a_short_secret_is_refused_with_the_way_to_a_better_one():
    with pytest.raises(ValueError, match="openssl rand"):
        derive_secrets("hunter2")
