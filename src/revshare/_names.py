"""What a payee may be called."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from ._model import Refusal, show

MAX_NAME = 64


def check_name(value: object) -> str:
    """Return `value` if it can name a payee; raise Refusal otherwise.

    A name has 1 to 64 characters: letters and digits of any script, and ``_ - .`` and single spaces between
    them. It is in Unicode's NFKC form, so that two names that look alike to the eye are not different to the
    program.
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
    return value


def same_name(name: str) -> str:
    """Return what two names have in common when they differ in letter case only."""
    return unicodedata.normalize("NFKC", name).casefold()


PayeeName = Annotated[
    str,
    BeforeValidator(check_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME}),
]
