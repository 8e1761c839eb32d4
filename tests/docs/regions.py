"""What the pages show of the code: tables and signatures, drawn from it, each under a name.

A page asks for one with `<!-- drawn: NAME -->`; up to the next `<!-- end -->` stands what the code gave when
it was last written. A new kind is one function here, with a row in `REGIONS`.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from floe_compiler import codes
from floe_compiler.cli.main import COMMANDS
from floe_compiler.diff.render.formats import FORMATS
from floe_compiler.model.bundle import CompiledArtifacts
from floe_compiler.model.deployment import Deployment
from floe_compiler.plugins import contracts
from floe_compiler.plugins.contracts import Plugin
from floe_compiler.plugins.description import fields_of
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.plugins.types import BY_KEY, TYPES, PluginType
from floe_compiler.store import layout
from tests.docs.stages import stages
from tests.plugins_page import fields_table

_REGION: Final = re.compile(r"(<!-- drawn: (?P<name>[A-Za-z- ]+) -->\n)(?P<content>.*?)(<!-- end -->)", re.S)
_NO_BUILT_IN: Final = "declared, no built-in yet"
_NO_CONTRACT: Final = "declared, no contract yet"
_WIDTH: Final = 100

PRODUCTS_OF_THE_KIND: Final = {
    "compute": "DuckDB, Snowflake, BigQuery, Databricks, Spark",
    "dbt_runtime": "dbt-core, dbt Cloud, the Rust engine of dbt (Fusion)",
    "orchestrator": "Dagster, Airflow, Prefect, Argo Workflows",
    "catalog": "Polaris, Unity Catalog, AWS Glue, Nessie",
    "storage": "S3, Google Cloud Storage, Azure Blob Storage, MinIO",
    "observability": "Jaeger, Datadog, Grafana Cloud",
    "lineage": "Marquez and whatever else takes OpenLineage events",
    "semantic_layer": "Cube, the dbt Semantic Layer",
    "ingestion": "dlt, Airbyte",
    "data_quality": "dbt-bouncer",
    "secrets": "Kubernetes Secrets, External Secrets, Vault, Infisical",
    "identity": "Keycloak, Dex, Okta, Auth0",
}
"""What the market has of every kind: for the reader's orientation, and no promise of a plugin."""

EXIT_STATUSES: Final = {
    0: "done",
    codes.NO: "the answer is no: a policy refuses the product, a node failed",
    codes.USAGE: "the command line is wrong",
    codes.REFUSED: "the input is refused",
    codes.FAILED: "a plugin or dbt failed",
    codes.INTEGRITY: "a bundle is not what was sealed",
    codes.ENVIRONMENT: "this environment cannot run it: a variable is missing, a version differs",
    codes.BUG: "a bug in floe",
}


def drawn_anew(text: str) -> str:
    """The page's text with every region drawn again. Raises KeyError for a region that nobody draws."""
    return _REGION.sub(lambda found: f"{found[1]}{draw(found['name'])}{found[4]}", text)


def draw(name: str) -> str:
    """A region by its name: `plugin-types`, or `signatures ComputePlugin`."""
    kind, *arguments = name.split()
    return REGIONS[kind](*arguments) + "\n"


def built_ins(row: PluginType) -> tuple[str, ...]:
    """The names of a type's built-ins, the default first."""
    offers = PluginRegistry([]).offers(row.key)
    return tuple(sorted(offers, key=lambda name: (name != row.default, name)))


# -- the platform manifest -----------------------------------------------------------------------------------


def deployment() -> str:
    """Every key of `deployment`."""
    return "\n".join(fields_table(fields_of(Deployment)))


# -- plugins -------------------------------------------------------------------------------------------------


def plugin_types() -> str:
    """Every type with its purpose and what can stand there."""
    rows = (
        (f"`{row.key}`", row.question, _listed(built_ins(row)) or _NO_BUILT_IN, PRODUCTS_OF_THE_KIND[row.key])
        for row in TYPES
    )
    return _table(("Plugin type", "Purpose", "Built-ins", "Products of the kind"), rows)


def plugin_contracts() -> str:
    """Every type with its ABC, its entry-point group and what has to be implemented."""
    rows = (
        (
            f"`{row.key}`",
            f"`{row.contract}`",
            f"`{row.group}`",
            _listed(_methods_to_implement(row)) or _NO_CONTRACT,
            f"`{row.default}`",
        )
        for row in TYPES
    )
    return _table(("Plugin type", "ABC", "Entry-point group", "Methods to implement", "Default"), rows)


def number_of_types() -> str:
    """The sentence that counts."""
    have = [f"`{row.key}: {row.default}`" for row in TYPES if row.default in built_ins(row)]
    return (
        f"floe has **{len(TYPES)} plugin types**, and {len(have)} of them have a default that is built in and works "
        f"offline: {', '.join(have)}."
    )


def pluggable_components() -> str:
    """Every type with its contract, and the built-ins in a word."""
    rows = (
        (f"`{row.key}`", f"`{row.contract}`", row.question, _listed(built_ins(row)) or _NO_BUILT_IN) for row in TYPES
    )
    return _table(("Pluggable", "Contract", "Decides", "Built-ins"), rows)


def runtimes() -> str:
    """The built-in dbt runtimes with what they can be told."""
    row = BY_KEY["dbt_runtime"]
    found = ((name, PluginRegistry([]).get_plugin(row.key, name)) for name in built_ins(row))
    rows = ((f"`{name}`", plugin.summary, _fields(plugin) or "nothing") for name, plugin in found)
    return _table(("`dbt_runtime`", "What runs dbt", "Configuration"), rows)


def _methods_to_implement(row: PluginType) -> list[str]:
    contract = getattr(contracts, row.contract, None)
    return sorted(getattr(contract, "__abstractmethods__", ()))


def _fields(plugin: Plugin) -> str:
    fields = plugin.config_model.model_fields
    return _listed((field.alias or name) for name, field in fields.items())


# -- signatures ----------------------------------------------------------------------------------------------


def signatures(*names: str) -> str:
    """Contracts as code: their methods with their real parameters, in a block that can be executed."""
    module = ast.parse(inspect.getsource(contracts))
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    lines = "\n\n\n".join("\n".join(_class(classes[name])) for name in names).split("\n")
    return "\n".join(["```python", *_imports(lines), "", "", *lines, "```"])


def _class(found: ast.ClassDef) -> list[str]:
    head = f"class {found.name}({', '.join(map(ast.unparse, found.bases))}):"
    lines = [head]
    for node in found.body:
        if isinstance(node, ast.AnnAssign):
            lines += [f"    {_attribute(node)}"]
        elif isinstance(node, ast.FunctionDef):
            lines += [*([""] if len(lines) > 1 else []), *_signature(node)]
    return lines if len(lines) > 1 else [f"{head} ..."]


def _imports(lines: Iterable[str]) -> Iterator[str]:
    """What the block needs to be executed; annotations are not evaluated."""
    tree = ast.parse("\n".join(lines))
    annotations = {id(part) for node in ast.walk(tree) for part in _in_annotations(node)}
    names = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in annotations
    }
    yield from ("from __future__ import annotations", "")
    if from_abc := names & {"ABC", "abstractmethod"}:
        yield from (f"from abc import {', '.join(sorted(from_abc))}", "")
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    if ours := names & vars(contracts).keys() - from_abc - defined:
        yield f"from floe_compiler.plugins.contracts import {', '.join(sorted(ours))}"


def _in_annotations(node: ast.AST) -> Iterator[ast.AST]:
    for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
        yield from ast.walk(annotation) if annotation else ()


def _attribute(node: ast.AnnAssign) -> str:
    typed = f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}"
    return typed if node.value is None else f"{typed} = {_value(node.value)}"


def _signature(function: ast.FunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        yield f"    @{ast.unparse(decorator)}"
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    pieces = list(_parameters(function.args))
    short = f"    def {function.name}({', '.join(pieces)}){returns}: ..."
    if len(short) <= _WIDTH:
        yield short
        return
    yield f"    def {function.name}("
    yield from (f"        {piece}," for piece in pieces)
    yield f"    ){returns}: ..."


def _parameters(given: ast.arguments) -> Iterator[str]:
    missing = [None] * (len(given.args) - len(given.defaults))
    for parameter, default in zip(given.args, [*missing, *given.defaults], strict=True):
        yield _parameter(parameter, default)
    if given.kwonlyargs:
        yield "*"
    for parameter, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _parameter(parameter, default)


def _parameter(parameter: ast.arg, default: ast.expr | None) -> str:
    typed = f"{parameter.arg}: {ast.unparse(parameter.annotation)}" if parameter.annotation else parameter.arg
    if default is None:
        return typed
    return f"{typed}{' = ' if parameter.annotation else '='}{_value(default)}"


def _value(node: ast.expr) -> str:
    """With double quotes, as the code has them."""
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    if is_text:
        return json.dumps(ast.literal_eval(node))
    text = ast.unparse(node)
    return text if '"' in text else text.replace("'", '"')


# -- the spine, the bundle, the store, the command line ------------------------------------------------------


def spine() -> str:
    """Every stage with what it takes and gives."""
    rows = ((f"`{stage.name}`", f"`{stage.takes}`", f"`{stage.gives}`", stage.purpose) for stage in stages())
    return _table(("Stage", "Takes", "Gives", "What it is"), rows)


def index_fields() -> str:
    """The fields of the index."""
    schema = CompiledArtifacts.model_json_schema()
    rows = ((f"`{name}`", _about(field, schema["$defs"])) for name, field in schema["properties"].items())
    return _table(("Field of the index", "What it says"), rows)


def _about(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The description of a field, or else of the model in it."""
    if "description" in field:
        return str(field["description"])
    if "const" in field:
        return f"Always `{field['const']}`."
    for name in re.findall(r"#/\$defs/(\w+)", str(field)):
        return str(definitions[name]["description"]).partition("\n")[0]
    return ""


def store_layout() -> str:
    """The lines of the one module that knows."""
    return f"```text\n{_after_first_paragraph(layout)}\n```"


def commands() -> str:
    """The commands of `floe`."""
    return _table(("Command", "What it does"), ((f"`floe {name}`", text) for name, text in COMMANDS.items()))


def exit_statuses() -> str:
    """Every status with its meaning."""
    return _table(("Status", "Meaning"), ((str(number), text) for number, text in EXIT_STATUSES.items()))


def _after_first_paragraph(module: object) -> str:
    return (inspect.getdoc(module) or "").partition("\n\n")[2]


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def diff_formats() -> str:
    """The formats of `floe diff`."""
    return _table(("`--format`", "For"), ((f"`{name}`", readers) for name, readers in FORMATS.items()))


REGIONS: Final[dict[str, Callable[..., str]]] = {
    "commands": commands,
    "deployment": deployment,
    "diff-formats": diff_formats,
    "exit-statuses": exit_statuses,
    "index-fields": index_fields,
    "number-of-types": number_of_types,
    "pluggable-components": pluggable_components,
    "plugin-contracts": plugin_contracts,
    "plugin-types": plugin_types,
    "runtimes": runtimes,
    "signatures": signatures,
    "spine": spine,
    "store-layout": store_layout,
}
