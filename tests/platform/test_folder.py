import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from mobility.embedded.checks import check_settings, polls_alone, same_instance
from mobility.embedded.environment import given_environment, is_all_given, settings_in
from mobility.embedded.folder import Secrets, find_running, open_data_folder
from mobility.embedded.process import EmbeddedError
from mobility.settings import Settings


def test_secrets_are_made_once_and_readable_by_us_alone(tmp_path: Path):
    with open_data_folder(tmp_path / "data") as folder:
        first = folder.load_secrets()
        folder.save_secrets(first.with_operator_token("demo-rad"))
        second = folder.load_secrets()
    assert second.secret_key == first.secret_key
    assert second.stripe_api_key.startswith("sk_test_")
    assert second.with_operator_token("demo-rad") == second
    for name, mode in (("data", 0o700), ("data/secrets.json", 0o600), ("data/lock", 0o600)):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
    assert first.secret_key not in repr(first)


def test_a_folder_has_one_holder_and_is_free_again_after(tmp_path: Path):
    with (
        open_data_folder(tmp_path),
        pytest.raises(EmbeddedError, match="another instance"),
        open_data_folder(tmp_path),
    ):
        pass
    with open_data_folder(tmp_path):
        pass


def test_damaged_secrets_are_not_replaced(tmp_path: Path):
    with open_data_folder(tmp_path) as folder:
        (tmp_path / "secrets.json").write_text('{"secret_key": ')
        with pytest.raises(EmbeddedError, match=r"secrets\.json is damaged"):
            folder.load_secrets()


def test_an_unwritable_folder_says_which_variable_to_set(tmp_path: Path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(EmbeddedError, match="set MOBILITY_DATA"),
        open_data_folder(tmp_path / "file"),
    ):
        pass


def test_a_running_instance_is_found_and_a_dead_one_is_not(tmp_path: Path):
    assert find_running(tmp_path / "nowhere") is None
    with open_data_folder(tmp_path) as folder:
        assert find_running(tmp_path) is None
        folder.publish({"PORT": "8001"})
        assert find_running(tmp_path) == {"PORT": "8001"}
    assert find_running(tmp_path) is None


def test_settings_survive_the_way_through_the_environment(tmp_path: Path):
    settings = Settings().model_copy(
        update={
            "data": tmp_path,
            "city": str(tmp_path / "neustadt"),
            "database_url": "postgresql://db",
            "redis_url": "redis://live",
            "stripe_api_key": SecretStr("sk_test_1"),
            "provider_urls": {"demo-rad": "http://rad"},
            "provider_tokens": {"demo-rad": SecretStr("token")},
            "public_url": "https://mobil.example.org",
            "secret_key": SecretStr("k" * 32),
        }
    )
    with open_data_folder(tmp_path) as folder:
        environment = given_environment(settings, folder, Secrets())
    assert settings_in(environment, Settings()) == settings
    assert is_all_given(settings)
    assert settings_in(environment, Settings(city="luebeck")).city == settings.city
    assert not is_all_given(settings.model_copy(update={"redis_url": None}))


def test_a_running_instance_names_its_city_so_that_it_is_found_from_anywhere(tmp_path: Path):
    with open_data_folder(tmp_path) as folder:
        named = [
            given_environment(Settings(city=city), folder, Secrets())["MOBILITY_CITY"]
            for city in ("luebeck", "cities/neustadt")
        ]
    assert named == ["luebeck", str(Path.cwd() / "cities/neustadt")]


@pytest.mark.parametrize(
    ("changed", "prefix"),
    [
        ({}, ""),
        ({"port": 8001}, "PORT=8001 "),
        ({"port": 8001, "data": Path("/tmp/a b")}, "PORT=8001 MOBILITY_DATA='/tmp/a b' "),
    ],
)
def test_a_command_says_which_instance_it_means(changed: dict[str, object], prefix: str):
    assert same_instance(Settings().model_copy(update=changed)) == prefix


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"city": "atlantis"}, "MOBILITY_CITY: no city 'atlantis': there are"),
        ({"stripe_api_key": SecretStr("sk_live_x")}, "STRIPE_API_KEY is a live key"),
        ({"stripe_api_key": SecretStr("pk_test_x")}, "STRIPE_API_KEY is not a Stripe test key"),
    ],
)
def test_what_must_not_be_started_is_refused_at_once(changed: dict[str, object], said: str):
    settings = Settings().model_copy(update=changed)
    with pytest.raises(EmbeddedError, match=said):
        check_settings(settings)


def test_a_key_without_a_webhook_secret_polls_alone():
    none = Settings()
    key = none.model_copy(update={"stripe_api_key": SecretStr("sk_test_x")})
    both = key.model_copy(update={"stripe_webhook_secret": SecretStr("whsec_x")})
    assert [polls_alone(settings) for settings in (none, key, both)] == [False, True, False]
