"""The table of error codes: adding one is one row here, a fixture that produces it, and nothing else.

`FLOE-<stage letter><3 digits>`: L load, R resolve, P plugin, C compile, F freeze and publish, V verify,
D diff, X execute. A number is never used twice, not even after its row is gone. `docs/reference/errors.md`
and `floe explain CODE` are made from these rows.
"""

# ruff: noqa: E501

from __future__ import annotations

from typing import Final, NamedTuple

NO = 1  # the answer is no
USAGE = 2
REFUSED = 3  # the input is refused
FAILED = 4  # a plugin or dbt failed
INTEGRITY = 5
ENVIRONMENT = 6  # the environment cannot run this
BUG = 70  # a bug in floe


class Code(NamedTuple):
    """What a code means: one line, the exit status, why it is an error, and what to do."""

    title: str
    exit_status: int
    why: str
    way_out: str


CODES: Final[dict[str, Code]] = {
    "FLOE-C201": Code(
        "dbt refuses the project",
        FAILED,
        "dbt could not compile the project. The message is dbt's.",
        "Correct the file that the message names.",
    ),
    "FLOE-C202": Code(
        "Missing reference",
        FAILED,
        "A model, test or other node refers to a node or source that does not exist or is disabled.",
        "Correct the ref() or source() call.",
    ),
    "FLOE-C203": Code(
        "Environment variable not declared",
        REFUSED,
        "The project calls env_var() with a name that floe.yaml does not declare under `env:` and without a default. Nothing of the compiling machine's environment may enter a bundle.",
        "Declare it under `env:`, or give the call a default.",
    ),
    "FLOE-C204": Code(
        "Packages not installed",
        REFUSED,
        "packages.yml or dependencies.yml names packages that are not installed.",
        "Run `dbt deps`, or compile with `--deps`.",
    ),
    "FLOE-C205": Code(
        "Installing packages failed",
        FAILED,
        "`dbt deps` failed.",
        "The message is dbt's.",
    ),
    "FLOE-C206": Code(
        "Not a manifest",
        FAILED,
        "What the dbt runtime returned is not a manifest.json.",
        "Report it to the runtime's maintainers.",
    ),
    "FLOE-F001": Code(
        "Not exactly representable",
        FAILED,
        "The manifest holds a number that JSON cannot keep exactly (NaN, an infinity, an integer beyond 2^53-1), so it has no canonical form.",
        "Look for it in `meta`, `vars` and test arguments; write it as text.",
    ),
    "FLOE-F002": Code(
        "Depends on the moment of compiling",
        REFUSED,
        "A value in the manifest was rendered from `run_started_at` or `invocation_id`. The same inputs would give another bundle every time.",
        "Use them in SQL, which is rendered when the bundle runs, not in configuration.",
    ),
    "FLOE-F003": Code(
        "Path cannot be part of a bundle",
        REFUSED,
        "A path is too long or differs from another only in case, so not every file system or archive can keep it.",
        "Rename the file.",
    ),
    "FLOE-F004": Code(
        "Index does not match its schema",
        BUG,
        "What was about to be published does not match the published schema.",
        "Report it: this is a bug in floe or in a plugin.",
    ),
    "FLOE-F101": Code(
        "Output folder not empty",
        REFUSED,
        "`--out` names a folder that has something in it; floe replaces nothing.",
        "Name a new or an empty folder.",
    ),
    "FLOE-F102": Code(
        "Output path is a link",
        REFUSED,
        "`--out` or `--archive` names a symbolic link; writing through it could land anywhere.",
        "Name the real path.",
    ),
    "FLOE-F103": Code(
        "Output exists",
        REFUSED,
        "`--archive` names something that exists and is not this very archive; floe replaces nothing.",
        "Name a new file.",
    ),
    "FLOE-F104": Code(
        "Cannot write",
        ENVIRONMENT,
        "The operating system refused a write: no space left, no permission, a read-only file system.",
        "Free space or choose another store with `--store`. What was there before is untouched.",
    ),
    "FLOE-F105": Code(
        "Store damaged",
        INTEGRITY,
        "A bundle in the store did not match its digest. It was moved to quarantine/.",
        "Compile again; look at the disk.",
    ),
    "FLOE-F106": Code(
        "Store not usable",
        ENVIRONMENT,
        "The store is not a folder, has something else in it, or belongs to another layout version.",
        "Choose another store with `--store`.",
    ),
    "FLOE-F107": Code(
        "Ref unusable",
        REFUSED,
        "A ref has a name that none can have (`a-z`, `0-9`, then also `.`, `_`, `-`; 100 at most), or its file holds no digest.",
        "Choose another name, or write the ref again.",
    ),
    "FLOE-L001": Code(
        "File not found",
        REFUSED,
        "An input file that the command line, floe.yaml or the platform manifest names does not exist.",
        "Correct the path; relative paths start at the file that names them.",
    ),
    "FLOE-L002": Code(
        "File cannot be read",
        REFUSED,
        "The file exists, but the operating system refuses to open it.",
        "Check its permissions.",
    ),
    "FLOE-L003": Code(
        "Not a regular file",
        REFUSED,
        "The path is a directory, a device, a pipe or a socket. floe refuses it before reading a byte.",
        "Name a regular file.",
    ),
    "FLOE-L004": Code(
        "File too large",
        REFUSED,
        "A configuration file is larger than 16 MiB, which no hand-written file is.",
        "Check whether the path names the right file.",
    ),
    "FLOE-L010": Code(
        "Not UTF-8",
        REFUSED,
        "A byte of the file belongs to no UTF-8 character. The message counts bytes from 0.",
        "Save the file as UTF-8.",
    ),
    "FLOE-L011": Code(
        "Another encoding",
        REFUSED,
        "The file is UTF-16 or UTF-32.",
        "Save the file as UTF-8.",
    ),
    "FLOE-L012": Code(
        "Byte order mark",
        REFUSED,
        "The file starts with U+FEFF, which some readers take for part of the first key.",
        "Save the file as UTF-8 without a byte order mark.",
    ),
    "FLOE-L013": Code(
        "NUL character",
        REFUSED,
        "The file, or a text in it, holds U+0000, where many programs stop reading.",
        "Remove it.",
    ),
    "FLOE-L014": Code(
        "Invisible character",
        REFUSED,
        "A control character stands in the file, or a key holds a character that people cannot see. A reviewer would read another file than floe does.",
        "Remove it. In a value, an escape in double quotes is allowed: \"\\t\".",
    ),
    "FLOE-L015": Code(
        "Character that reorders text",
        REFUSED,
        "A bidirectional control makes a line look different from what is read.",
        "Remove it.",
    ),
    "FLOE-L020": Code(
        "Not YAML",
        REFUSED,
        "The file breaks YAML's rules. Often a quote, a bracket or the indentation is wrong in this line or the one above.",
        "Correct the line that the message shows.",
    ),
    "FLOE-L021": Code(
        "Several documents",
        REFUSED,
        "A file holds one document; `---` or `...` starts a second one.",
        "Move the second document to a file of its own.",
    ),
    "FLOE-L022": Code(
        "Directive",
        REFUSED,
        "A line that starts with `%` tells YAML readers how to read. floe reads in one way only.",
        "Remove the line.",
    ),
    "FLOE-L023": Code(
        "Tag",
        REFUSED,
        "A tag such as `!!int` or `!custom` changes what a value is, and readers differ in which they know.",
        "Remove the tag; quote what is text.",
    ),
    "FLOE-L024": Code(
        "Duplicate key",
        REFUSED,
        "A mapping has a key twice, perhaps quoted once and once not. Readers keep one of the two and say nothing.",
        "Remove one; the message names both places.",
    ),
    "FLOE-L025": Code(
        "Key is not text",
        REFUSED,
        "A key reads as a number, true, false or nothing, to some YAML reader, or is a list or a mapping.",
        "Quote the key.",
    ),
    "FLOE-L026": Code(
        "Merge key",
        REFUSED,
        "`<<` is a key of YAML 1.1 that YAML 1.2 does not know. In dbt's own files it may only merge mappings.",
        "Write the keys out.",
    ),
    "FLOE-L027": Code(
        "Unknown alias",
        REFUSED,
        "An alias `*name` has no anchor `&name` before it.",
        "Correct the name. Quote a text that starts with `*`.",
    ),
    "FLOE-L028": Code(
        "Recursive alias",
        REFUSED,
        "An alias stands inside of what it repeats, so the value would contain itself.",
        "Write out what is meant.",
    ),
    "FLOE-L029": Code(
        "Aliases expand too far",
        REFUSED,
        "Aliases and merge keys may bring in 100,000 values and characters in all. More is how small files are made to exhaust a machine.",
        "Repeat less; write out what is meant.",
    ),
    "FLOE-L030": Code(
        "Anchor used twice",
        REFUSED,
        "Two values have the same anchor, so what an alias stands for depends on the line it is in.",
        "Give each anchor a name of its own.",
    ),
    "FLOE-L031": Code(
        "Nested too deep",
        REFUSED,
        "Values are nested more than 100 deep.",
        "Look for brackets that are never closed.",
    ),
    "FLOE-L032": Code(
        "Too many values",
        REFUSED,
        "A document has more than 100,000 values, which no hand-written file has.",
        "Check whether the path names the right file.",
    ),
    "FLOE-L033": Code(
        "Number too large",
        REFUSED,
        "A whole number beyond ±(2^53-1) is not kept exactly by every JSON reader. Long digits are mostly an identifier.",
        "Quote it: an identifier is text.",
    ),
    "FLOE-L034": Code(
        "Not a finite number",
        REFUSED,
        "NaN, an infinity, or a number so large that it becomes one. JSON has no way to write it.",
        "Write a number, or quote it if text is meant.",
    ),
    "FLOE-L035": Code(
        "Number would change",
        REFUSED,
        "A number that is printed back differs from what was written: `1.10` becomes 1.1.",
        "Quote it if it is a version; else write the number as the message shows it.",
    ),
    "FLOE-L036": Code(
        "Ambiguous value",
        REFUSED,
        "YAML 1.1 and YAML 1.2 read this value differently: `NO`, `010`, `12:30:45`, `1_000`.",
        "Quote it if text is meant; else write it as the message shows it.",
    ),
    "FLOE-L051": Code(
        "Unknown key",
        REFUSED,
        "A key that floe does not know is a choice that would silently not hold.",
        "Correct the key; the hint lists the valid ones.",
    ),
    "FLOE-L052": Code(
        "Key missing",
        REFUSED,
        "A required key is not there.",
        "Add it; the schema, and so your editor, describes it.",
    ),
    "FLOE-L053": Code(
        "Wrong type",
        REFUSED,
        "A value is of another type than its key takes: text for a number, a mapping for a list. Nothing is converted by guessing.",
        "Write the value as the schema describes it.",
    ),
    "FLOE-L054": Code(
        "Value not allowed",
        REFUSED,
        "The type is right, but the value is not one that the key takes.",
        "The message names what is allowed.",
    ),
    "FLOE-L060": Code(
        "No dbt project",
        REFUSED,
        "The folder that a transform names holds no dbt_project.yml.",
        "Correct `path`, relative to floe.yaml; `.` when floe.yaml lies beside dbt_project.yml.",
    ),
    "FLOE-L061": Code(
        "dbt_project.yml without a name",
        REFUSED,
        "dbt_project.yml is not a mapping with a `name`, so it is no dbt project.",
        "Add `name:`, as dbt asks for.",
    ),
    "FLOE-L062": Code(
        "Path cannot be sealed",
        REFUSED,
        "dbt_project.yml names a folder outside the project, or one that only dbt can compute. What is not in the project is not in the bundle.",
        "Move the folder into the project, or make it a local package.",
    ),
    "FLOE-L063": Code(
        "Computed name",
        REFUSED,
        "A name that floe needs, as `profile`, is a Jinja expression.",
        "Write the name as it stands.",
    ),
    "FLOE-L064": Code(
        "File name not portable",
        REFUSED,
        "A file that dbt reads has a name that not every file system or archive can keep.",
        "Use ASCII letters, digits, `_`, `-` and `.`.",
    ),
    "FLOE-P001": Code(
        "Name of a built-in taken",
        FAILED,
        "A third-party plugin has the name of a built-in, and could be mistaken for it.",
        "Uninstall the distribution, or ask its maintainers to rename the plugin.",
    ),
    "FLOE-P002": Code(
        "Two plugins of one name",
        FAILED,
        "Two distributions offer a plugin of the same type and name; which one runs must not depend on chance.",
        "Uninstall one of the two that the message names.",
    ),
    "FLOE-P003": Code(
        "Plugin failed",
        FAILED,
        "A plugin raised an error of its own. The message names it, its distribution and its version.",
        "Report it to the distribution's maintainers.",
    ),
    "FLOE-P004": Code(
        "Not a plugin",
        FAILED,
        "What the entry point names is not a class of the plugin type, or lacks some of its methods.",
        "Report it to the distribution's maintainers; `docs/guides/write-a-plugin.md` has the contract.",
    ),
    "FLOE-P201": Code(
        "Worker did not start",
        FAILED,
        "The process in which dbt runs could not be started or ended before it answered.",
        "The message holds the last lines it printed.",
    ),
    "FLOE-P202": Code(
        "Runtime timed out",
        FAILED,
        "dbt did not finish in the time allowed; its process was ended.",
        "Raise the timeout, or look into the log named in the message.",
    ),
    "FLOE-P203": Code(
        "Runtime cancelled",
        FAILED,
        "The invocation was cancelled before it produced what was asked for.",
        "Run again.",
    ),
    "FLOE-P204": Code(
        "Option not supported by this runtime",
        REFUSED,
        "The runtime cannot honour an option. It is refused, never dropped.",
        "Choose another runtime or leave the option out.",
    ),
    "FLOE-P205": Code(
        "Runtime crashed",
        FAILED,
        "dbt ended with an error of its own, not of the project.",
        "The message holds dbt's words; the log has more.",
    ),
    "FLOE-P206": Code(
        "dbt is not installed",
        ENVIRONMENT,
        "The dbt runtime `local` needs dbt-core and the adapter of the target's compute.",
        "Install what the message names.",
    ),
    "FLOE-P207": Code(
        "dbt could not run",
        FAILED,
        "dbt stopped before it ran a node: the warehouse refused the connection, or a selector is unknown. The message is dbt's.",
        "Follow the message; the project itself is not at fault.",
    ),
    "FLOE-R001": Code(
        "No transforms",
        REFUSED,
        "A product without transforms builds nothing.",
        "Name the dbt project: `transforms: [{type: dbt, path: .}]`.",
    ),
    "FLOE-R002": Code(
        "Transform is not dbt",
        REFUSED,
        "dbt is enforced as the SQL transformation framework (ADR-0009): all SQL is dbt models, tests and macros. Where dbt runs is pluggable (ADR-0043).",
        "Use `type: dbt`; choose where it runs with `dbt_runtime` in the platform manifest.",
    ),
    "FLOE-R003": Code(
        "More than one dbt project",
        REFUSED,
        "One product is one dbt project: one manifest, one graph. Its transforms select parts of it.",
        "Make two products, and let one name the other under `dependencies`.",
    ),
    "FLOE-R010": Code(
        "Unknown plugin",
        REFUSED,
        "No installed plugin of that type has the name.",
        "Correct the name, or install the distribution that brings the plugin; `floe plugins` lists what is there.",
    ),
    "FLOE-R011": Code(
        "Unknown target",
        REFUSED,
        "The platform manifest has no target of that name.",
        "Choose one that it has, or ask the platform team for it.",
    ),
    "FLOE-R012": Code(
        "No default target",
        REFUSED,
        "The platform has several targets and does not say which is meant when none is named.",
        "Add `default_target:` to the platform manifest, or compile with `--target`.",
    ),
    "FLOE-R014": Code(
        "Nothing to build on a target",
        REFUSED,
        "Every transform asks for another compute than the target has, so a run would do nothing.",
        "Remove `compute` from a transform, or choose another target.",
    ),
    "FLOE-V001": Code(
        "No bundle there",
        INTEGRITY,
        "The path, digest or ref names nothing, nothing that looks like a bundle, or more than one.",
        "Check the path; `floe compile` prints the digest of what it made.",
    ),
    "FLOE-V002": Code(
        "Index is not JSON",
        INTEGRITY,
        "compiled_artifacts.json is there, but its bytes are not JSON in UTF-8.",
        "Get the bundle again from where it was published.",
    ),
    "FLOE-V003": Code(
        "Index not canonical",
        INTEGRITY,
        "The index is JSON, but not in its one written form (RFC 8785, defaults written, no nulls). Two byte forms of one index would be two digests of one bundle.",
        "Never edit a bundle; compile again.",
    ),
    "FLOE-V004": Code(
        "Index of another schema version",
        INTEGRITY,
        "The bundle was made by a newer or unknown floe.",
        "Use a floe that knows this schema version.",
    ),
    "FLOE-V005": Code(
        "Index does not match its schema",
        INTEGRITY,
        "A field is missing, unknown or of the wrong type.",
        "Get the bundle again from where it was published.",
    ),
    "FLOE-V006": Code(
        "File missing",
        INTEGRITY,
        "The index lists a file that is not there.",
        "Get the bundle again from where it was published.",
    ),
    "FLOE-V007": Code(
        "File not listed",
        INTEGRITY,
        "A file or folder is there that the index does not list. Nothing unlisted may lie in a bundle.",
        "Remove it, or get the bundle again.",
    ),
    "FLOE-V008": Code(
        "Content differs",
        INTEGRITY,
        "A file's bytes are not those that were sealed: its size or its digest differs.",
        "Get the bundle again from where it was published.",
    ),
    "FLOE-V009": Code(
        "Not a regular file",
        INTEGRITY,
        "A link, pipe, device or socket lies in the bundle, or a folder where a file was sealed. A bundle holds regular files, and the folders that they are in.",
        "Get the bundle again from where it was published.",
    ),
    "FLOE-V010": Code(
        "Unsafe path",
        INTEGRITY,
        "The index names a path that leaves the bundle, is not portable or too long, or collides with another: the same but for case, or a file and a folder at once.",
        "Compile again; never write an index by hand.",
    ),
    "FLOE-V011": Code(
        "Archive damaged",
        INTEGRITY,
        "The archive is not exactly what floe writes for this index: a header, its order, its padding or its end differs.",
        "Get the archive again from where it was published.",
    ),
    "FLOE-V012": Code(
        "Digest differs",
        INTEGRITY,
        "The bundle is intact but is not the one that was asked for.",
        "Check where the digest and the bundle come from.",
    ),
    "FLOE-V013": Code(
        "Index contradicts itself",
        INTEGRITY,
        "The artifact list is not sorted, lists a path twice, lists the index itself, or lacks a file that another field names.",
        "Compile again; never write an index by hand.",
    ),
    "FLOE-V014": Code(
        "Bundle too large",
        INTEGRITY,
        "The index, a file, all files together or their number exceed the caps (64 MiB, 2 GiB, 8 GiB, 200,000). They are refused before they are read.",
        "Leave out of the project what is data rather than code.",
    ),
    "FLOE-V015": Code(
        "Bundle cannot be read",
        ENVIRONMENT,
        "The operating system refuses to read a part of the bundle: no permission, or a failing disk.",
        "Check permissions and the disk.",
    ),
    "FLOE-X001": Code(
        "Environment variable missing",
        ENVIRONMENT,
        "The bundle names an environment variable or a secret that a run needs, and it is not set here.",
        "Set the variable; `floe inspect` lists all that a bundle needs.",
    ),
    "FLOE-X002": Code(
        "Installed versions differ",
        ENVIRONMENT,
        "The bundle was compiled and reviewed for exact versions of dbt and its adapter; others are installed here.",
        "Install the versions that the message names, or compile again.",
    ),
    "FLOE-X003": Code(
        "A node failed",
        NO,
        "dbt ran the bundle and at least one node failed.",
        "The message names the node and dbt's reason.",
    ),
    "FLOE-X004": Code(
        "Run cancelled",
        NO,
        "The run was interrupted; dbt was asked to stop and has stopped.",
        "Run again; dbt rebuilds what was not finished.",
    ),
    "FLOE-X005": Code(
        "Target is not in the bundle",
        REFUSED,
        "A bundle runs only on the targets that it was compiled for.",
        "Choose one that `floe inspect` lists, or compile with `--target`.",
    ),
    "FLOE-X006": Code(
        "Run directory unusable",
        ENVIRONMENT,
        "The run directory cannot be created or written.",
        "Choose another with `--run-dir`.",
    ),
}
