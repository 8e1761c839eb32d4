"""emit: a run, told in OpenTelemetry and OpenLineage while it goes on.

A program of its own (`python -m floe_compiler.emit`), started by `run` and told of nodes through its standard input.
It imports the two SDKs, which nothing else of floe does, and starts them from the bundle's own files.
"""
