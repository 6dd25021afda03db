"""Pydantic models whose refusals are ours: every problem at once, each with its place and how to mend it.

`Model` is the base of what an agreement file says. However a model is made (called, `model_validate`, nested
in another), a refusal is an `AgreementError`, never a `pydantic.ValidationError`. A validator refuses by
raising `Refusal`; the place is added on the way up. What concerns several fields goes into
`Model.check_whole`, which sees the data as given and runs even when a field is wrong, so that one look at the
message is enough to mend a file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import TYPE_CHECKING, Any, Never, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from .errors import AgreementError, MappingError, Problem, did_you_mean

if TYPE_CHECKING:
    from pydantic import ModelWrapValidatorHandler
    from pydantic_core import ErrorDetails

V = TypeVar("V")


class Refusal(ValueError):
    """Raised inside a validator: what is wrong and how to mend it. The place follows from the field."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


class FrozenDict(dict[str, V]):
    """A dict that cannot be changed and can be hashed, so that a frozen model is frozen all the way down."""

    def _refuse(self, *_args: object, **_kwargs: object) -> Never:
        raise TypeError(
            "this mapping is part of a frozen model: make a new model instead of changing this one"
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)


Frozen = AfterValidator(FrozenDict)
"""Annotates a dict field of a model."""


class Model(BaseModel):
    """A frozen model that refuses unknown keys and raises `AgreementError`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    if not TYPE_CHECKING:  # type checkers keep the signature made from the fields

        def __init__(self, /, **data: object) -> None:
            problems: list[Problem] = []
            try:
                super().__init__(**data)
            except ValidationError as error:
                problems += problems_of(error, type(self))
            else:
                data = dict(self)
            problems += self.check_whole(data)
            if problems:
                raise AgreementError(problems)

    @classmethod
    def check_whole(cls, data: Mapping[str, object]) -> Iterable[Problem]:  # noqa: ARG003 - for subclasses
        """Yield what is wrong between fields.

        `data` holds the fields as checked or, if one was refused, as given: any part may be missing or
        malformed.
        """
        return ()

    @model_validator(mode="wrap")
    @classmethod
    def _only_text_keys(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        # Pydantic passes a table on as keyword arguments, and those must be text.
        if isinstance(data, Mapping):
            for key in data:
                if not isinstance(key, str):
                    raise Refusal(f"the key {show(key)} is not text", "use text for every key")
            data = dict(data)
        return handler(data)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002
        """Return this model with the fields in `update` changed, and checked. Raises AgreementError."""
        return type(self)(**dict(self) | dict(update or {}))

    @classmethod
    def model_validate(cls, obj: object, **options: Any) -> Self:
        """Check `obj` (a mapping, or a model of this class) and return the model. Raises AgreementError."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise AgreementError(problems_of(error, cls)) from None


# ------------------------------------------------------------------------------------------ problems


def show(value: object) -> str:
    """Return `value` as it should appear in a message: short, on one line, and never failing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int):
        # Python refuses to print integers of more than 4,300 digits.
        return str(value) if value.bit_length() < 270 else f"an integer of {value.bit_length()} bits"
    if isinstance(value, float):
        return str(value)[:60]
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "…")
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"a {type(value).__name__}"


def place(*parts: str | int) -> str:
    """Return the path to a place in an agreement.

    >>> place("tiers", 1, "shares", "designer"), place("payees", "account manager")
    ('tiers[1].shares.designer', "payees.'account manager'")
    """
    if not parts:
        return "top level"
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = (
                part
                if re.fullmatch(r"[^\W]([\w-]*[^\W])?|\$schema", part) and len(part) <= 64
                else show(part)
            )
            path += f".{name}" if path else name
    return path


def under(parts: tuple[str | int, ...], where: str) -> str:
    """Return the place `where`, relative to `parts`, as a place of the whole."""
    if not parts:
        return where
    prefix = place(*parts)
    if where == place():
        return prefix
    return prefix + where if where.startswith("[") else f"{prefix}.{where}"


def problems_of(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    """Yield the problems pydantic found in data for `model`, in our words."""
    for detail in error.errors(include_url=False):
        # A key at fault is reported as its value's place followed by "[key]".
        parts = tuple(part for part in detail["loc"] if part != "[key]")
        if detail["type"] == "too_short" and _length(detail["input"]) >= detail["ctx"]["min_length"]:
            continue  # the list is short because its entries are wrong, and that is reported with each
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, (AgreementError, MappingError)):  # a model nested in this one
            for problem in cause.problems:
                yield Problem(under(parts, problem.where), problem.what, problem.fix)
        elif isinstance(cause, Refusal):
            yield Problem(place(*parts), cause.what, cause.fix)
        else:
            yield Problem(place(*parts), *_in_our_words(detail, model))


def _length(value: object) -> int:
    """Return how many entries were given; of what can be read once only, more than any bound."""
    return len(value) if isinstance(value, Sized) else sys.maxsize


def _in_our_words(  # noqa: PLR0911 - a table, and reads like one
    detail: ErrorDetails, model: type[BaseModel]
) -> tuple[str, str]:
    value, context = show(detail["input"]), detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is missing", "add it"
        case "extra_forbidden":
            known = [field.alias or name for name, field in model.model_fields.items()]
            hint = did_you_mean(str(detail["loc"][-1]), known)
            return "is not a key known here", hint or "remove it; the keys are " + ", ".join(known)
        case "too_short":
            count = _length(detail["input"])
            what = "is empty" if not count else "has one entry only" if count == 1 else f"has {count} entries"
            return what, f"give at least {context['min_length']}"
        case "too_long":
            return f"has {len(detail['input'])} entries", f"at most {context['max_length']} fit"
        case "greater_than_equal" | "less_than_equal":
            sign, bound = ("least", context.get("ge")) if "ge" in context else ("most", context.get("le"))
            return f"{value} is out of range", f"use at {sign} {bound}"
        case "string_type" | "string_sub_type" | "string_unicode":
            return f"{value} is not text", "write it in quotes" if value != "null" else "write text in quotes"
        case "int_type" | "int_from_float" | "int_parsing_size":
            return f"{value} is not a whole number", "write a plain whole number, without quotes"
        case "literal_error":
            return f"{value} is not one of the words for it", f"write {context['expected']}"
        case "bool_type" | "bool_parsing":
            return f"{value} is neither true nor false", "write true or false, without quotes"
        case "dict_type" | "mapping_type" | "model_type" | "model_attributes_type" | "dataclass_type":
            return f"{value} is not a table", "write a table: names with values"
        case "tuple_type" | "list_type":
            return f"{value} is not a list", "write a list, in TOML with one [[…]] heading per entry"
        case _:
            return detail["msg"], "see the documentation of the agreement file"
