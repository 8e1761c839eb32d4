"""Keycloak: a realm that the server imports when it starts. Source: https://www.keycloak.org/server/importExport

Fields: RealmRepresentation and those below it, https://www.keycloak.org/docs-api/latest/rest-api/index.html

One confidential client for the product, with a service account that runs it. Its roles: `reader` of what the product
offers, `runner`, `owner` of both, and one for what each dbt group keeps private. Its groups of people: the product's
owners, and dbt's groups with whom dbt calls their owner.

Keycloak replaces `${NAME}` anywhere in the file by an environment variable before it reads the JSON. The client's
secret is such a name; in every other text the dollar is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from floe_compiler.model.bundle import BundleHead, Owner
from floe_compiler.model.values import EnvRef, SecretRef, Sensitive
from floe_compiler.plugins.contracts import IdentityPlugin, LoadedBy, Manifests, PluginConfig

_NAME: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
_URI: Final = r"^[A-Za-z][A-Za-z0-9+.-]*://[^\s#]+$"
_ORIGIN: Final = r"^(\+|https?://[^\s/#]+)$"
READER: Final = "reader"
RUNNER: Final = "runner"
OWNER: Final = "owner"
OWNERS: Final = "product-owners"


class KeycloakConfig(PluginConfig):
    """The realm and the client of the product. Nothing is reached at compile time."""

    realm: Annotated[
        str | None, Field(pattern=_NAME, max_length=200, description="The realm; by default named like the product.")
    ] = None
    client_id: Annotated[
        str | None, Field(pattern=_NAME, max_length=200, description="The client; by default named like the product.")
    ] = None
    client_secret: Annotated[
        Sensitive, Field(description="The client's secret: a variable of the environment that Keycloak starts in.")
    ] = SecretRef(secret="OIDC_CLIENT_SECRET")  # noqa: S106 - a name
    redirect_uris: Annotated[
        list[Annotated[str, Field(pattern=_URI)]],
        Field(description="Where people may be sent after they logged in. Without any, nobody logs in by browser."),
    ] = []
    web_origins: Annotated[
        list[Annotated[str, Field(pattern=_ORIGIN)]],
        Field(description="Pages that may ask for tokens; `+` stands for those of the redirect URIs."),
    ] = []
    access_token_seconds: Annotated[
        int, Field(ge=60, le=86_400, description="How long an access token is good for.")
    ] = 300


class KeycloakIdentity(IdentityPlugin):
    """Renders the realm."""

    summary = "Keycloak: a realm with the product's client, roles and groups"
    config_model = KeycloakConfig
    loaded_by = (
        LoadedBy(
            "*-realm.json",
            "Keycloak",
            'docker run --rm -p 8080:8080 -e OIDC_CLIENT_SECRET -v "$PWD:/opt/keycloak/data/import:ro"'
            " quay.io/keycloak/keycloak start-dev --import-realm",
            "schema",
        ),
    )

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        assert isinstance(config, KeycloakConfig)  # noqa: S101 - the registry pairs plugin and model
        realm = _realm(config, head, _dbt_groups(manifests))
        text = json.dumps(realm, indent=2).replace("$", r"\u0024")
        # only the client has a bare `"secret": ""`: inside of a string the quotes would be escaped
        text = text.replace('"secret": ""', f'"secret": "${{{_variable(config.client_secret)}}}"', 1)
        return {f"{realm['realm']}-realm.json": f"{text}\n".encode()}


def _realm(config: KeycloakConfig, head: BundleHead, groups: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    product = head.product
    client = config.client_id or product.name
    return {
        "realm": config.realm or product.name,
        "enabled": True,
        "sslRequired": "external",
        "registrationAllowed": False,
        "bruteForceProtected": True,
        "accessTokenLifespan": config.access_token_seconds,
        "clients": [_client(config, client, head)],
        "roles": {"client": {client: list(_roles(client, product.name, groups))}},
        "groups": [_groups(client, product.name, product.owner, groups)],
        "users": [
            {
                "username": f"service-account-{client}".lower(),
                "enabled": True,
                "serviceAccountClientId": client,
                "clientRoles": {client: [RUNNER]},
            }
        ],
    }


def _client(config: KeycloakConfig, client: str, head: BundleHead) -> dict[str, Any]:
    """Confidential. Its default scopes are those that Keycloak makes for every realm."""
    return {
        "clientId": client,
        "name": head.product.name,
        **({"description": head.product.description} if head.product.description else {}),
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "clientAuthenticatorType": "client-secret",
        "secret": "",
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": bool(config.redirect_uris),
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "fullScopeAllowed": False,
        "redirectUris": config.redirect_uris,
        "webOrigins": config.web_origins,
        "attributes": {"pkce.code.challenge.method": "S256"},
        "defaultClientScopes": ["basic", "email", "profile", "roles", "web-origins"],
        "optionalClientScopes": [],
        "protocolMappers": [
            {
                "name": "audience",
                "protocol": "openid-connect",
                "protocolMapper": "oidc-audience-mapper",
                "config": {"included.client.audience": client, "access.token.claim": "true"},
            }
        ],
    }


def _roles(client: str, product: str, groups: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    yield {"name": READER, "description": f"Reads what {product} offers to everybody.", "clientRole": True}
    yield {"name": RUNNER, "description": f"Runs {product}.", "clientRole": True}
    yield {
        "name": OWNER,
        "description": f"Answers for {product}.",
        "clientRole": True,
        "composite": True,
        "composites": {"client": {client: [READER, RUNNER, *map(_role_of, groups)]}},
    }
    for name in groups:
        yield {
            "name": _role_of(name),
            "description": f"Reads what the dbt group {name} keeps private.",
            "clientRole": True,
        }


def _groups(client: str, product: str, owner: Owner | None, groups: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One group of the product, whose members read; below it those who do or see more."""
    people = owner.model_dump(exclude_none=True) if owner else {}
    below = [
        {"name": OWNERS, "attributes": _owner(people), "clientRoles": {client: [OWNER]}},
        *(
            {"name": name, "attributes": _owner(group["owner"]), "clientRoles": {client: [_role_of(name)]}}
            for name, group in groups.items()
        ),
    ]
    return {"name": product, "clientRoles": {client: [READER]}, "subGroups": below}


def _owner(owner: Mapping[str, Any]) -> dict[str, list[str]]:
    """Attributes are lists of texts; dbt lets a group have several addresses."""
    given = {key: owner.get(key) for key in ("name", "email")}
    return {
        f"owner.{key}": [str(value) for value in (values if isinstance(values, list) else [values])]
        for key, values in given.items()
        if values
    }


def _role_of(group: str) -> str:
    return f"group.{group}"


def _dbt_groups(manifests: Manifests) -> dict[str, Mapping[str, Any]]:
    """The groups of all targets by name; what the first target says of one counts."""
    found: dict[str, Mapping[str, Any]] = {}
    for manifest in manifests.values():
        for group in (manifest.get("groups") or {}).values():
            found.setdefault(group["name"], group)
    return dict(sorted(found.items()))


def _variable(reference: EnvRef | SecretRef) -> str:
    return reference.env if isinstance(reference, EnvRef) else reference.secret
