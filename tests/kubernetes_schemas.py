"""Run in the environment `kubernetes`: what the published schemas of Kubernetes say of documents.

Reads from stdin one JSON list of documents a line, writes for each line a list: null for what is valid, else the fault.
"""

import json
import sys

from kubernetes_validate import ValidationError, validate  # type: ignore[import-not-found]


def verdict(document, version):  # type: ignore[no-untyped-def] # the environment has nothing of ours
    """The fault that the closed schemas find."""
    try:
        validate(document, version, strict=True)
    except ValidationError as fault:
        return f"{'.'.join(map(str, fault.path))}: {fault.message}"
    return None


for line in sys.stdin:
    print(json.dumps([verdict(document, sys.argv[1]) for document in json.loads(line)]), flush=True)
