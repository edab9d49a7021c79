"""From C source to a loaded library: which compiler is taken, what is compiled anew, what happens when something is missing or broken."""

from __future__ import annotations

import ctypes
import math
import os
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from tinygrad_reg.compiler.backends.c import cache, toolchain
from tinygrad_reg.errors import CompileError, TinygradRegError

from .conftest import forget, needs_compiler

SOURCE = "double answer(void) { return 42.0; }\n"


def answer(source: str = SOURCE) -> float:
    function = toolchain.load(source).answer
    function.restype = ctypes.c_double
    return float(function())


def libraries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix != ".json")


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def stand_in(path: Path, log: Path) -> Path:
    """A compiler that writes down how it is called and lets the real one do the work."""
    found = toolchain.compiler()
    assert found is not None
    return script(path, f'echo "$@" >> {log}\nexec {" ".join(found.command)} "$@"')


needs_shell = pytest.mark.skipif(os.name == "nt", reason="stand-ins for compilers are shell scripts")


@needs_compiler
def test_a_library_is_compiled_once_and_then_comes_from_the_cache(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer() == 42
    [library] = libraries(own_cache)
    written = library.read_bytes()
    forget()
    monkeypatch.setattr(subprocess, "run", None)  # neither compiler nor its version is asked again
    start = time.perf_counter()
    assert answer() == 42
    assert time.perf_counter() - start < 0.05
    assert library.read_bytes() == written
    assert toolchain.load(SOURCE) is toolchain.load(SOURCE)


@needs_compiler
def test_another_source_flag_compiler_or_processor_is_another_entry(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    using = toolchain.compiler()
    assert using is not None
    others = [
        (SOURCE + "/* */", using),
        (SOURCE, using._replace(flags=(*using.flags, "-g"))),
        (SOURCE, using._replace(version="2")),
        (SOURCE, using._replace(command=(*using.command, "-O2"))),
    ]
    for count, (source, one) in enumerate([(SOURCE, using), *others], 1):
        toolchain._load(source, one)
        assert len({path.name.split(".")[0] for path in libraries(own_cache)}) == count
    monkeypatch.setattr(toolchain, "_cpu", lambda: "another")
    forget()
    assert answer() == 42
    assert len({path.name.split(".")[0] for path in libraries(own_cache)}) == len(others) + 2


@needs_compiler
@pytest.mark.parametrize("damage", ["other content", "truncated"])
def test_a_tampered_library_is_compiled_anew(own_cache: Path, damage: str) -> None:
    answer()
    [library] = libraries(own_cache)
    whole = library.read_bytes()
    library.unlink()  # not in place: this process has it loaded
    library.write_bytes(whole.replace(b"answer", b"answar") if damage == "other content" else whole[: len(whole) // 2])
    forget()
    assert answer() == 42
    assert all(path.read_bytes() not in (b"", whole[: len(whole) // 2]) for path in libraries(own_cache))
    assert cache.find(libraries(own_cache)[0].name.split(".")[0], toolchain._SUFFIX) is not None


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes are those of POSIX")
def test_a_cache_that_others_can_write_is_not_used_and_that_is_said_once(own_cache: Path) -> None:
    own_cache.mkdir(0o700)
    own_cache.chmod(0o777)
    with pytest.warns(RuntimeWarning, match="can be written by other users") as caught:
        answers = [answer(), answer(SOURCE + "/* another */")]
    assert answers == [42, 42]
    assert len(caught) == 1
    assert list(own_cache.iterdir()) == []


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes are those of POSIX")
def test_an_entry_that_others_can_write_is_not_loaded(own_cache: Path) -> None:
    answer()
    [library] = libraries(own_cache)
    library.chmod(0o666)
    forget()
    with pytest.warns(RuntimeWarning, match="can be written by other users"):
        assert answer() == 42


@needs_compiler
def test_a_place_where_no_folder_can_be_made_is_not_used(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = own_cache.parent / "file"
    blocked.write_text("")
    monkeypatch.setenv("TINYGRAD_REG_CACHE", str(blocked))
    with pytest.warns(RuntimeWarning, match="cache of compiled steps is not used"):
        assert answer() == 42


@needs_compiler
def test_a_disk_from_which_nothing_may_be_executed(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ctypes.CDLL

    def refusing(path: str) -> ctypes.CDLL:
        if path.startswith(str(own_cache)):
            raise OSError(f"{path}: failed to map segment from shared object")
        return real(path)

    monkeypatch.setattr(ctypes, "CDLL", refusing)
    with pytest.warns(RuntimeWarning, match="failed to map segment"):
        assert answer() == 42


@needs_compiler
def test_a_source_that_does_not_compile_is_an_error_with_the_compilers_words(own_cache: Path) -> None:
    with pytest.raises(CompileError, match=r"(?s)^compile: .* cannot compile this:\nstep\.c:.*nonsense") as caught:
        toolchain.load("double answer(void) { return nonsense; }\n" + "int x = y;\n" * 50)
    assert isinstance(caught.value, TinygradRegError | RuntimeError)
    assert len(str(caught.value).splitlines()) <= 1 + toolchain._LINES
    assert libraries(own_cache) == []


# ---- which compiler --------------------------------------------------------------------------------------------------------


@needs_compiler
@needs_shell
def test_cc_is_honoured_with_its_arguments(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = stand_in(tmp_path / "my compiler", log := tmp_path / "log")
    monkeypatch.setenv("CC", f"'{mine}' -DANSWER=7")
    assert answer("double answer(void) { return ANSWER; }") == 7
    found = toolchain.compiler()
    assert found is not None
    assert found.command == (str(mine), "-DANSWER=7")
    assert "-DANSWER=7" in log.read_text()


@pytest.mark.parametrize("chosen", ["no-such-compiler", "'unfinished", "   ", sys.executable])
def test_a_cc_that_cannot_be_used_is_not_replaced_by_another(own_cache: Path, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", chosen)
    assert toolchain.compiler() is None
    assert repr(chosen) in toolchain.missing()
    assert "Install" in toolchain.missing()
    with pytest.raises(CompileError, match="CC is"):
        toolchain.load(SOURCE)


def test_no_compiler_at_all(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    assert toolchain.compiler() is None
    assert "none of cc, clang, gcc is on PATH, and ziglang is not installed" in toolchain.missing()
    assert "tinygrad-reg[compile]" in toolchain.missing()
    with pytest.raises(CompileError, match="no C compiler found"):
        toolchain.load(SOURCE)


@needs_compiler
@needs_shell
def test_the_first_that_works_of_cc_clang_and_gcc(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    gcc = stand_in(tmp_path / "gcc", tmp_path / "log")
    script(tmp_path / "cc", "echo not set up >&2; exit 1")  # as on a Mac before its tools are installed
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(toolchain, "_NAMES", ("cc", "gcc"))
    found = toolchain.compiler()
    assert found is not None
    assert found.command == (str(gcc),)


@needs_compiler
@needs_shell
def test_the_ziglang_package_is_the_last_resort(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a package of that name whose program is another compiler."""
    package = tmp_path / "site" / "ziglang"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('only its program is needed')")
    real = toolchain.compiler()
    assert real is not None
    script(package / "zig", f'shift\nexec {" ".join(real.command)} "$@"')
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(toolchain, "_NAMES", ("no-such-compiler",))
    forget()
    found = toolchain.compiler()
    assert found is not None
    assert found.command == (str(package / "zig"), "cc")
    assert answer() == 42


@needs_compiler
@needs_shell
def test_flags_that_a_compiler_refuses_are_left_out(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = toolchain.compiler()
    assert real is not None
    refuse = 'for a in "$@"; do case $a in -march=native|-mprefer*) exit 1;; -mcpu=native) set -- -DCPU "$@";; esac; done'
    drop = 'for a; do shift; [ "$a" = -mcpu=native ] || set -- "$@" "$a"; done'  # which this machine's compiler may not know
    plain = script(tmp_path / "plain", f'{refuse}\n{drop}\nexec {" ".join(real.command)} "$@"')
    monkeypatch.setenv("CC", str(plain))
    found = toolchain.compiler()
    assert found is not None
    assert "-mcpu=native" in found.flags
    assert not {"-march=native", "-mprefer-vector-width=512"} & set(found.flags)
    assert set(real.flags) - set(found.flags) <= {"-march=native", "-mprefer-vector-width=512"}
    assert answer("double answer(void) { return CPU + 1; }".replace("CPU", "CPU + 0")) == 2


@needs_compiler
@needs_shell
def test_a_compiler_is_asked_anew_when_its_file_changes(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = stand_in(tmp_path / "mine", log := tmp_path / "log")
    monkeypatch.setenv("CC", str(mine))
    toolchain.compiler()
    asked = log.read_text()
    assert "--version" in asked
    forget()
    toolchain.compiler()
    assert log.read_text() == asked
    os.utime(mine, (1, 1))
    forget()
    toolchain.compiler()
    assert log.read_text().count("--version") == 2


# ---- what the flags promise ------------------------------------------------------------------------------------------------


@needs_compiler
def test_the_flags_keep_ieee_754(own_cache: Path) -> None:
    library = toolchain.load(
        """
        double add0(double x) { return x + 0.0; }
        double times0(double x) { return x * 0.0; }
        double same(double x) { return x / x; }
        double differs(double x) { return x != x; }
        double twice_rounded(double x) { return x * x - 1.0000000298023226; }
        int wraps(int x) { return x + 1 < x; }
        """
    )
    for name in ("add0", "times0", "same", "differs", "twice_rounded"):
        getattr(library, name).restype = ctypes.c_double
        getattr(library, name).argtypes = [ctypes.c_double]
    assert math.copysign(1, library.add0(-0.0)) == 1
    assert math.copysign(1, library.times0(-1.0)) == -1
    assert math.isnan(library.times0(math.inf))
    assert math.isnan(library.same(0.0))
    assert library.differs(math.nan) == 1
    x = 1 + 2**-26
    assert library.twice_rounded(x) == x * x - 1.0000000298023226
    assert library.wraps(2**31 - 1) == 1


# ---- many at once ----------------------------------------------------------------------------------------------------------

CROWD = """
import ctypes, os
from tinygrad_reg.compiler.backends.c import toolchain

children = []
for i in range(8):
    pid = os.fork()
    if pid == 0:
        for j in range(3):
            function = toolchain.load("int f(void) { return %d; }" % j).f
            os._exit(1) if function() != j else None
        os._exit(0)
    children.append(pid)
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
"""


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_eight_processes_compile_the_same_at_once(own_cache: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    text = CROWD.replace('f"int f', '"int f')
    done = subprocess.run([sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    keys = {path.name.split(".")[0] for path in libraries(own_cache)}
    assert len(keys) == 3
    assert all(cache.find(key, toolchain._SUFFIX) for key in keys)
    assert not list(own_cache.glob("*.tmp"))


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes are those of POSIX")
def test_what_lies_in_the_cache_is_its_owners_alone(own_cache: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer()
    assert len(found := list(own_cache.iterdir())) == 2
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
