"""Numbers as files write them, read by a strict grammar.

A locale says which sign parts thousands and which the decimals. Without one a number has digits and perhaps a
point, and what could be read in two ways is refused: ``1,234`` is a thousand to one reader and little more
than one to another. What Python's own parsers let pass is refused in every locale: NaN, Infinity, exponents,
underscores, digits of other scripts, full-width ones, a plus sign, stray spaces.

Numbers are exact: a pair (digits, scale) of integers stands for digits / 10^scale.
"""

from __future__ import annotations

import re
from decimal import Decimal

from revshare._model import show

__all__ = ["LOCALES", "Number", "NumberReader", "Unreadable", "from_float", "number_text"]

Number = tuple[int, int]
"""digits and scale, the value is digits / 10^scale."""

_SPACES = " \u00a0\u202f"
_POINT, _COMMA, _SPACE, _APOSTROPHE = (",", "."), (".", ","), (_SPACES, ","), ("'\u2019", ".")
LOCALES: dict[str, tuple[str, str]] = {
    "plain": ("", "."),
    **dict.fromkeys(("en", "en-AU", "en-CA", "en-GB", "en-IE", "en-NZ", "en-US", "ja", "ko", "zh"), _POINT),
    **dict.fromkeys(("da", "de", "de-DE", "es", "es-ES", "id", "it", "it-IT", "nl", "pt-BR", "tr"), _COMMA),
    **dict.fromkeys(
        ("cs", "fi", "fr", "fr-BE", "fr-FR", "nb", "pl", "pt-PT", "ru", "sk", "sv", "uk"), _SPACE
    ),
    **dict.fromkeys(("de-CH", "it-CH"), _APOSTROPHE),
}
"""Name → (signs that part thousands, sign before decimals). ``plain`` is what machines write: 1234.5."""

LONGEST = 100
"""More characters than the largest amount needs."""

_EITHER = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")
_FLOAT_EXACT = 2**53


class Unreadable(ValueError):
    """A cell that cannot be taken: the message says why. `value` is the cell as it should be shown."""


class NumberReader:
    r"""Reads numbers as `locale` writes them, a key of LOCALES; None for numbers that need none.

    >>> NumberReader("fr").read("1\u202f234,56"), NumberReader(None).read("-12.5")
    ((123456, 2), (-125, 1))
    """

    def __init__(self, locale: str | None = None, *, trim: bool = False) -> None:
        self.locale = locale
        self._trim = trim
        self._group, self._point = LOCALES[locale or "plain"]
        group, point = re.escape(self._group), re.escape(self._point)
        # The same sign throughout: a mixture is a slip.
        grouped = rf"[1-9][0-9]{{0,2}}([{group}])[0-9]{{3}}(?:\2[0-9]{{3}})*|[0-9]+" if group else "()[0-9]+"
        self._grammar = re.compile(rf"(-?(?:{grouped}))(?:{point}([0-9]+))?")
        self._signs = str.maketrans("", "", self._group)

    def read(self, cell: object) -> Number:
        """Return the number in a cell: text, or a Decimal where the file itself says that it is a number.

        Raises Unreadable.
        """
        if isinstance(cell, Decimal):
            return _of_decimal(cell)
        if not isinstance(cell, str):
            raise Unreadable("is not a number")
        text = cell.strip(_SPACES + "\t") if self._trim else cell
        found = self._grammar.fullmatch(text)
        if found is None or len(text) > LONGEST:
            raise Unreadable(self._why_not(text))
        if self.locale is None and _EITHER.fullmatch(text):
            raise Unreadable(
                "could be a thousand or a fraction: declare the locale, such as en, de, fr or plain"
            )
        whole, decimals = found[1].translate(self._signs), found[3] or ""
        return int(whole + decimals), len(decimals)

    def _why_not(self, text: str) -> str:  # noqa: C901, PLR0911 - a table, and reads like one
        if not text or text.isspace():
            return "is empty, and a number is needed"
        if len(text) > LONGEST:
            return f"has {len(text)} characters, more than any amount"
        if text != text.strip():
            return "has white space around the number: remove it, or set trim = true"
        bare = text.lstrip("+-").casefold()
        if bare in {"nan", "inf", "infinity", "snan", "n/a", "na", "null", "none", "∞"}:
            return "is not a number"
        if any(sign.isnumeric() and not "0" <= sign <= "9" for sign in text):
            return "has digits other than 0 to 9"
        if re.fullmatch(r"[-+]?[0-9.,]+[eE][-+]?[0-9]+", text):
            return "has an exponent: write all digits"
        if "_" in text:
            return "has an underscore: write digits alone"
        if re.fullmatch(r"-?0[xXoObB][0-9a-fA-F]+", text):
            return "is not a number written with the digits 0 to 9"
        if text.startswith("+"):
            return "has a plus sign: write digits alone"
        if re.fullmatch(r"\(.*\)", text) or re.fullmatch(r".*[0-9]-", text):
            return "writes a negative number otherwise than with a minus in front"
        if text[0] in "\u2212\u2013\u2014\uff0d":
            return "has a dash where a minus (-) belongs"
        if re.search(r"[%$€£¥]|^[^\W\d]{1,4}[ \u00a0]?[0-9]|[0-9][ \u00a0]?[^\W\d]{1,4}$", text):
            return "has a currency, unit or percent sign: numbers stand alone"
        if self.locale is None and re.fullmatch(r"-?[0-9][0-9.,'\u2019 \u00a0\u202f]*", text):
            return "needs a locale to be read: declare it, such as en for 1,234.56 or fr for 1 234,56"
        if self.locale is None:
            return "is not a number"
        return f"is not a number as locale {self.locale} writes it ({self._sample()})"

    def _sample(self) -> str:
        return f"1{self._group[:1]}234{self._point}56"


def number_text(number: Number) -> str:
    """Return a number as plain text, exactly, with the decimals it was written with.

    >>> number_text((-125, 1)), number_text((5, 3)), number_text((7, 0))
    ('-12.5', '0.005', '7')
    """
    digits, scale = number
    if not scale:
        return str(digits)
    text = str(abs(digits)).rjust(scale + 1, "0")
    return f"{'-' if digits < 0 else ''}{text[:-scale]}.{text[-scale:]}"


def from_float(value: float, written: str | None = None) -> Decimal:
    """Return a float as the shortest decimal number that is read back as that float.

    written: that decimal form, for floats of another width than Python's. Raises Unreadable for NaN and
    infinities, and from 2^53 on, where not every integer is a float.
    """
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - only NaN differs from itself
        raise Unreadable("is not a number")
    if abs(value) >= _FLOAT_EXACT:
        raise Unreadable("is kept as a float, which is not exact at that size: keep it as text or a decimal")
    return Decimal(written or repr(value))


def _of_decimal(value: Decimal) -> Number:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise Unreadable("is not a number")
    if len(digits) > LONGEST or not -LONGEST <= exponent <= LONGEST:
        raise Unreadable(f"{show(str(value)[:40])} has more digits than any amount")
    whole = int("".join(map(str, digits))) * (-1 if sign else 1)
    return (whole, -exponent) if exponent < 0 else (whole * 10**exponent, 0)
