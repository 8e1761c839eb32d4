"""The enforced deployment: a kustomize folder, in which a CronJob starts `floe run`. Pure.

Sources: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/cron-job-v1/ and
https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/

The container's image holds the bundle at /bundle. With one target the folder is flat; with several it has an overlay
for each, since a run is a run on one target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import yaml

from floe_compiler.kubernetes import label_value, object_name

if TYPE_CHECKING:
    from floe_compiler.model.bundle import BundleHead
    from floe_compiler.model.deployment import Deployment

FOLDER: Final = "deployment"
BUNDLE: Final = "/bundle"
RUN_DIRECTORY: Final = "/run/floe"
SCRATCH: Final = "/tmp"  # noqa: S108 - a volume of the pod's own
USER: Final = 65532
"""Nobody in particular, as in distroless images; the image needs no entry for it."""
_LONGEST_NAME: Final = 52
"""Of a CronJob: what Kubernetes appends for each run has to fit, too."""
_NEVER: Final = "0 0 1 1 *"
"""For a product without a schedule. Its CronJob is suspended, so this never comes."""
_SECONDS_TO_STOP: Final = 120

Document = dict[str, Any]
EnvVars = Sequence[Mapping[str, Any]]


def deployment_files(head: BundleHead, settings: Deployment, variables: EnvVars) -> dict[str, bytes]:
    """The folder's files. `variables` are Kubernetes EnvVars: what a run takes from outside, by reference."""
    targets = tuple(head.targets)
    if len(targets) == 1:
        documents = _resources(head, settings, variables, targets[0], object_name(head.product.name, _LONGEST_NAME))
    else:
        suffixes = {target: f"-{object_name(target)}" for target in targets}
        name = object_name(head.product.name, _LONGEST_NAME - max(map(len, suffixes.values())))
        base = _resources(head, settings, variables, targets[0], name)
        documents = {f"base/{path}": document for path, document in base.items()}
        for target, suffix in suffixes.items():
            documents[f"overlays/{target}/kustomization.yaml"] = _overlay(target, suffix, name)
    return {path: _written(document) for path, document in documents.items()}


def kustomizations(targets: Sequence[str]) -> tuple[str, ...]:
    """What can be applied, as what follows the folder's name: the folder itself, or the overlay of each target."""
    return ("",) if len(targets) == 1 else tuple(f"/overlays/{target}" for target in targets)


def _resources(
    head: BundleHead, settings: Deployment, variables: EnvVars, target: str, name: str
) -> dict[str, Document]:
    metadata = {"name": name, "labels": _labels(head)}
    return {
        "configmap.yaml": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"FLOE_COMMAND": "build", "FLOE_TARGET": target, "HOME": RUN_DIRECTORY, "TMPDIR": SCRATCH},
        },
        "cronjob.yaml": {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": metadata,
            "spec": _cron_job(head, settings, variables, metadata),
        },
        "kustomization.yaml": {
            **_kustomization(["configmap.yaml", "cronjob.yaml", "serviceaccount.yaml"]),
            **({"namespace": settings.namespace} if settings.namespace else {}),
        },
        "serviceaccount.yaml": {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata,
            "automountServiceAccountToken": False,
        },
    }


def _cron_job(head: BundleHead, settings: Deployment, variables: EnvVars, metadata: Document) -> Document:
    schedule = head.schedule
    ends = {"activeDeadlineSeconds": settings.active_deadline_seconds} if settings.active_deadline_seconds else {}
    return {
        "schedule": schedule.cron if schedule else _NEVER,
        **({"timeZone": schedule.timezone} if schedule else {}),
        "suspend": settings.suspend or schedule is None,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": settings.starting_deadline_seconds,
        "successfulJobsHistoryLimit": settings.history.successful,
        "failedJobsHistoryLimit": settings.history.failed,
        "jobTemplate": {
            "metadata": {"labels": metadata["labels"]},
            "spec": {
                "backoffLimit": settings.backoff_limit,
                **ends,
                "template": {
                    "metadata": {"labels": metadata["labels"]},
                    "spec": _pod(head, settings, variables, metadata["name"]),
                },
            },
        },
    }


def _pod(head: BundleHead, settings: Deployment, variables: EnvVars, name: str) -> Document:
    pull_secrets = [{"name": secret} for secret in settings.image_pull_secrets]
    return {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # the namespace's other services are no business of a run
        **({"imagePullSecrets": pull_secrets} if pull_secrets else {}),
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _SECONDS_TO_STOP,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(head, settings, variables, name)],
        "volumes": [
            {"name": "run", "emptyDir": {"sizeLimit": _quantity(settings.run_directory_size)}},
            {"name": "scratch", "emptyDir": {}},
        ],
    }


def _container(head: BundleHead, settings: Deployment, variables: EnvVars, name: str) -> Document:
    resources = settings.resources.model_dump()
    command = ["floe", "run", BUNDLE, "--command", "$(FLOE_COMMAND)", "--target", "$(FLOE_TARGET)"]
    return {
        "name": "floe",
        "image": _image(head, settings),
        "command": [*command, "--run-dir", RUN_DIRECTORY],
        "workingDir": RUN_DIRECTORY,
        "envFrom": [{"configMapRef": {"name": name}}],
        **({"env": [dict(variable) for variable in variables]} if variables else {}),
        "resources": {
            kind: {of: _quantity(amount) for of, amount in amounts.items()} for kind, amounts in resources.items()
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "run", "mountPath": RUN_DIRECTORY},
            {"name": "scratch", "mountPath": SCRATCH},
        ],
    }


def _overlay(target: str, suffix: str, name: str) -> Document:
    """The base under another name, for one target. kustomize changes the references to what it renames."""
    return {
        **_kustomization(["../../base"]),
        "nameSuffix": suffix,
        "labels": [{"pairs": {"floe.dev/target": label_value(target)}, "includeTemplates": True}],
        "patches": [
            {
                "target": {"kind": "ConfigMap", "name": name},
                "patch": _yaml([{"op": "replace", "path": "/data/FLOE_TARGET", "value": target}]),
            }
        ],
    }


def _kustomization(resources: Sequence[str]) -> Document:
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(resources)}


def _labels(head: BundleHead) -> dict[str, str]:
    """Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/"""
    return {
        "app.kubernetes.io/name": label_value(head.product.name),
        "app.kubernetes.io/version": label_value(head.product.version),
        "app.kubernetes.io/component": "data-product",
        "app.kubernetes.io/part-of": label_value(head.platform.name),
        "app.kubernetes.io/managed-by": "floe",
    }


def _image(head: BundleHead, settings: Deployment) -> str:
    named = settings.image.replace("{product}", object_name(head.product.name))
    return named.replace("{version}", label_value(head.product.version))


def _quantity(amount: str | int) -> str:
    return str(amount)


class _Dumper(yaml.SafeDumper):
    """Repeats what stands twice, instead of naming it once; lists are indented below their key, texts are blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=10_000)
    return text


def _written(document: Document) -> bytes:
    return _yaml(document).encode()
