"""The cache holds whole entries of its owner, or is not used: others' folders, links, damage, killed writers, limits."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tinygrad_reg.compiler.backends.c import cache

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are those of POSIX")
KEY = "0" * 64


def content(key: str = KEY) -> bytes | None:
    path = cache.find(key, ".so")
    return None if path is None else Path(path).read_bytes()


def test_an_entry_comes_back_under_its_key_and_suffix_alone(own_cache: Path) -> None:
    assert content() is None
    cache.store(KEY, ".so", b"library")
    assert content() == b"library"
    assert cache.find(KEY, ".json") is None
    assert cache.find("1" * 64, ".so") is None
    assert cache.find(KEY[:-1], ".so") is None


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o077])
@posix
def test_modes_do_not_depend_on_the_umask(own_cache: Path, mask: int) -> None:
    old = os.umask(mask)
    try:
        path = cache.store(KEY, ".so", b"library")
    finally:
        os.umask(old)
    assert own_cache.stat().st_mode & 0o777 == 0o700
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert content() == b"library"


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
@pytest.mark.parametrize("what", ["folder", "entry"])
@posix
def test_what_others_can_write_is_refused(own_cache: Path, mode: int, what: str) -> None:
    entry = cache.store(KEY, ".so", b"library")
    os.chmod(own_cache if what == "folder" else entry, mode)
    with pytest.raises(cache.RefusedError, match="can be written by other users"):
        cache.find(KEY, ".so")
    if what == "folder":
        with pytest.raises(cache.RefusedError, match="can be written by other users"):
            cache.store("1" * 64, ".so", b"library")


@posix
def test_a_folder_below_one_that_is_open_to_all_is_refused(own_cache: Path) -> None:
    cache.store(KEY, ".so", b"library")
    own_cache.parent.chmod(0o777)
    with pytest.raises(cache.RefusedError, match="can be written by every user"):
        cache.find(KEY, ".so")
    own_cache.parent.chmod(0o1777)  # as /tmp is: nobody can rename what belongs to another
    assert content() == b"library"


@pytest.mark.parametrize("what", ["folder", "entry"])
@posix
def test_what_another_user_owns_is_refused(own_cache: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = cache.store(KEY, ".so", b"library")
    theirs = str(own_cache) if what == "folder" else entry
    lstat = os.lstat

    def other_owner(path: str) -> os.stat_result | SimpleNamespace:
        found = lstat(path)
        return SimpleNamespace(st_mode=found.st_mode, st_uid=found.st_uid + 1) if path == theirs else found

    monkeypatch.setattr(os, "lstat", other_owner)
    with pytest.raises(cache.RefusedError, match="belongs to another user"):
        cache.find(KEY, ".so")


@pytest.mark.parametrize("what", ["folder", "entry"])
@posix
def test_links_are_refused(own_cache: Path, what: str) -> None:
    entry = Path(cache.store(KEY, ".so", b"library"))
    original = own_cache if what == "folder" else entry
    elsewhere = own_cache.parent / "elsewhere"
    original.rename(elsewhere)
    original.symlink_to(elsewhere)
    with pytest.raises(cache.RefusedError, match="is a link"):
        cache.find(KEY, ".so")


def test_a_file_or_a_folder_in_the_wrong_place_is_refused(own_cache: Path) -> None:
    entry = Path(cache.store(KEY, ".so", b"library"))
    entry.unlink()
    entry.mkdir()
    with pytest.raises(cache.RefusedError, match="is not what the cache made"):
        cache.find(KEY, ".so")
    entry.rmdir()
    own_cache.rmdir()
    own_cache.write_text("a file")
    with pytest.raises(cache.RefusedError, match="is not what the cache made"):
        cache.store(KEY, ".so", b"library")


def test_damaged_entries_are_never_found_and_are_removed(own_cache: Path) -> None:
    whole = bytes(range(200))
    damaged = [whole[:length] for length in range(len(whole))]
    damaged += [whole[:i] + bytes([whole[i] ^ 16]) + whole[i + 1 :] for i in range(len(whole))]
    damaged += [whole + b"\0"]
    for data in damaged:
        Path(cache.store(KEY, ".so", whole)).write_bytes(data)
        assert content() is None
        assert list(own_cache.iterdir()) == []


def test_a_damaged_entry_does_not_hide_a_whole_one(own_cache: Path) -> None:
    first, second = (Path(cache.store(KEY, ".so", data)) for data in (b"one", b"two"))
    min(first, second).write_bytes(b"")
    assert content() == (b"two" if first < second else b"one")


def test_entries_used_longest_ago_make_room(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT_ENTRIES", 3)
    keys = [str(i) * 64 for i in range(4)]
    for age, key in enumerate(keys[:3]):
        path = cache.store(key, ".so", key.encode())
        os.utime(path, (0, 1000 + age))
    assert content(keys[0]) is not None  # used just now
    cache.store(keys[3], ".so", b"new")
    assert [content(key) is not None for key in keys] == [True, False, True, True]
    monkeypatch.setattr(cache, "LIMIT_BYTES", 10)
    cache.store("a" * 64, ".so", bytes(11))  # too large to share; but what was just made is kept
    assert len(list(own_cache.iterdir())) == 1
    assert content("a" * 64) == bytes(11)


def test_unfinished_files_are_removed_when_they_have_no_writer_any_more(own_cache: Path) -> None:
    cache.store(KEY, ".so", b"library")
    old, young = own_cache / ".x.1.tmp", own_cache / ".x.2.tmp"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, time.time() - 2 * cache._ABANDONED))
    cache.store("1" * 64, ".so", b"library")
    assert not old.exists()
    assert young.exists()


def test_a_disk_that_refuses_is_a_refusal(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(cache.RefusedError, match="No space left"):
        cache.store(KEY, ".so", b"library")
    assert list(own_cache.iterdir()) == []


def test_where_the_folder_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TINYGRAD_REG_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/x")
    monkeypatch.setenv("USERPROFILE", "/home/x")
    for system, expected in (("linux", ".cache"), ("darwin", "Library/Caches"), ("win32", "AppData/Local")):
        monkeypatch.setattr(sys, "platform", system)
        assert Path(cache.folder()) == Path("/home/x").absolute() / expected / "tinygrad_reg"
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "a"))
    assert Path(cache.folder()) == tmp_path / "a" / "tinygrad_reg"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert Path(cache.folder()) == tmp_path / "b" / "tinygrad_reg"
    monkeypatch.setenv("TINYGRAD_REG_CACHE", str(tmp_path / "c"))
    assert Path(cache.folder()) == tmp_path / "c" / "tinygrad_reg"


WRITERS = """
import os, random, signal, sys, time
from pathlib import Path
from tinygrad_reg.compiler.backends.c import cache

generator, key, seen = random.Random(1), "0" * 64, set()
cache.LIMIT_ENTRIES = 20
cache.store(key, ".so", bytes(120_000))
for _ in range(150):
    pid = os.fork()
    if pid == 0:
        number = os.getpid()
        while True:
            number += 1
            cache.store(key, ".so", number.to_bytes(4, "little") * 30_000)
    time.sleep(generator.uniform(0.0, 0.02))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for name in os.listdir(cache.folder()):
        if name.endswith(".so"):
            data = Path(cache.folder(), name).read_bytes()
            assert data == data[:4] * 30_000, "half an entry has an entry's name"
            seen.add(name)
    assert cache.find(key, ".so"), "an entry is lost"
print(len(seen))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes, which this system does not have")
def test_writers_killed_at_150_random_moments_leave_whole_entries(own_cache: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", WRITERS], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10, "the writers were killed before they wrote anything"
