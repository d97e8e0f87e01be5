"""From a source as the user names it to the files of each feed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from uptake.errors import SourceError
from uptake.feeds.files import files_of, find_feeds
from uptake.model import Feed


def put(folder: Path, *names: str) -> Path:
    """Write a Patient to each of the files."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"resourceType":"Patient","id":"1"}\n')
    return folder


def found(*sources: Path, **named: Path) -> dict[str, list[str]]:
    """Return feed to the names of its files."""
    feeds = find_feeds([str(s) for s in sources], {n: str(p) for n, p in named.items()})
    files: dict[str, list[str]] = {feed.name: [] for feed in feeds}
    for file in files_of(feeds):
        files[file.feed].append(file.name)
    return files


def test_subfolders_are_feeds_unless_named_after_types(tmp_path: Path) -> None:
    put(
        tmp_path / "in",
        "Patient.ndjson",
        "Observation/1.ndjson.gz",
        "Observation/2026/2.NDJSON",
        "lab/a.json",
        "lab/deeper/b.jsonl",
        "lab/Observation/c.ndjson",
        "empty/readme.txt",
        ".hidden/d.ndjson",
        "lab/.hidden.ndjson",
        "notes.txt",
    )
    assert found(tmp_path / "in") == {
        "in": ["Observation/1.ndjson.gz", "Observation/2026/2.NDJSON", "Patient.ndjson"],
        "lab": ["Observation/c.ndjson", "a.json", "deeper/b.jsonl"],
    }


def test_a_file_is_a_feed(tmp_path: Path) -> None:
    put(tmp_path, "lab.ndjson.gz")
    assert found(tmp_path / "lab.ndjson.gz") == {"lab": ["lab.ndjson.gz"]}


def test_files_are_numbered_alike_whatever_the_order(tmp_path: Path) -> None:
    put(tmp_path, "a/2.ndjson", "a/1.ndjson", "b/1.ndjson")
    one = files_of(find_feeds([str(tmp_path / "a"), str(tmp_path / "b")], {}))
    other = files_of(find_feeds([str(tmp_path / "b"), str(tmp_path / "a")], {}))
    assert one == other
    assert [f.index for f in one] == [0, 1, 2]


def test_feed_overrides_a_name(tmp_path: Path) -> None:
    put(tmp_path / "in", "p.ndjson", "lab/a.ndjson", "ehr/b.ndjson", "ehr/part/c.ndjson")
    folder = tmp_path / "in"
    assert found(folder, northside=folder / "lab") == {
        "in": ["p.ndjson"],
        "ehr": ["b.ndjson", "part/c.ndjson"],
        "northside": ["a.ndjson"],
    }
    assert found(folder, people=folder / "p.ndjson") == {
        "ehr": ["b.ndjson", "part/c.ndjson"],
        "lab": ["a.ndjson"],
        "people": ["p.ndjson"],
    }
    assert found(folder / "ehr", part=folder / "ehr" / "part") == {
        "ehr": ["b.ndjson"],
        "part": ["c.ndjson"],
    }
    everything = ["ehr/b.ndjson", "ehr/part/c.ndjson", "lab/a.ndjson", "p.ndjson"]
    assert found(all=folder) == {"all": everything}


def test_a_nested_feed_takes_nothing_else_away(tmp_path: Path) -> None:
    put(tmp_path / "ehr", "x/1.ndjson", "x/lab/2.ndjson", "y/z/3.ndjson")
    assert found(ehr=tmp_path / "ehr", lab=tmp_path / "ehr" / "x" / "lab") == {
        "ehr": ["x/1.ndjson", "y/z/3.ndjson"],
        "lab": ["2.ndjson"],
    }


def test_two_sources_of_one_name(tmp_path: Path) -> None:
    put(tmp_path, "a/lab/1.ndjson", "b/lab/1.ndjson")
    with pytest.raises(SourceError, match="two sources are named 'lab'"):
        found(tmp_path / "a", tmp_path / "b")
    with pytest.raises(SourceError, match="two sources are named 'lab'"):
        found(tmp_path / "a" / "lab", lab=tmp_path / "b")
    assert set(found(tmp_path / "a", b_lab=tmp_path / "b" / "lab")) == {"lab", "b_lab"}


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("nowhere", "no such file or folder"),
        ("empty", "no FHIR in this folder"),
        ("https://example.org/fhir", "a FHIR server is not read"),
        ("x" * 400, "File name too long"),
        ("pipe", "neither a file nor a folder"),
        ("a\0b", "null"),
    ],
)
def test_what_is_no_source_is_refused_in_a_line(
    tmp_path: Path, source: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "empty/readme.txt").joinpath("empty/readme.txt").rename("empty/readme.md")
    os.mkfifo("pipe")
    with pytest.raises(SourceError, match=error) as caught:
        find_feeds([source], {})
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_that_may_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "lab/a.ndjson", "ehr/b.ndjson")
    listed = Path.iterdir

    def refusing(folder: Path):
        if folder.name == "lab":
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", refusing)
    with pytest.raises(SourceError, match="lab: cannot be listed: Permission denied"):
        found(tmp_path)


class TestLinks:
    def test_a_linked_folder_is_followed(self, tmp_path: Path) -> None:
        put(tmp_path, "elsewhere/a.ndjson")
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "lab").symlink_to(tmp_path / "elsewhere")
        assert found(tmp_path / "in") == {"lab": ["a.ndjson"]}

    def test_links_in_a_circle_end(self, tmp_path: Path) -> None:
        put(tmp_path / "in", "a.ndjson", "lab/b.ndjson")
        (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
        (tmp_path / "in" / "up").symlink_to(tmp_path)
        (tmp_path / "in" / "lab" / "up").symlink_to(tmp_path / "in")
        (tmp_path / "in" / "lab" / "self").symlink_to(".")
        assert found(tmp_path / "in") == {"in": ["a.ndjson"], "lab": ["b.ndjson"]}
        assert found(lab=tmp_path / "in" / "lab")["lab"][0] == "b.ndjson"

    def test_a_dangling_link_is_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        put(tmp_path, "in/a.ndjson")
        (tmp_path / "in" / "b.ndjson").symlink_to("nowhere")
        feeds = find_feeds([str(tmp_path / "in")], {})
        assert [(f.name, f.size) for f in files_of(feeds)] == [("a.ndjson", 36), ("b.ndjson", -1)]


def test_a_folder_named_like_a_file(tmp_path: Path) -> None:
    put(tmp_path, "in/x.ndjson/a.ndjson")
    assert found(tmp_path / "in") == {"x.ndjson": ["a.ndjson"]}


def test_names_are_one_line_of_unicode(tmp_path: Path) -> None:
    names = [
        "a b.ndjson",
        'it\'s "x".ndjson',
        "Zürich 東京.ndjson",
        "a\nb.ndjson",
        "\x1b[31m.ndjson",
    ]
    put(tmp_path / "in", *names)
    raw = os.fsencode(tmp_path / "in") + b"/\xff.ndjson"
    Path(os.fsdecode(raw)).write_text("")
    (tmp_path / "in" / os.fsdecode(b"feed\xfe")).mkdir()
    put(tmp_path / "in", os.fsdecode(b"feed\xfe/a.ndjson"))
    files = found(tmp_path / "in")
    assert files["in"] == sorted([*names[:3], "a\\nb.ndjson", "\\x1b[31m.ndjson", "\\xff.ndjson"])
    assert files["feed\\xfe"] == ["a.ndjson"]
    for name in (*files, *files["in"]):
        assert name.isprintable()
        assert name.encode()


def test_a_declared_feed_is_kept(tmp_path: Path) -> None:
    put(tmp_path, "lab/a.ndjson")
    declared = Feed("northside", tmp_path / "lab", role="external")
    assert find_feeds([str(tmp_path)], {}, [declared]) == (declared,)
