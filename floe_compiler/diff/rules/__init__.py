"""rules: facts to grades, by one table."""

from floe_compiler.diff.rules.rule import Case, Rule
from floe_compiler.diff.rules.table import NOT_KNOWN, RULES, SECTIONS, rule_for

__all__ = ["NOT_KNOWN", "RULES", "SECTIONS", "Case", "Rule", "rule_for"]
