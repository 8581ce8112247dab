"""The only reader of the environment."""

from pathlib import Path

import pytest

from runtime.auth.clerk import check_clerk
from runtime.settings import SettingsError, from_environment, load, unknown
from runtime.settings.reading import variables


def faults_of(environ: dict[str, str]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load(environ, checks=[check_clerk])
    return {fault.name: fault.problem for fault in caught.value.faults}


def test_an_empty_environment_is_a_development_service_on_port_8000():
    settings = load({})
    assert (settings.environment, settings.port, settings.is_production) == ("development", 8000, False)


def test_railway_means_production():
    settings = load({"RAILWAY_ENVIRONMENT_NAME": "production", "CLERK_JWT_KEY": "x"})
    assert settings.is_production


def test_every_fault_is_told_at_once_by_name():
    found = faults_of({"PORT": "eighty", "LOG_LEVEL": "loud", "ANNEX_STRICT": "perhaps"})
    assert found == {
        "PORT": "expected a whole number",
        "LOG_LEVEL": "expected one of debug, info, warning, error",
        "ANNEX_STRICT": "expected true or false",
    }


def test_a_fault_never_shows_the_value():
    with pytest.raises(SettingsError) as caught:
        load({"PORT": "s3cret-value", "DATABASE_POOLER": "s3cret-value"})
    assert "s3cret" not in str(caught.value)


def test_production_without_clerk_is_refused_with_the_variable_to_copy():
    found = faults_of({"ANNEX_ENV": "production"})
    assert "copy NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY" in found["CLERK_PUBLISHABLE_KEY"]


def test_a_star_with_credentials_is_refused_with_the_cure():
    found = faults_of({"CORS_ORIGINS": "*", "CORS_CREDENTIALS": "true"})
    assert found["CORS_ORIGINS"].endswith("list the origins")


def test_an_origin_pattern_that_other_sites_can_match_is_refused():
    found = faults_of({"CORS_ORIGINS": "https://app-*.vercel.app"})
    assert "only you can claim" in found["CORS_ORIGINS"]


def test_the_name_that_the_next_app_uses_is_accepted():
    settings = load({"NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY": "pk_test_x"})
    assert settings.clerk.publishable_key == "pk_test_x"


def test_our_own_name_wins_over_the_next_apps():
    both = {"CLERK_PUBLISHABLE_KEY": "pk_a", "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY": "pk_b"}
    assert load(both).clerk.publishable_key == "pk_a"


def test_a_blank_variable_is_as_if_unset():
    assert load({"PORT": "  "}).port == 8000


def test_secrets_have_no_readable_text():
    settings = load({"DATABASE_URL": "postgres://u:hunter2@h/d", "CLERK_SECRET_KEY": "sk_test_hunter2"})
    assert "hunter2" not in repr(settings)


def test_a_port_out_of_range_is_refused():
    assert faults_of({"PORT": "70000"}) == {"PORT": "expected a port between 1 and 65535"}


def test_a_negative_number_is_refused():
    assert faults_of({"DATABASE_POOL_MAX": "-1"}) == {
        "DATABASE_POOL_MAX": "expected a number that is not negative"
    }


def test_a_redis_url_of_another_kind_is_refused():
    assert faults_of({"REDIS_URL": "http://cache"}) == {
        "REDIS_URL": "expected redis://, rediss:// or unix://"
    }


def test_a_sampling_share_over_one_is_refused():
    assert "OTEL_TRACES_SAMPLER_ARG" in faults_of({"OTEL_TRACES_SAMPLER_ARG": "7"})


def test_lists_are_split_at_commas():
    settings = load({"CORS_ORIGINS": " https://a.example , https://b.example,"})
    assert settings.cors.origins == ("https://a.example", "https://b.example")


def test_a_dotenv_file_lies_below_the_process_in_development(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text('# ours\nexport PORT="9001"\nOTEL_SERVICE_NAME=wing\nnonsense\n', "utf-8")
    settings = from_environment({"OTEL_SERVICE_NAME": "process", "ANNEX_ENV": "development"})
    assert (settings.port, settings.telemetry.service_name) == (9001, "process")


def test_a_dotenv_file_is_ignored_in_production(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("PORT=9001\n", "utf-8")
    settings = from_environment({"ANNEX_ENV": "production", "CLERK_JWT_KEY": "x", "PORT": "8000"})
    assert settings.port == 8000


def test_no_variable_is_declared_twice():
    names = [name for variable, _ in variables() for name in variable.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "name",
    ["ANNEX_MAX_CONCURRENCY", "ANNEX_MAX_CONNECTIONS", "DATABASE_POOL_MAX", "ANNEX_RUNS_TOTAL",
     "ANNEX_IMPORT_BUDGET", "DATABASE_QUERY_TIMEOUT", "ANNEX_ISOLATED_PROCESSES"],
)  # fmt: skip
def test_a_number_with_which_nobody_would_be_served_is_refused(name: str):
    with pytest.raises(SettingsError) as refusal:
        load({name: "0"})
    assert [fault.name for fault in refusal.value.faults] == [name]


def test_a_functions_folder_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("ANNEX_FUNCTIONS", "/nope")

    with pytest.raises(SettingsError) as refusal:
        from_environment()
    assert refusal.value.faults[0].name == "ANNEX_FUNCTIONS"
    assert "/nope" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "level"), [("warn", "warning"), ("WARN", "warning"), ("fatal", "error"), ("info", "info")]
)
def test_a_log_level_is_read_by_its_other_names(text: str, level: str):
    assert load({"LOG_LEVEL": text}).telemetry.log_level == level


def test_a_secret_that_can_be_guessed_is_refused_with_how_to_make_one():
    with pytest.raises(SettingsError) as refusal:
        load({"ANNEX_SECRET": "a"})
    assert "openssl rand" in refusal.value.faults[0].problem


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ANNEX_STRCT", "did you mean ANNEX_STRICT?"),
        ("ANNEX_WHATEVER", "no variable of that name"),
        ("CLERK_AUTHORISED_PARTIES", "did you mean CLERK_AUTHORIZED_PARTIES?"),
        ("DATABASE_POOLMAX", "did you mean DATABASE_POOL_MAX?"),
        ("CLERK_ENCRYPTION_KEY", ""),
        ("PATH", ""),
        ("ANNEX_STRICT", ""),
    ],
)
def test_a_variable_that_is_none_is_told_with_what_was_probably_meant(name: str, told: str):
    problems = [fault.problem for fault in unknown([name])]

    assert (told in problems[0]) if told else (problems == [])
