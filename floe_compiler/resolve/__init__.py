"""resolve: pure. From documents to one product in which every choice is made and knows where it came from."""

from floe_compiler.resolve.product import Origin, PluginChosen, ResolvedProduct, ResolvedTarget, resolve

__all__ = ["Origin", "PluginChosen", "ResolvedProduct", "ResolvedTarget", "resolve"]
