"""The settings of PyIceberg. Source: https://py.iceberg.apache.org/configuration/

The file takes literals only; what is a reference reaches PyIceberg through an environment variable of its own name,
which it merges into the file's settings: `PYICEBERG_CATALOG__POLARIS__S3__ACCESS_KEY_ID` is `s3.access-key-id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import yaml

from floe_compiler.model.values import EnvRef, SecretRef
from floe_compiler.plugins.contracts import LoadedBy, Properties
from floe_compiler.plugins.references import exports

CONFIG: Final = ".pyiceberg.yaml"
ENVIRONMENT: Final = "pyiceberg.env"
LOADED_BY: Final = (
    LoadedBy(CONFIG, "PyIceberg", "PYICEBERG_HOME=. pyiceberg list", "tool"),
    LoadedBy(ENVIRONMENT, "a shell, for PyIceberg", f". ./{ENVIRONMENT} && PYICEBERG_HOME=. pyiceberg list", "tool"),
)


def pyiceberg_files(catalog: str, properties: Properties) -> Mapping[str, bytes]:
    """Both files, the second where there are references. `catalog` has lower-case letters, digits and `-` only:
    PyIceberg can tell no other name from that of a variable."""
    references = {
        _variable(catalog, name): value for name, value in properties.items() if isinstance(value, EnvRef | SecretRef)
    }
    literals = {name: _text(value) for name, value in properties.items() if not isinstance(value, EnvRef | SecretRef)}
    document = {"default-catalog": catalog, "catalog": {catalog: literals}}
    content: str = yaml.safe_dump(document, sort_keys=True, allow_unicode=True, width=10_000)
    files = {CONFIG: content.encode()}
    return files | {ENVIRONMENT: exports(ENVIRONMENT, references)} if references else files


def _variable(catalog: str, name: str) -> str:
    parts = ("PYICEBERG_CATALOG", catalog, name.replace(".", "__"))
    return "__".join(parts).replace("-", "_").upper()


def _text(value: str | float | bool) -> str:
    """PyIceberg's settings are text: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)
