"""Fonts for PDF, which must carry the shapes of its letters: where they come from, what each can show.

Looked for in this order: files that are named, the folders in REVSHARE_FONTS, the Noto fonts of the package
manimgx-fonts (SIL Open Font License; most scripts in use but those of East Asia), and those of the
system. Where none is found, PDF's own Helvetica shows Western European letters only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from revshare.errors import InvalidInput

__all__ = ["FontFile", "choose", "reduced"]

# In the order of preference: the first is what a statement is set in, others fill in what it lacks.
_MAIN = (
    "NotoSans[wght].ttf",
    "NotoSans[wdth,wght].ttf",
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "LiberationSans-Regular.ttf",
    "FreeSans.ttf",
    "Arial Unicode.ttf",
    "segoeui.ttf",
    "arial.ttf",
)
_FILL = ("NotoSans", "DejaVuSans.", "NotoEmoji", "DroidSansFallback", "unifont", "FreeSans.", "Arial Unicode")
_NOT = ("Italic", "Bold", "Mono", "Condensed", "Light", "Thin", "Black", "Display", "Oblique", "Medium")
_PACKAGES = ("manimgx_fonts", "fontpkg_noto_sans")


@dataclass(frozen=True)
class FontFile:
    """A font: its file, the characters it shows, and the weights it varies in, if it does."""

    path: Path
    characters: frozenset[int]
    weights: bool

    @property
    def bold(self) -> Path | None:
        """The bold sister of a font that does not vary, where it lies beside it."""
        name = self.path.name
        for plain, heavy in (("-Regular.", "-Bold."), ("Sans.", "Sans-Bold."), ("arial.", "arialbd.")):
            if plain in name and (sister := self.path.with_name(name.replace(plain, heavy))).is_file():
                return sister
        return None


def choose(text: Iterable[str], named: Sequence[str | Path] = ()) -> tuple[tuple[FontFile, ...], str]:
    """Return the fonts that show `text`, the main one first, and the characters that none of them has.

    named: font files to look into first. Raises InvalidInput for one that is no TrueType or OpenType font.
    """
    missing = {ord(letter) for part in text for letter in part if letter.isprintable() and letter != " "}
    chosen: list[FontFile] = []
    for path in _candidates(tuple(map(Path, named))):
        font = _read(path)
        if font is None:
            if path in map(Path, named):
                raise InvalidInput(f"{path} is not a TrueType or OpenType font")
            continue
        if not chosen or missing & font.characters:
            chosen.append(font)
            missing -= font.characters
        if not missing:
            break
    return tuple(chosen), "".join(map(chr, sorted(missing)))


def _candidates(named: tuple[Path, ...]) -> Iterator[Path]:
    yield from named
    found = _files(os.environ.get("REVSHARE_FONTS", ""))
    for name in _MAIN:
        yield from (path for path in found if path.name == name)
    yield from (path for path in found if path.name not in _MAIN)


@cache
def _files(extra: str) -> tuple[Path, ...]:
    """The usable font files on this machine, those in the folders `extra` first, each name once."""
    folders = [Path(folder) for folder in extra.split(os.pathsep) if folder]
    for package in _PACKAGES:
        spec = find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            folders.append(Path(spec.submodule_search_locations[0]))
    folders += _system_folders()
    found: dict[str, Path] = {}
    for place, folder in enumerate(folders):
        ours = place < len([one for one in extra.split(os.pathsep) if one])
        for path in sorted(folder.rglob("*.[to]tf")) if folder.is_dir() else ():
            fitting = path.name in _MAIN or (
                path.name.startswith(_FILL) and not any(n in path.name for n in _NOT)
            )
            if ours or fitting:
                found.setdefault(path.name, path)
    return tuple(found.values())


def _system_folders() -> list[Path]:
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path.home() / "Library/Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts"]


def reduced(font: FontFile, letters: Iterable[int], folder: Path) -> Path:
    """Return the file of `font`; of one that varies, a copy in `folder` with these letters alone.

    To fix the weight of such a font takes seconds for all its letters, and next to nothing for a few.
    """
    if not font.weights:
        return font.path
    subset: Any = import_module("fontTools.subset")
    ttlib: Any = import_module("fontTools.ttLib")
    chooser = subset.Subsetter(subset.Options(layout_features=["*"], notdef_outline=True, glyph_names=False))
    chooser.populate(unicodes=[*letters, 0x20, 0xFFFD])
    small = folder / f"{len(list(folder.iterdir()))}.ttf"
    with font.path.open("rb") as file, ttlib.TTFont(file) as whole:
        chooser.subset(whole)
        whole.save(small)
    return small


@cache
def _read(path: Path) -> FontFile | None:
    ttlib: Any = import_module("fontTools.ttLib")
    try:
        with path.open("rb") as file, ttlib.TTFont(file, lazy=True) as font:
            letters = frozenset(font.getBestCmap() or ())
            axes = {axis.axisTag for axis in font["fvar"].axes} if "fvar" in font else set()
    except (ttlib.TTLibError, OSError, KeyError):
        return None
    return FontFile(path, letters, "wght" in axes)
