"""The rendered realm, held against Keycloak's own types, and its client at work with an OpenID provider.

No Keycloak runs here: a server that imports the file is not to be had from the registries that the tests reach.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from floe_compiler.builtin.identity.keycloak import KeycloakConfig, KeycloakIdentity
from floe_compiler.model.bundle import BundleHead
from tests.bundles import index_value
from tests.native import Case, cases
from tests.tool_environments import ROOT, node_folder

pytestmark = [pytest.mark.tools, pytest.mark.timeout(120)]

PROVIDER: Final = ROOT / "tests" / "tools" / "keycloak" / "provider.mjs"
REALMS: Final = [case for case in cases() if case.plugin == "keycloak"]
BROWSER: Final = Case("identity", "keycloak", "browser-login")
BACK: Final = "http://127.0.0.1:9000/back"
HOSTILE: Final = 'a "b" \\ ${HOME} ${OIDC_CLIENT_SECRET} $ {x} "secret": "" \\u0000 é 💡 </script>'


@pytest.mark.parametrize("case", REALMS, ids="/".join)
def test_keycloak_s_own_types_take_every_field(case: Case, tmp_path: Path) -> None:
    assert compiled(realm_file(case).read_text("utf-8"), tmp_path) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"serviceAccountsEnabled"', '"serviceAccountEnabled"'),
        ('"subGroups"', '"subgroups"'),
        ('"composites"', '"composedOf"'),
        ('"accessTokenLifespan": 900', '"accessTokenLifespan": "900"'),
    ],
)
def test_a_field_that_keycloak_does_not_have_would_be_found(right: str, wrong: str, tmp_path: Path) -> None:
    text = realm_file(BROWSER).read_text("utf-8")
    assert right in text
    assert "realm.ts" in compiled(text.replace(right, wrong), tmp_path)


@pytest.mark.parametrize("case", REALMS, ids="/".join)
def test_the_client_gets_a_token_with_the_secret_of_the_environment(case: Case) -> None:
    client, secret = client_of(case), secrets.token_urlsafe(24)
    with provider(case, secret) as issuer, httpx.Client() as http:
        known = http.get(f"{issuer}/.well-known/openid-configuration").json()
        assert known["issuer"] == issuer
        assert "client_credentials" in known["grant_types_supported"]
        granted = http.post(
            known["token_endpoint"], data={"grant_type": "client_credentials"}, auth=(client["clientId"], secret)
        )
        assert granted.status_code == 200, granted.text
        token = granted.json()
        assert token["token_type"] == "Bearer"
        assert token["expires_in"] == json.loads(realm_file(case).read_text())["accessTokenLifespan"]
        seen = http.post(
            known["introspection_endpoint"],
            data={"token": token["access_token"]},
            auth=(client["clientId"], secret),
        ).json()
        assert seen["active"] is True
        assert seen["client_id"] == client["clientId"]


@pytest.mark.parametrize("wrong", ["guessed", "${OIDC_CLIENT_SECRET}", "${UMBRELLA_DESK_SECRET}", ""])
def test_no_other_secret_opens(wrong: str) -> None:
    client = client_of(BROWSER)
    with provider(BROWSER, secrets.token_urlsafe(24)) as issuer:
        refused = httpx.post(
            f"{issuer}/token", data={"grant_type": "client_credentials"}, auth=(client["clientId"], wrong)
        )
    assert refused.status_code in (400, 401)
    assert refused.json()["error"] in ("invalid_client", "invalid_request")


def test_people_log_in_and_are_sent_back_to_a_redirect_uri_of_the_client() -> None:
    client, secret = client_of(BROWSER), secrets.token_urlsafe(24)
    verifier = secrets.token_urlsafe(48)
    with provider(BROWSER, secret) as issuer, httpx.Client(follow_redirects=False) as browser:
        back = logged_in(browser, issuer, client["clientId"], BACK, verifier)
        assert back.startswith(f"{BACK}?")
        answer = {key: values[0] for key, values in parse_qs(urlsplit(back).query).items()}
        assert answer["state"] == "umbrella"
        asked = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": BACK,
            "code_verifier": verifier,
        }
        granted = httpx.post(f"{issuer}/token", data=asked, auth=(client["clientId"], secret))
        assert granted.status_code == 200, granted.text
        claims = json.loads(unpadded(granted.json()["id_token"].split(".")[1]))
        assert (claims["iss"], claims["aud"], claims["sub"]) == (issuer, client["clientId"], "odile")
        again = httpx.post(f"{issuer}/token", data=asked, auth=(client["clientId"], secret))
        assert again.json()["error"] == "invalid_grant", "a code is good once"


def test_no_other_address_gets_a_code_and_none_is_given_without_a_challenge() -> None:
    client = client_of(BROWSER)
    with provider(BROWSER, secrets.token_urlsafe(24)) as issuer:
        asked = authorization(client["clientId"], "http://127.0.0.1:9001/back", "v" * 43)
        elsewhere = httpx.get(f"{issuer}/auth", params=asked)
        assert elsewhere.status_code == 400
        assert "redirect_uri" in elsewhere.text
        asked = authorization(client["clientId"], BACK, "v" * 43)
        del asked["code_challenge"], asked["code_challenge_method"]
        unchallenged = httpx.get(f"{issuer}/auth", params=asked)
        assert "error=invalid_request" in unchallenged.headers["location"]


def test_nobody_logs_in_by_browser_without_a_redirect_uri() -> None:
    case = Case("identity", "keycloak", "default")
    client = client_of(case)
    assert client["standardFlowEnabled"] is False
    with provider(case, secrets.token_urlsafe(24)) as issuer:
        refused = httpx.get(f"{issuer}/auth", params=authorization(client["clientId"], BACK, "v" * 43))
    assert refused.status_code == 400


def test_texts_come_through_keycloak_s_placeholders_unchanged(tmp_path: Path) -> None:
    group = {"name": "desk", "owner": {"name": HOSTILE, "email": ["a@b.example", "c@d.example"]}}
    manifest = {"groups": {"group.shop.desk": group}}
    head = BundleHead.model_validate(
        {
            **{key: value for key, value in index_value().items() if key in BundleHead.model_fields},
            "product": {"name": "shop", "version": "1.0.0", "description": HOSTILE},
        }
    )
    (content,) = KeycloakIdentity().render(KeycloakConfig(), head, {"dev": manifest}).values()
    text = content.decode()
    assert text.count("${") == 1, "the secret is the only placeholder"
    realm = json.loads(text.replace("${OIDC_CLIENT_SECRET}", "s3cret"))
    assert realm["clients"][0]["secret"] == "s3cret"
    assert realm["clients"][0]["description"] == HOSTILE
    desk = realm["groups"][0]["subGroups"][1]
    assert desk["attributes"] == {"owner.name": [HOSTILE], "owner.email": ["a@b.example", "c@d.example"]}
    assert compiled(text, tmp_path) == ""


@pytest.mark.parametrize("case", REALMS, ids="/".join)
def test_every_role_that_is_given_exists(case: Case) -> None:
    realm = json.loads(realm_file(case).read_text("utf-8"))
    client = client_of(case)["clientId"]
    roles = {role["name"]: role for role in realm["roles"]["client"][client]}
    (product,) = realm["groups"]
    holders = [product, *product["subGroups"], *realm["users"]]
    given = {role for holder in holders for role in holder["clientRoles"][client]}
    assert given == set(roles), "every role is given to somebody, and no other"
    assert set(roles["owner"]["composites"]["client"][client]) == set(roles) - {"owner"}
    assert [user["serviceAccountClientId"] for user in realm["users"]] == [client]
    assert realm_file(case).name == f"{realm['realm']}-realm.json", "Keycloak asks for this name"


@contextmanager
def provider(case: Case, secret: str) -> Iterator[str]:
    """The issuer of a running provider that knows the case's client."""
    variable = case.config.get("client_secret", {"secret": "OIDC_CLIENT_SECRET"})
    (name,) = variable.values()
    environment = {"PATH": os.environ["PATH"], "KEYCLOAK_TOOLS": str(node_folder("keycloak")), name: secret}
    with subprocess.Popen(
        ["node", PROVIDER, realm_file(case)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin and server.stdout and server.stderr
        try:
            issuer = server.stdout.readline().strip()
            assert issuer, server.stderr.read()
            yield issuer
        finally:
            server.kill()


def realm_file(case: Case) -> Path:
    (file,) = (case.folder / "expected").iterdir()
    return file


def client_of(case: Case) -> dict[str, Any]:
    realm = json.loads(realm_file(case).read_text("utf-8"))
    client: dict[str, Any]
    (client,) = realm["clients"]
    return client


def compiled(realm: str, folder: Path) -> str:
    """What TypeScript says of the realm, as a value of Keycloak's type for it; nothing if it is one."""
    tools = node_folder("keycloak") / "node_modules"
    types = tools / "@keycloak" / "keycloak-admin-client" / "lib" / "defs" / "realmRepresentation.js"
    source = folder / "realm.ts"
    source.write_text(f'import type Realm from "{types}";\nexport const realm: Realm = {realm};\n', "utf-8")
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck"]
    checked = subprocess.run(
        ["node", tools / "typescript" / "bin" / "tsc", *options, source.name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (checked.returncode == 0) == (checked.stdout == ""), checked.stderr
    return checked.stdout


def authorization(client: str, redirect: str, verifier: str) -> dict[str, str]:
    """What a browser asks with. Source: https://www.rfc-editor.org/rfc/rfc7636"""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return {
        "client_id": client,
        "response_type": "code",
        "scope": "openid email",
        "redirect_uri": redirect,
        "state": "umbrella",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }


def logged_in(browser: httpx.Client, issuer: str, client: str, redirect: str, verifier: str) -> str:
    """Logs in as odile, consents, and returns the address outside that the browser is sent to."""
    answer = browser.get(f"{issuer}/auth", params=authorization(client, redirect, verifier))
    for prompt in ("login", "consent"):
        page = browser.get(httpx.URL(issuer).join(answer.headers["location"]))
        form = {"prompt": prompt, "login": "odile", "password": "any"}
        submitted = browser.post(page.url, data=form)
        answer = browser.get(submitted.headers["location"])
    return answer.headers["location"]


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
