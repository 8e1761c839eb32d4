"""What tells a run, under watch: see `loopback_only`."""

from tests.loopback_only import run

run("floe_compiler.emit")
