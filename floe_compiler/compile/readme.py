"""The README.md of a bundle: for every file, which tool loads it and with which command. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from floe_compiler.compile.container import environment_map
from floe_compiler.compile.deployment import FOLDER, kustomizations
from floe_compiler.compile.profiles import SECRET_PREFIX
from floe_compiler.model.policy_report import REPORT
from floe_compiler.plugins.contracts import LoadedBy
from floe_compiler.store.listing import INDEX, PROFILES_FILE, PROJECT

if TYPE_CHECKING:
    from floe_compiler.compile.plugins import ConfiguredPlugins
    from floe_compiler.model.bundle import BundleHead

README: Final = "README.md"
_SHOWN: Final = 6
"""More files of one row than this are shown as the row's pattern."""
_TABLE: Final = ("| File | Loaded by | Command |", "| --- | --- | --- |")
_INTRODUCTION: Final = f"""\
Nothing in this folder changes any more. `{INDEX}` names every file and its digest, and
`floe verify .` compares; to have it otherwise, change the product and compile it again.

`floe run .` runs it. Every other file is one that its own tool loads, and no tool needs floe for that."""
_ALONE: Final = """\
## With the tools alone

Tools write, and nothing may be written in here. So stand elsewhere, and tell dbt where everything is, and that it
keeps no account of its users beside the profile:

```sh
export BUNDLE="$PWD" RUN_DIR="$(mktemp -d)"; cd "$RUN_DIR"
export DBT_PROJECT_DIR="$BUNDLE/project" DBT_PROFILES_DIR="$BUNDLE/profiles"
export DBT_TARGET_PATH="$RUN_DIR/target" DBT_LOG_PATH="$RUN_DIR/logs" DBT_SEND_ANONYMOUS_USAGE_STATS=false"""


def readme(head: BundleHead, configured: ConfiguredPlugins, files: Sequence[str]) -> bytes:
    """The page. `files` are all others of the bundle outside the dbt project."""
    named = sorted({*files, INDEX} - {README})
    lines = [*_heading(head), "", *_needs(head), *_setting_out(head), "", *_sections(head, configured, named)]
    return "".join(f"{line}\n" for line in lines).encode()


def _heading(head: BundleHead) -> Iterator[str]:
    yield f"# {head.product.name} {head.product.version}"
    yield ""
    if head.product.description:
        yield head.product.description
        yield ""
    owner = head.product.owner
    of = ", ".join(filter(None, (owner.name, owner.email))) if owner else ""
    yield f"A sealed bundle{f' of {of}' if of else ''}, for the platform {head.platform.name}"
    yield f"{head.platform.version} of {head.platform.owner}."
    yield ""
    yield _due(head)
    yield ""
    yield _INTRODUCTION


def _due(head: BundleHead) -> str:
    """Two can start it, and then it would run twice."""
    if head.schedule is None:
        return "It has no schedule."
    due = f"Due `{head.schedule.cron}` in {head.schedule.timezone}: started by `{FOLDER}/`"
    orchestrator = head.plugins.get("orchestrator")
    return f"{due}, or by `orchestrator/{orchestrator.name}/`; deploy one of the two." if orchestrator else f"{due}."


def _needs(head: BundleHead) -> Iterator[str]:
    environment = head.environment
    if not environment.variables and not environment.secrets:
        return
    yield "A run needs these environment variables. In the deployment, variables come from the ConfigMap"
    yield f"`{environment_map(head)}`, secrets from where the platform keeps them; for dbt alone, a secret's name"
    yield f"begins with `{SECRET_PREFIX}`."
    yield ""
    yield from (f"- `{name}`" for name in environment.variables)
    yield from (f"- `{name}`, a secret" for name in environment.secrets)
    yield ""


def _setting_out(head: BundleHead) -> Iterator[str]:
    yield _ALONE
    for name, value in sorted(head.environment.constants.items()):
        yield f"export {name}={shlex.quote(value)}"
    yield "```"


def _sections(head: BundleHead, configured: ConfiguredPlugins, files: Sequence[str]) -> Iterator[str]:
    folders = {f"{key}/{chosen.offer.name}": chosen.plugin for key, chosen in configured.by_type.items()}
    yield from _table(_own_rows(head, configured), [f for f in files if "/".join(f.split("/")[:2]) not in folders])
    for folder, plugin in folders.items():
        inside = [file.removeprefix(f"{folder}/") for file in files if file.startswith(f"{folder}/")]
        if inside:
            yield from ("", f"### {folder}", "", f'{plugin.summary}. Typed in its folder: `cd "$BUNDLE/{folder}"`.', "")
            yield from _table(plugin.loaded_by, inside)


def _own_rows(head: BundleHead, configured: ConfiguredPlugins) -> Iterator[LoadedBy]:
    """What every bundle has. Who loads the profile is said by its plugin."""
    yield LoadedBy(INDEX, "floe", 'floe verify "$BUNDLE"', "tool")
    for target, compute in configured.computes.items():
        for row in compute.plugin.loaded_by:
            yield row._replace(file=PROFILES_FILE, command=f"{row.command} --target {target}")
    for target, sealed in head.targets.items():
        yield LoadedBy(f"{PROJECT}/", "dbt", f"dbt build --target {target}", "tool")
        state = f'dbt list --select state:modified --state "$BUNDLE/targets/{target}" --target {target}'
        yield LoadedBy(sealed.manifest, "dbt", state, "tool")
    for below in kustomizations(tuple(head.targets)):
        yield LoadedBy(f"{FOLDER}/", "kubectl", f'kubectl apply --kustomize "$BUNDLE/{FOLDER}{below}"', "tool")
    yield LoadedBy(REPORT, "people", f'python -m json.tool "$BUNDLE/{REPORT}"', "tool")


def _table(rows: Iterable[LoadedBy], files: Sequence[str]) -> Iterator[str]:
    """A line for each row that has files, and one for each file that has no row."""
    yield from _TABLE
    left = dict.fromkeys(files)
    for row in rows:
        found = [file for file in files if _matches(file, row.file)]
        for file in found:
            left.pop(file, None)
        if found or row.file == f"{PROJECT}/":
            yield f"| {_named(row.file, found)} | {row.tool} | `{row.command}` |"
    yield from (f"| `{file}` | | |" for file in left)


def _matches(file: str, glob: str) -> bool:
    return file.startswith(glob) if glob.endswith("/") else PurePosixPath(file).match(glob)


def _named(glob: str, found: Sequence[str]) -> str:
    """The files one by one, as long as they can be taken in at a glance."""
    if glob.endswith("/"):
        return f"`{glob}`"
    return f"`{glob}` ({len(found)} files)" if len(found) > _SHOWN else ", ".join(f"`{file}`" for file in found)
