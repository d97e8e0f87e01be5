"""Order, batching and repeats of a feed's lines, and the number of threads, change no finding."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from uptake.definitions import read_checks
from uptake.demo.hospital import write_sample
from uptake.feeds.chunks import Chunk
from uptake.feeds.files import SourceFile, find_feeds
from uptake.findings.assess import Request, assess
from uptake.model import Assessment, CheckResult
from uptake.project import Project
from uptake.resources import store
from uptake.resources.gate import judge

AS_OF = datetime(2026, 11, 23, tzinfo=UTC)
Lines = dict[str, list[bytes]]
"""Feed to its lines."""
Result = tuple[Assessment, list[tuple[Any, ...]]]


class Silent:
    def begin(self, phase: str, total: int) -> None: ...

    def advance(self, steps: int, at: str = "") -> None: ...


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, patients=30, seed=7)
    found: Lines = {}
    for path in sorted(folder.rglob("*.ndjson*")):
        feed = path.relative_to(folder).parts[0]
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        found.setdefault(feed, []).extend(line for line in text.split(b"\n") if line.strip())
    assert len(found) > 1
    return found


def write(
    folder: Path, lines: Lines, files: Callable[[list[bytes]], Iterable[list[bytes]]]
) -> Path:
    for feed, of_feed in lines.items():
        (folder / feed).mkdir(parents=True)
        for number, part in enumerate(files(of_feed)):
            (folder / feed / f"{number:03}.ndjson").write_bytes(b"\n".join(part) + b"\n")
    return folder


def one_file(lines: list[bytes]) -> list[list[bytes]]:
    return [lines]


def run(folder: Path, out: Path, threads: int = 1) -> Result:
    project = Project()
    request = Request(
        feeds=find_feeds([str(folder)], {}),
        checks=read_checks(project.content("checks"), verify=()),
        use_cases={},
        as_of=AS_OF,
        run="test",
        threads=threads,
    )
    done = assess(request, out, out / "store", Silent())
    table = pq.read_table(out / "findings.parquet").drop(["source_file", "source_line"])
    return done, [tuple(row.values()) for row in table.to_pylist()]


@pytest.fixture(scope="module")
def whole(sample: Lines, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("whole")
    return run(write(folder / "in", sample, one_file), folder / "out")


def numbers(done: Assessment) -> list[tuple[Any, ...]]:
    def of(r: CheckResult) -> tuple[Any, ...]:
        return (r.check.code, r.verdict, r.numerator, r.denominator, r.not_judged, r.patients)

    return [of(r) for r in done.checks]


def same(one: Result, other: Result) -> None:
    assert numbers(other[0]) == numbers(one[0])
    assert other[1] == one[1]
    assert other[0].strata == one[0].strata


def test_the_sample_says_something(whole: Result) -> None:
    done, findings = whole
    assert {"CTX-01"} <= {row[1] for row in findings}
    assert all(r.reason != "error" for r in done.checks), [r.detail for r in done.checks]


def test_a_numerator_is_at_most_its_denominator(whole: Result) -> None:
    done, _ = whole
    for part in (*done.checks, *done.strata):
        assert 0 <= part.numerator <= part.denominator
        assert part.not_judged >= 0


def test_findings_are_sorted(whole: Result) -> None:
    _, findings = whole
    keys = [(r[1], r[3], r[4] or "", r[5] or "", r[7] or "", r[8] or "") for r in findings]
    assert keys == sorted(keys)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_lines(sample: Lines, whole: Result, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    mixed = {feed: rng.sample(lines, len(lines)) for feed, lines in sample.items()}
    same(whole, run(write(tmp_path / "in", mixed, one_file), tmp_path / "out"))


def test_batching_into_files(sample: Lines, whole: Result, tmp_path: Path) -> None:
    rng = random.Random(3)

    def many(lines: list[bytes]) -> list[list[bytes]]:
        cuts = sorted(rng.sample(range(len(lines)), 6))
        parts = [lines[a:b] for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
        return rng.sample(parts, len(parts))

    same(whole, run(write(tmp_path / "in", sample, many), tmp_path / "out"))


def test_threads_and_processes(
    sample: Lines, whole: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "POOL_FROM", 0)
    monkeypatch.setattr(store, "PART", 100_000)
    same(whole, run(write(tmp_path / "in", sample, one_file), tmp_path / "out", threads=2))


def test_repeats_of_lines_and_files(sample: Lines, whole: Result, tmp_path: Path) -> None:
    """What was let in counts once, however often it came; what was kept out, each time."""
    rng = random.Random(4)

    def twice(lines: list[bytes]) -> list[list[bytes]]:
        chunk = Chunk(SourceFile(0, "", Path(), "", 0), 1, 0, b"\n".join(lines), document=False)
        good = [record.text for record in judge(chunk).records]
        some = rng.sample(good, len(good) // 3)
        return [rng.sample(lines + some, len(lines) + len(some)), good]

    same(whole, run(write(tmp_path / "in", sample, twice), tmp_path / "out"))
    again, findings = run(
        write(tmp_path / "again", sample, lambda lines: [lines, lines]), tmp_path / "out2"
    )
    assert set(findings) == set(whole[1])
    assert all(f.records == f.resources + f.quarantined for f in again.inputs)
