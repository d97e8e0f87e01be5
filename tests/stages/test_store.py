"""The raw store: whole or not at all, the same whoever judged, reused when nothing changed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from gate_cases import lines, patients

from uptake.errors import StorageError
from uptake.feeds.files import files_of, find_feeds
from uptake.resources import store
from uptake.resources.store import Store, load, open_store


def put(folder: Path, **feeds: bytes) -> Path:
    for name, content in feeds.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "a.ndjson").write_bytes(content)
    return folder


def load_folder(folder: Path, out: Path, threads: int = 1) -> Store:
    feeds = find_feeds([str(folder)], {})
    return load(files_of(feeds), out, threads, lambda _: None)


def rows(parts: list[str]) -> list[dict[str, object]]:
    found = [row for part in parts for row in pq.read_table(part).to_pylist()]
    return sorted(found, key=lambda r: json.dumps(r, default=repr, sort_keys=True))


LINES = [*patients(*map(str, range(400))), b"{broken", b'{"resourceType":"Patient","id":1}']


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return put(tmp_path / "in", a=lines(*LINES), b=lines(*LINES[200:], b"", *LINES[:3]))


def test_every_record_is_counted_once(source: Path, tmp_path: Path) -> None:
    made = load_folder(source, tmp_path / "store")
    for file, wanted in zip(made.files, (402, 205), strict=True):
        assert file.records == file.resources + file.quarantined == wanted
        assert file.quarantined == 2
        content = (source / file.feed / file.path).read_bytes()
        assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert len(rows(made.resource_parts)) == sum(f.resources for f in made.files)
    assert len(rows(made.quarantine_parts)) == sum(f.quarantined for f in made.files)


def test_records_are_kept_as_sent(source: Path, tmp_path: Path) -> None:
    made = load_folder(source, tmp_path / "store")
    for row in rows(made.resource_parts):
        index, offset = row["rid"] >> store.OFFSET_BITS, row["rid"] % (1 << store.OFFSET_BITS)
        file = made.files[index]
        content = (source / file.feed / file.path).read_bytes()
        assert content[offset:].startswith(row["text"].encode() + b"\n")
        assert content.count(b"\n", 0, offset) == row["line"] - 1
    for row in rows(made.quarantine_parts):
        file = made.files[row["file_index"]]
        content = (source / file.feed / file.path).read_bytes()
        assert content[row["byte_offset"] :].startswith(row["raw"] + b"\n")


def test_a_process_pool_says_the_same(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = load_folder(source, tmp_path / "alone", threads=2)
    monkeypatch.setattr(store, "POOL_FROM", 0)
    monkeypatch.setattr(store, "PART", 1000)
    pooled = load_folder(source, tmp_path / "pooled", threads=2)
    assert len(alone.parts) < len(pooled.parts)
    assert pooled.files == alone.files
    assert pooled.fields == alone.fields
    assert rows(pooled.resource_parts) == rows(alone.resource_parts)
    assert rows(pooled.quarantine_parts) == rows(alone.quarantine_parts)


def test_the_same_content_is_not_read_twice(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_folder(source, tmp_path / "store")
    monkeypatch.setattr(store, "_judge_all", lambda *_: pytest.fail("judged again"))
    again = load_folder(source, tmp_path / "store")
    assert again.files == first.files
    assert again.fields == first.fields
    assert open_store(tmp_path / "store").files == first.files
    monkeypatch.undo()
    (source / "a" / "a.ndjson").write_bytes(lines(*LINES[:1]))
    assert load_folder(source, tmp_path / "store").files[0].records == 1


@pytest.mark.parametrize("harm", ["manifest", "version", "part", "content"])
def test_a_store_that_is_not_whole_is_written_anew(source: Path, tmp_path: Path, harm: str) -> None:
    first = load_folder(source, tmp_path / "store")
    manifest = tmp_path / "store" / store.MANIFEST
    if harm == "manifest":
        manifest.write_bytes(manifest.read_bytes()[:50])
    elif harm == "part":
        Path(first.resource_parts[0]).unlink()
    else:
        kept = json.loads(manifest.read_bytes())
        kept[harm] = 0 if harm == "version" else "0"
        manifest.write_text(json.dumps(kept))
    again = load_folder(source, tmp_path / "store")
    assert again.files == first.files
    assert rows(again.resource_parts)


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no raw store here"):
        open_store(tmp_path)


def test_a_full_disk_leaves_what_was_there(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_folder(source, tmp_path / "store")
    (source / "a" / "a.ndjson").write_bytes(lines(*LINES[:1]))

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_whole", full)
        with pytest.raises(StorageError, match="cannot be written: No space left on device"):
            load_folder(source, tmp_path / "store")
    assert not (tmp_path / "store.tmp").exists()
    assert open_store(tmp_path / "store").files == first.files


def test_a_place_that_cannot_be_written(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        load_folder(source, tmp_path / "file" / "store")


def test_what_a_killed_run_left_is_cleared(source: Path, tmp_path: Path) -> None:
    left = tmp_path / "store.tmp"
    for _ in range(2):  # before the store is there, and when it can be reused
        left.mkdir()
        (left / "resources-000000.parquet").write_text("half")
        load_folder(source, tmp_path / "store")
        assert not left.exists()


def test_a_kill_during_the_load(tmp_path: Path) -> None:
    """The next run succeeds, whenever the one before was killed."""
    source = put(tmp_path / "in", a=lines(*patients(*map(str, range(60_000)))))
    code = (
        "import sys; from pathlib import Path\n"
        "from uptake.feeds.files import files_of, find_feeds\n"
        "from uptake.resources import store\n"
        "store.PART = 1000; store.CHUNK = 1000\n"
        "from uptake.feeds import chunks; chunks.CHUNK = 4000\n"
        "files = files_of(find_feeds([sys.argv[1]], {}))\n"
        "store.load(files, Path(sys.argv[2]), 1, lambda _: None)\n"
    )
    out = tmp_path / "store"
    child = subprocess.Popen([sys.executable, "-c", code, str(source), str(out)])
    growing = tmp_path / "store.tmp"
    end = time.monotonic() + 20
    while not list(growing.glob("*.parquet")) and time.monotonic() < end:
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not out.exists()
    assert growing.exists()
    assert load_folder(source, out).files[0].resources == 60_000
    assert not growing.exists()


def test_unreadable_files_are_records_kept_out(tmp_path: Path) -> None:
    source = put(tmp_path / "in", a=lines(*LINES[:2]))
    (source / "a" / "b.ndjson").symlink_to("nowhere")
    made = load_folder(source, tmp_path / "store")
    assert [(f.path, f.records, f.quarantined, f.sha256 == "") for f in made.files] == [
        ("a.ndjson", 2, 0, False),
        ("b.ndjson", 1, 1, True),
    ]


def test_odd_places_and_names(tmp_path: Path) -> None:
    source = put(tmp_path / 'it\'s "in" 東京\n', **{"a' b": lines(*LINES[:2])})
    made = load_folder(source, tmp_path / "it's a 'store'")
    assert len(rows(made.resource_parts)) == 2
