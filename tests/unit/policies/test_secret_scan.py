"""What the scan finds in bytes that are about to be sealed, and what it leaves alone."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from floe_compiler.freeze.secrets import SHAPES, credentials_in, find_leaks

PRODUCTS = Path(__file__).parent.parent.parent.parent / "fixtures" / "products"
HEX, LETTERS = "0123456789abcdef" * 4, "aB3" * 40
# Put together here, so that no other scanner takes this file for a leak.
TOKENS = {
    "an AWS access key": ["AKIA" + "Q3EGRYESALTWATER", "ASIA" + "Q3EGRYESALTWATER"],
    "an AWS secret key": [
        "aws_secret_access_key = " + LETTERS[:40],
        "set s3_secret_access_key='" + LETTERS[:39] + "/'",
        'AWS_SECRET_ACCESS_KEY: \\"' + LETTERS[:40] + '\\"',
    ],
    "an Azure storage key": ["DefaultEndpointsProtocol=https;AccountKey=" + LETTERS[:86] + "=="],
    "a Google API key": ["AIza" + LETTERS[:35]],
    "a GitHub token": ["gh" + kind + "_" + LETTERS[:36] for kind in "pousr"] + ["github_" + "pat_" + LETTERS[:60]],
    "a GitLab token": ["glpat" + "-" + LETTERS[:20]],
    "a Slack token": ["xox" + kind + "-" + "123456789012-" + LETTERS[:24] for kind in "abp"],
    "a Databricks token": ["dapi" + HEX[:32], "dapi" + HEX[:32] + "-2"],
    "a dbt Cloud token": ["dbtc_" + LETTERS[:30], "dbtu_" + LETTERS[:30]],
    "a Vault token": ["hvs." + LETTERS[:30]],
    "a private key": ["-----BEGIN " + kind + "PRIVATE KEY-----" for kind in ("", "RSA ", "OPENSSH ", "ENCRYPTED ")],
    "a JSON web token": ["eyJ" + LETTERS[:20] + ".eyJ" + LETTERS[:40] + "." + LETTERS[:43]],
    "a password in an address": ["postgres://baker:" + "rye-and-salt@ovens.example:5432/loaves"],
}
INNOCENT = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "select * from akia",
    "aws_secret_access_key: \"{{ env_var('DBT_ENV_SECRET_LAKE') }}\"",
    "s3_secret_access_key",
    "https://user:{{ env_var('DBT_ENV_SECRET_GIT') }}@git.example/packages.git",
    "https://user:$PASSWORD_OF_GIT@git.example/packages.git",
    "https://ovens.example:5432/loaves@rye",
    "dbtc_" + "customers_by_country_and_day",
    "ghost_writers_of_the_nineteenth_century_and_after",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "hvs.example",
    "xox-o",
    HEX,
]
CREDENTIAL = 'Rye&Salt "4711"/ü'


def found(content: str | bytes, environ: dict[str, str] | None = None, path: str = "a.sql") -> list[tuple[str, int]]:
    given = content.encode() if isinstance(content, str) else content
    return [(leak.what, leak.line) for leak in find_leaks({path: given}, environ or {})]


def test_every_shape_has_its_examples() -> None:
    assert TOKENS.keys() == {shape.what for shape in SHAPES}


@pytest.mark.parametrize(("what", "token"), [(what, token) for what, tokens in TOKENS.items() for token in tokens])
def test_a_token_is_found_at_its_line_in_text_and_in_json(what: str, token: str) -> None:
    assert found(f"select 1\n-- {token}\n") == [(what, 2)]
    assert found(json.dumps({"raw_code": f"'{token}'"})) == [(what, 1)]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_looks_like_a_token_is_left_alone(text: str) -> None:
    assert found(f"-- {text}\n") == []


def test_a_token_that_stands_in_a_file_twice_is_told_once_at_its_first_place() -> None:
    token = TOKENS["a Vault token"][0]
    assert found(f"\n{token}\n{token}") == [("a Vault token", 2)]


def test_the_products_of_this_repository_hold_no_secrets() -> None:
    files = {str(path): path.read_bytes() for path in PRODUCTS.rglob("*") if path.is_file()}
    assert [str(leak) for leak in find_leaks(files, {})] == []


@pytest.mark.parametrize(
    "written",
    [
        CREDENTIAL,
        json.dumps(CREDENTIAL, ensure_ascii=False),
        "https://x.example/?key=Rye%26Salt%20%224711%22%2F%C3%BC",
    ],
)
def test_the_value_of_a_credential_is_found_as_it_is_in_json_and_in_addresses(written: str) -> None:
    expected = [("the value of the environment variable OVEN_PASSWORD", 2)]
    assert found(f"select\n{written}", {"OVEN_PASSWORD": CREDENTIAL}) == expected


def test_values_that_are_not_text_are_compared_too() -> None:
    assert found(b"select '\xff\xfe-rye-and-salt'", {"OVEN_TOKEN": "\udcff\udcfe-rye-and-salt"})


@pytest.mark.parametrize("name", ["DB_PASSWORD", "PGPASSWORD", "MYSQL_PWD", "DB_PASS", "github_token", "CLIENT_SECRET"])
@pytest.mark.parametrize("more", ["", "_2", "_DBT_ENV_SECRET_X"])
def test_these_are_names_of_credentials(name: str, more: str) -> None:
    assert credentials_in({name + more: "Rye-4711-Salt"})


@pytest.mark.parametrize("name", ["KEY", "API_KEY", "STRIPE_APIKEY", "CREDENTIALS", "BASIC_AUTH", "KEY_PASSPHRASE"])
def test_and_these(name: str) -> None:
    assert credentials_in({name: "Rye-4711-Salt"})


@pytest.mark.parametrize(
    "name", ["PWD", "OLDPWD", "SSH_AUTH_SOCK", "PATH", "KEYBOARD", "MONKEY", "AUTHOR", "COMPASS", "PASSENGERS", "HOME"]
)
def test_these_are_not(name: str) -> None:
    assert credentials_in({name: "Rye-4711-Salt"}) == {}


@pytest.mark.parametrize(
    "value", ["", "short", "postgres", "PRODUCTION", "86400000", "customer_id", "xxxxxxxxxxxxxxxx"]
)
def test_a_mere_word_or_number_is_no_credential(value: str) -> None:
    assert credentials_in({"TOKEN": value}) == {}


@pytest.mark.parametrize("value", ["correct-horse-battery-staple", "Tr0ub4dor&3", "1234567890123456", "hunter2hunter2"])
def test_a_longer_or_mixed_value_is_one(value: str) -> None:
    assert credentials_in({"TOKEN": value}) == {"TOKEN": value}


def test_a_leak_does_not_show_the_secret() -> None:
    (leak,) = find_leaks({"a.sql": CREDENTIAL.encode()}, {"OVEN_PASSWORD": CREDENTIAL})
    assert "4711" not in repr(leak) and "4711" not in str(leak)


def test_a_manifest_of_a_thousand_models_is_scanned_in_a_moment() -> None:
    """0.15 s of 14.7 MB on the machine where it was measured; the bound leaves room for slower ones."""
    node = json.dumps(
        {"raw_code": "select id, name from {{ ref('stg') }} where day > '2026-01-01'" * 20, "path": "a/b.sql"}
    )
    manifest = node.encode() * (14_700_000 // len(node))
    credentials = {f"SERVICE_{n}_TOKEN": f"rye-{n}-and-{n * 7919}-salt" for n in range(10)}
    before = time.process_time()
    assert list(find_leaks({"manifest.json": manifest}, credentials)) == []
    assert time.process_time() - before < 1.5
