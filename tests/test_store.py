"""The cache: an entry is whole or absent, whatever happens while it is written."""

import os
import signal
import subprocess
import sys

import pytest

from kosae_core import store

SPEC = {"a": 1, "b": ["x", 2.5], "c": None}


def write(folder, text="hello"):
    (folder / "inner").mkdir()
    (folder / "one.txt").write_text(text)
    (folder / "inner" / "two.bin").write_bytes(bytes(range(256)))


def test_key_depends_on_content_not_on_order():
    assert store.key_of({"a": 1, "b": 2}) == store.key_of({"b": 2, "a": 1})
    assert store.key_of({"a": 1}) != store.key_of({"a": 2}) != store.key_of({"a": "2"})
    with pytest.raises(TypeError):
        store.key_of({"a": object()})
    with pytest.raises(ValueError):
        store.key_of({"a": float("nan")})


def test_an_entry_appears_whole(empty_store):
    assert store.find("kind", SPEC) is None
    with store.new_entry("kind", SPEC) as folder:
        write(folder)
        assert store.find("kind", SPEC) is None
    found = store.find("kind", SPEC)
    assert (found / "one.txt").read_text() == "hello"
    assert store.read_manifest(found)["spec"] == SPEC
    store.verify(found)
    assert [p.name for p in (empty_store / "kind").iterdir()] == [found.name]
    assert store.find("other", SPEC) is None and store.find("kind", {**SPEC, "a": 2}) is None


def test_an_error_leaves_nothing(empty_store):
    with pytest.raises(RuntimeError, match="stop"), store.new_entry("kind", SPEC) as folder:
        write(folder)
        raise RuntimeError("stop")
    assert list((empty_store / "kind").iterdir()) == []


def test_a_changed_byte_is_found_by_hash_and_a_changed_size_at_once(empty_store):
    with store.new_entry("kind", SPEC) as folder:
        write(folder)
    found = store.find("kind", SPEC)
    data = bytearray((found / "inner" / "two.bin").read_bytes())
    data[7] ^= 1
    (found / "inner" / "two.bin").write_bytes(data)
    assert store.find("kind", SPEC) == found
    with pytest.raises(store.DamagedEntry, match="two.bin.*sha256"):
        store.verify(found)
    (found / "inner" / "two.bin").write_bytes(data[:-1])
    with pytest.raises(store.DamagedEntry, match="255 bytes, not the 256"):
        store.verify(found, full=False)
    assert store.find("kind", SPEC) is None
    with store.new_entry("kind", SPEC) as folder:  # made again in its place
        write(folder)
    store.verify(store.find("kind", SPEC))


def test_a_folder_without_a_manifest_is_no_entry(empty_store):
    folder = store.folder_of("kind", SPEC)
    folder.mkdir(parents=True)
    write(folder)
    assert store.find("kind", SPEC) is None
    with pytest.raises(store.DamagedEntry, match="manifest.json cannot be read"):
        store.verify(folder)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"files": 3, "spec": {}}', '{"files": {"a": 1}, "spec": {}}', '{"spec": {}', "", "\udc80"]
)
def test_a_manifest_that_is_none_is_damage(empty_store, text):
    with store.new_entry("kind", SPEC) as folder:
        write(folder)
    found = store.find("kind", SPEC)
    (found / "manifest.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(
        store.DamagedEntry, match=r"manifest\.json (cannot be read|is not one that this package wrote).*delete"
    ):
        store.verify(found)
    assert store.find("kind", SPEC) is None


def test_a_manifest_is_utf_8_whatever_the_locale(empty_store):
    script = (
        "from kosae_core import store\nspec = {'name': '\\ud55c\\uad6d'}\nwith store.new_entry('kind', spec):\n    pass\n"
        "assert store.read_manifest(store.find('kind', spec))['spec'] == spec\n"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(store.paths.ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "한국" in (store.find("kind", {"name": "한국"}) / "manifest.json").read_text(encoding="utf-8")


def test_the_first_of_two_writers_is_kept(empty_store):
    with store.new_entry("kind", SPEC) as slow:
        write(slow, "slow")
        with store.new_entry("kind", SPEC) as fast:
            write(fast, "fast")
    assert (store.find("kind", SPEC) / "one.txt").read_text() == "fast"
    assert len(list((empty_store / "kind").iterdir())) == 1


def test_a_killed_writer_leaves_no_entry_and_is_swept_up(empty_store):
    script = (
        "import time\nfrom kosae_core import store\n"
        f"with store.new_entry('kind', {SPEC!r}) as folder:\n"
        "    (folder / 'one.txt').write_text('half')\n    print('writing', flush=True)\n    time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(store.paths.ROOT)}
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment)
    assert child.stdout.readline() == b"writing\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert store.find("kind", SPEC) is None
    assert len(list((empty_store / "kind").glob(".partial-*"))) == 1
    with store.new_entry("kind", SPEC) as folder:
        write(folder)
    assert not list((empty_store / "kind").glob(".partial-*"))
    store.verify(store.find("kind", SPEC))


def test_a_living_writer_is_left_alone(empty_store):
    with store.new_entry("kind", SPEC) as first:
        write(first)
        with store.new_entry("kind", {"other": 1}) as second:
            write(second)
    assert store.find("kind", SPEC) and store.find("kind", {"other": 1})


def test_two_processes_make_an_entry_once(tmp_path, monkeypatch):
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path))
    script = (
        "import os, time\nfrom kosae_core import store\n"
        "def make(folder):\n    time.sleep(0.5)\n    (folder / 'by').write_text(str(os.getpid()))\n    print('made')\n"
        "print((store.made('thing', {'a': 1}, make) / 'by').read_text())\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    words = [process.communicate(timeout=60)[0].split() for process in both]
    assert sorted(len(each) for each in words) == [1, 2] and words[0][-1] == words[1][-1]
