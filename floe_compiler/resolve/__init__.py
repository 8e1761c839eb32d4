"""resolve: pure. From documents to one product in which every choice is made and knows where it came from."""

from floe_compiler.resolve.choices import Origin, PluginChosen, ResolvedTarget
from floe_compiler.resolve.dependencies import ResolvedDependency
from floe_compiler.resolve.origins import Origins
from floe_compiler.resolve.product import ResolvedProduct, resolve

__all__ = [
    "Origin",
    "Origins",
    "PluginChosen",
    "ResolvedDependency",
    "ResolvedProduct",
    "ResolvedTarget",
    "resolve",
]
