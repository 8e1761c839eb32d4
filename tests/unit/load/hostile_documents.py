"""Documents of up to 16 MiB, made to exhaust their reader.

Run as a script, reads each in a process of its own under hard limits, and prints a line of JSON on each.

Usage: python hostile_documents.py SECONDS MEGABYTES
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from floe_compiler.errors import FloeError
from floe_compiler.load.places import MAX_VALUES
from floe_compiler.load.yaml_door import parse_document, parse_foreign

SIZE = 16 * 1024 * 1024


def filled(piece: str, *, before: str = "", after: str = "") -> bytes:
    """`piece` again and again, up to the size that is allowed."""
    content, room = piece.encode(), SIZE - len(before.encode()) - len(after.encode())
    return before.encode() + (content * (room // len(content))) + after.encode()


def numbered(line: str, *, before: str = "") -> bytes:
    """Lines with a number in each: three times as many as a document may have values."""
    return (before + "".join(line.replace("#", str(n)) for n in range(3 * MAX_VALUES))).encode()


def layers(first: str, layer: str) -> bytes:
    """Thirty lines, each of which repeats the one above ten times."""
    lines = [first]
    for n in range(1, 30):
        above = ", ".join([f"*a{n - 1}"] * 10)
        lines.append(layer.replace("N", str(n)).replace("ABOVE", above))
    return "\n".join(lines).encode()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "brackets": lambda: filled("["),
    "braces": lambda: filled("{a: "),
    "dashes": lambda: filled("- "),
    "indented_mappings": lambda: "".join(" " * n + "a:\n" for n in range(5000)).encode(),
    "one_scalar_of_many_lines": lambda: filled("a\n  ", before="k: "),
    "an_open_quote": lambda: filled(" ", before='"'),
    "one_key": lambda: filled("a", after=": 1\n"),
    "one_number": lambda: filled("1"),
    "one_time_of_day": lambda: filled(":1", before="1"),
    "one_line_of_blanks": lambda: filled(" "),
    "comments": lambda: filled("#\n"),
    "one_key_many_times": lambda: filled("a: 1\n"),
    "many_keys": lambda: numbered("k#: 1\n"),
    "many_deep_keys": lambda: numbered("k#,", before="{k: " * 97),
    "many_values": lambda: filled("[],", before="["),
    "colliding_keys": lambda: "".join(f"{n * (2**61 - 1)}: 1\n" for n in range(1, 300_000)).encode(),
    "many_aliases": lambda: filled("*a,", before="&a a: ["),
    "aliases_of_a_long_text": lambda: filled("- *a\n", before="- &a " + "x" * 90_000 + "\n"),
    "aliases_of_aliases": lambda: layers("a0: &a0 [x]", "aN: &aN [ABOVE]"),
    "merges_of_merges": lambda: layers("a0: &a0 {x: 1}", "aN: &aN {aN: {<<: [ABOVE]}, <<: [ABOVE]}"),
    "many_documents": lambda: filled("---\n"),
    "many_directives": lambda: numbered("%TAG !a#! b\n"),
    "many_directives_after_a_document": lambda: numbered("%TAG !a#! b\n", before="a\n...\n...\n# x\n"),
    "many_tags": lambda: filled("!!str a,", before="["),
    "one_tag": lambda: filled("a", before="!"),
    "control_characters": lambda: filled("\x07"),
    "a_bad_byte_at_the_end": lambda: filled("a\n")[:-1] + b"\xff",
}
READ_OTHERWISE_IN_FILES_OF_DBT = {
    "braces",
    "one_number",
    "one_time_of_day",
    "one_key_many_times",
    "many_deep_keys",
    "colliding_keys",
    "aliases_of_aliases",
    "merges_of_merges",
    "many_directives_after_a_document",
    "many_tags",
}


def doors(name: str) -> list[Callable[..., object]]:
    """Who reads a document: dbt's files take another way through a few of them only."""
    return [parse_document, parse_foreign] if name in READ_OTHERWISE_IN_FILES_OF_DBT else [parse_document]


def read_limited(name: str, seconds: int, megabytes: int) -> None:
    """Reads one document in a child that the system stops at the limits."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if status:
            print(json.dumps({"name": name, "died": os.waitstatus_to_exitcode(status)}), flush=True)
        return
    content = HOSTILE[name]()
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    for door in doors(name):
        signal.setitimer(signal.ITIMER_PROF, seconds)  # counts processor time: other work does not matter
        report = {"name": name, "door": door.__name__, **timed(door, content)}
        print(json.dumps(report), flush=True)
    os._exit(0)


def timed(door: Callable[..., object], content: bytes) -> dict[str, Any]:
    started = time.process_time()
    codes: list[str] = []
    try:
        door(content, file="hostile.yaml")
    except FloeError as refusal:
        codes = sorted({problem.code for problem in refusal.problems})
    return {"codes": codes, "seconds": time.process_time() - started}


if __name__ == "__main__":
    for each in HOSTILE:
        read_limited(each, int(sys.argv[1]), int(sys.argv[2]))
