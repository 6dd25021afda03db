"""What the single values of an agreement file must look like.

Each ``check_…`` takes a value as read and returns it as kept, or raises `Refusal`. The types made of them,
such as `Address`, are for the fields of a `Model`.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from fractions import Fraction
from math import isfinite
from typing import Annotated

from eth_hash.auto import keccak
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from ._model import Refusal, show

# ------------------------------------------------------------------------------------------ text and numbers


def check_line(value: object, longest: int) -> str:
    """Return `value` if it is one line of visible text; raise Refusal otherwise."""
    if not isinstance(value, str):
        raise Refusal(f"{show(value)} is not text", "write it in quotes")
    if not value.strip():
        raise Refusal("is empty", "write some text")
    if value != value.strip():
        raise Refusal(f"{show(value)} begins or ends with white space", f"write {show(value.strip())}")
    if len(value) > longest:
        raise Refusal(f"has {len(value)} characters", f"use at most {longest}")
    if not value.isprintable():
        raise Refusal(
            f"{show(value)} has characters that cannot be seen", "use visible characters on one line"
        )
    return value


def _check_int(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal(f"{show(value)} is not a whole number", "write a plain whole number, without quotes")
    return value


WholeNumber = Annotated[int, BeforeValidator(_check_int)]

# ------------------------------------------------------------------------------------------ addresses


def checksum_address(address: str) -> str:
    """Return the 20-byte address `address` ("0x" and 40 hexadecimal digits) with its EIP-55 checksum.

    >>> checksum_address("0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359")
    '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359'
    """
    digits = address[2:].lower()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(d.upper() if mark >= "8" else d for d, mark in zip(digits, marks, strict=False))


def check_address(value: object) -> str:
    """Return `value` in EIP-55 form; raise Refusal unless it is an address that someone can have.

    Mixed case is a checksum and must be right. One case alone carries no checksum (EIP-55), and is accepted.
    """
    if not isinstance(value, str):
        raise Refusal(f"{show(value)} is not an address", 'write "0x" and 40 hexadecimal digits, in quotes')
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        length = len(value) - 2
        if re.fullmatch(r"0x[0-9a-fA-F]*", value):
            raise Refusal(
                f"{show(value)} has {length} hexadecimal digits", "an address has exactly 40 after 0x"
            )
        raise Refusal(f"{show(value)} is not an address", 'write "0x" and exactly 40 hexadecimal digits')
    if int(value, 16) == 0:
        raise Refusal("is the zero address, which nobody owns", "give the payee's own address")
    right = checksum_address(value)
    digits = value[2:]
    if value != right and digits not in (digits.lower(), digits.upper()):
        raise Refusal(f"{value} has a wrong EIP-55 checksum", f"if no digit is mistyped, it is {right}")
    return right


Address = Annotated[
    str,
    BeforeValidator(check_address),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^0x[0-9a-fA-F]{40}$",
            "description": "Address with EIP-55 checksum: 0x and 40 hexadecimal digits.",
        }
    ),
]

# ------------------------------------------------------------------------------------------ names of payees

MAX_NAME = 64


def check_name(value: object) -> str:
    """Return `value` if it can name a payee; raise Refusal otherwise.

    A name has 1 to 64 characters: letters and digits of any script, and ``_ - .`` and single spaces between
    them. It is in Unicode's NFKC form, so that two names that look alike to the eye are not different to the
    program; and it does not read as an address.
    """
    if not isinstance(value, str) or not value:
        raise Refusal(
            "the empty name names nobody" if value == "" else f"{show(value)} is not a name", "write a name"
        )
    if len(value) > MAX_NAME:
        raise Refusal(f"the name {show(value)} has {len(value)} characters", f"use at most {MAX_NAME}")
    for character in value:
        if unicodedata.category(character)[0] not in "LMN" and character not in "_-. ":
            raise Refusal(
                f"the name {show(value)} contains {show(character)}",
                "use letters, digits, spaces and any of _ - .",
            )
    if unicodedata.normalize("NFKC", value) != value:
        plain = unicodedata.normalize("NFKC", value)
        raise Refusal(f"the name {show(value)} is not in plain (NFKC) characters", f"write {show(plain)}")
    if unicodedata.category(value[0])[0] not in "LN" or value[-1] == " " or "  " in value:
        raise Refusal(
            f"the name {show(value)} begins with a sign or has stray spaces",
            "begin with a letter or digit, and put single spaces between words",
        )
    if reads_as_address(value):
        raise Refusal(f"the name {show(value)} reads as an address", "write what the payee is called")
    return value


def reads_as_address(name: str) -> bool:
    """Whether a name could be taken for an address: perhaps somebody else's, to be paid in that one's place.

    >>> reads_as_address("FB6916095ca1df60bb79ce92ce3ea74c37c5d359"), reads_as_address("Ada")
    (True, False)
    """
    return re.fullmatch("(0[xX])?[0-9a-fA-F]{40}", name) is not None


def is_name(value: object) -> bool:
    """Return whether `value` can name a payee."""
    try:
        check_name(value)
    except Refusal:
        return False
    return True


def same_name(name: str) -> str:
    """Return what two names have in common when they differ in letter case only."""
    return unicodedata.normalize("NFKC", name).casefold()


PayeeName = Annotated[
    str,
    BeforeValidator(check_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME}),
]

# ------------------------------------------------------------------------------------------ shares

WEIGHT_LIMIT = 2**32
"""A weight is less than this: the contract keeps it in four bytes, and the sum of a tier in six."""

_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,30})?%")


def check_share(value: object) -> int | str:
    """Return one share as written, an integer weight or a percentage as text; raise Refusal otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        fix = "write a percentage in quotes or a whole number"
        if isinstance(value, float) and 0 < value <= 100 and len(str(value)) < 12:
            meant = Fraction(str(value)) * (100 if value <= 1 else 1)
            fix = f'write "{percent_text(meant)}" for a percentage, or whole numbers for all'
        raise Refusal(f"{show(value)} is neither a percentage nor a whole number", fix)
    if isinstance(value, int):
        if not 0 <= value < WEIGHT_LIMIT:
            raise Refusal(f"the weight {show(value)} is out of range", f"use 0 to {WEIGHT_LIMIT - 1}")
        return value
    if not _PERCENT.fullmatch(value):
        fix = 'write digits and a percent sign, like "12.5%"'
        if value.strip().isdecimal():
            fix = f'write "{int(value[:20])}%" for a percentage, or the number without quotes for a weight'
        raise Refusal(f"{show(value)} is not a percentage", fix)
    if percent(value) > 100:
        raise Refusal(f"{value} is more than 100%", "the shares of a tier sum to exactly 100%")
    return value


def percent(share: str) -> Fraction:
    """Return the percentage `share`, such as ``"12.5%"``, exactly."""
    return Fraction(share.removesuffix("%"))


def percent_text(percent: Fraction) -> str:
    """Return a percentage, which has finitely many decimals, exactly: ``99.99%``."""
    decimals = 0
    while (percent * 10**decimals).denominator != 1:
        decimals += 1
    digits = f"{int(percent * 10**decimals):0{decimals + 1}d}"
    return (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits) + "%"


Share = Annotated[
    int | str,
    BeforeValidator(check_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,30})?%$"},
                {"type": "integer", "minimum": 0, "exclusiveMaximum": WEIGHT_LIMIT},
            ]
        }
    ),
]

# ------------------------------------------------------------------------------------------ amounts

_AMOUNT = r"[0-9]{1,80}(\.[0-9]{1,40})?"
_AMOUNT_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "string", "pattern": f"^{_AMOUNT}$"}, {"type": "integer", "minimum": 1}]}
)


def _check_plain(value: object) -> str:
    """Return an amount of 0 or more, in whole tokens, as text; raise Refusal unless it is exact."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Refusal(f"{show(value)} is not an exact amount", 'write digits in quotes, like "2000"')
    text = show(value) if isinstance(value, int) else value
    if not re.fullmatch(_AMOUNT, text):
        raise Refusal(f"{show(value)} is not a plain amount", 'write digits only, like "2000" or "1234.50"')
    return text


def check_amount(value: object) -> str:
    """Return an amount above zero, in whole tokens, as text; raise Refusal unless it is exact."""
    text = _check_plain(value)
    if not text.strip("0."):
        raise Refusal("is zero, so that the rule does nothing", "write an amount, or leave the rule out")
    return text


def check_until(value: object) -> str | None:
    """Return the end of a tier, in whole tokens, as text or None; raise Refusal unless it is exact."""
    if value is None:
        return None
    if isinstance(value, float) and isfinite(value):
        raise Refusal(f"{show(value)} is not an exact amount", f'write it in quotes: until = "{value!s}"')
    text = _check_plain(value)
    if not text.strip("0."):
        raise Refusal(
            "the tier ends at 0, so that it holds nothing",
            "write an amount above zero, or leave the tier out",
        )
    return text


Amount = Annotated[str, BeforeValidator(check_amount), _AMOUNT_SCHEMA]
"""Whole tokens, as text."""
Until = Annotated[str, BeforeValidator(check_until), _AMOUNT_SCHEMA]

# ------------------------------------------------------------------------------------------ values of rules

_FACTOR = r"[0-9]{1,4}(\.[0-9]{1,30})?"


def check_percentage(value: object, example: str = "12.5%") -> str:
    """Return a percentage as written; raise Refusal for what is none."""
    if not isinstance(value, str) or not _PERCENT.fullmatch(value):
        fix = f'write digits and a percent sign, like "{example}"'
        raise Refusal(f"{show(value)} is not a percentage", fix)
    return value


def check_rate(value: object) -> str:
    """Return a percentage above 0 as written; raise Refusal otherwise."""
    value = check_percentage(value)
    if not 0 < percent(value) <= 100:
        raise Refusal(f"{value} is out of range", 'use more than 0% and at most "100%"')
    return value


def check_step_rate(value: object) -> str:
    """Return the rate of a step as written: a percentage, of which 0 is one too."""
    if isinstance(value, str) and _PERCENT.fullmatch(value) and percent(value) == 0:
        return value
    return check_rate(value)


def check_factor(value: object) -> str:
    """Return a factor of at least 1 as written; raise Refusal otherwise."""
    if not isinstance(value, str) or not re.fullmatch(_FACTOR, value):
        raise Refusal(f"{show(value)} is not a factor", 'write a number in quotes, like "1.2"')
    if Fraction(value) < 1:
        raise Refusal(f"the factor {value} is less than 1", 'write "1" for no premium, or more')
    return value


def check_day(value: object) -> date:
    """Return a day, as TOML has them or as text like ``2027-01-31``; raise Refusal otherwise."""
    if type(value) is date:
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise Refusal(f"{show(value)} is not a day", "write it like 2027-01-31")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _no_repeats(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        twice = next(value for number, value in enumerate(values) if value in values[:number])
        raise Refusal(f"names {show(twice)} twice", "name it once")
    return values


_PERCENT_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,30})?%$"})
Rate = Annotated[str, BeforeValidator(check_rate), _PERCENT_SCHEMA]
StepRate = Annotated[str, BeforeValidator(check_step_rate), _PERCENT_SCHEMA]
Factor = Annotated[
    str, BeforeValidator(check_factor), WithJsonSchema({"type": "string", "pattern": f"^{_FACTOR}$"})
]
Day = Annotated[date, BeforeValidator(check_day), WithJsonSchema({"type": "string", "format": "date"})]
Text = Annotated[
    str,
    BeforeValidator(lambda value: check_line(value, 200)),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200}),
]


def _one_or_more(kind: dict[str, object]) -> WithJsonSchema:
    many = {"type": "array", "items": kind, "minItems": 1, "uniqueItems": True}
    return WithJsonSchema({"anyOf": [kind, many]})


_NAME_SCHEMA: dict[str, object] = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
_TEXT_SCHEMA: dict[str, object] = {"type": "string", "minLength": 1, "maxLength": 200}
Texts = Annotated[
    tuple[Text, ...],
    BeforeValidator(_as_list),
    Field(min_length=1),
    AfterValidator(_no_repeats),
    _one_or_more(_TEXT_SCHEMA),
]
"""One text, or a list of them."""
Payees = Annotated[
    tuple[PayeeName, ...],
    BeforeValidator(_as_list),
    Field(min_length=1),
    AfterValidator(_no_repeats),
    _one_or_more(_NAME_SCHEMA),
]
"""The name of one payee, or a list of them."""
