"""Rules: how people share beyond fixed shares, in the words they use.

    [[rules]]                                           # the platform takes its part first
    rule = "commission"
    to = "platform"
    rate = "10%"

    [[rules]]                                           # then a backer gets its money back, and a fifth more
    rule = "recoup"
    payee = "backer"
    amount = "10000"
    premium = "1.2"

The order of evaluation is fixed (docs/rules.md), whatever the order in the file; rules of one kind are taken
in the order of the file. `Rule.by_contract` says whether a rule depends on cumulative revenue only: then it
is compiled to tiers, and the contract enforces it. Every other is worked out when a period closes, and paid
through a payout book.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import Field, WrapValidator

from ._model import Refusal, show
from ._rule import Rule, Span
from ._rules_close import Floor, Guarantee, Reserve, Retain, Threshold, Weights, Withhold
from ._rules_sale import Cap, Commission, Fee, Nest, Progressive, Recoup, Refunds, Step, Version, Where
from .errors import AgreementError, Problem, did_you_mean

__all__ = [
    "KINDS", "AnyRule", "Cap", "Commission", "Fee", "Floor", "Guarantee", "Nest", "Progressive", "Recoup",
    "Refunds", "Reserve", "Retain", "Rule", "Span", "Step", "Threshold", "Version", "Weights", "Where",
    "Withhold",
]  # fmt: skip

KINDS: dict[str, type[Rule]] = {
    kind.model_fields["rule"].default: kind
    for kind in (
        Commission, Fee, Recoup, Progressive, Version, Where, Weights, Cap, Floor, Guarantee, Reserve, Retain,
        Withhold, Threshold, Refunds, Nest,
    )
}  # fmt: skip
"""The rules, by the word that stands in the file."""


def _read(value: object, _by_pydantic: object) -> Rule:
    """Return the rule that `value` says. Pydantic's own choice would put the kind into every place."""
    if isinstance(value, Rule):
        return value
    if not isinstance(value, Mapping):
        raise Refusal(f"{show(value)} is not a table", "write a table: names with values")
    kind = value.get("rule")
    if kind is None:
        known = ", ".join(KINDS)
        raise AgreementError([Problem("rule", "is missing", f"say which rule it is, one of {known}")])
    if not isinstance(kind, str) or kind not in KINDS:
        hint = did_you_mean(kind, KINDS) if isinstance(kind, str) else ""
        fix = hint or "use one of " + ", ".join(KINDS)
        raise AgreementError([Problem("rule", f"{show(kind)} is not a rule known here", fix)])
    return KINDS[kind].model_validate(value)


_Kinds: TypeAlias = (
    Commission
    | Fee
    | Recoup
    | Progressive
    | Version
    | Where
    | Weights
    | Cap
    | Floor
    | Guarantee
    | Reserve
    | Retain
    | Withhold
    | Threshold
    | Refunds
    | Nest
)
AnyRule: TypeAlias = Annotated[_Kinds, Field(discriminator="rule"), WrapValidator(_read)]
"""Any rule, as a field of a model."""
