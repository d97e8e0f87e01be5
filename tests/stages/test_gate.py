"""Bad input: each kind has one outcome, and the rest of the file goes on."""

from __future__ import annotations

import gzip
import io
import json
import os
from pathlib import Path
from typing import ClassVar

import pytest
from gate_cases import bundle, entries, lines, patients, read

from uptake.feeds import chunks
from uptake.resources import gate

ONE, TWO = patients("1", "2")
OBSERVATION = b'{"resourceType":"Observation","id":"o","status":"final",%s}'


def between(tmp_path: Path, bad: bytes, name: str = "a.ndjson") -> gate.Rejected:
    """Return what the gate says of a line between two good ones, which it must let in."""
    path = tmp_path / name
    path.write_bytes(lines(ONE, bad, TWO))
    verdict = read(path)
    assert verdict.ids == ["1", "2"]
    assert [r.line for r in verdict.records] == [1, 3]
    only = verdict.only
    assert (only.line, only.offset, only.raw) == (2, len(ONE) + 1, bad)
    assert isinstance(only, gate.Rejected)
    assert only.error == only.error.strip() != ""
    assert "\n" not in only.error
    return only


KEPT_OUT = {
    "cut off": (b'{"resourceType":"Patient","id":"x', "cut off", ""),
    "no JSON": (b"hello", "invalid JSON", ""),
    "a trailing comma": (b'{"resourceType":"Patient",}', "trailing comma", ""),
    "two objects": (ONE + TWO, "more than one JSON value", ""),
    "two objects, a blank between": (ONE + b" " + TWO, "more than one JSON value", ""),
    "rubbish after the object": (ONE + b"x", "more than one JSON value", ""),
    "a string for an object": (
        OBSERVATION % b'"code":"8480-6"',
        "a string where an object belongs",
        "$.code",
    ),
    "an array for an object": (
        OBSERVATION % b'"code":[{"text":"x"}]',
        "an array where an object belongs",
        "$.code",
    ),
    "an object for an array": (
        OBSERVATION % b'"category":{"text":"x"}',
        "an object where an array belongs",
        "$.category",
    ),
    "a string for a number": (
        OBSERVATION % b'"valueQuantity":{"value":"1.5"}',
        "a string where a number belongs",
        "$.valueQuantity.value",
    ),
    "a fraction for an integer": (
        OBSERVATION % b'"valueInteger":1.5',
        "a number where an integer belongs",
        "$.valueInteger",
    ),
    "1.0 for an integer": (
        OBSERVATION % b'"valueInteger":1.0',
        "a number where an integer belongs",
        "$.valueInteger",
    ),
    "an integer beyond 64 bits": (
        OBSERVATION % b'"valueInteger":9223372036854775808',
        "an integer beyond 64 bits",
        "$.valueInteger",
    ),
    "an endless integer": (
        OBSERVATION % (b'"valueInteger":' + b"9" * 5000),
        "an integer beyond 64 bits",
        "",
    ),
    "a boolean for a number": (
        OBSERVATION % b'"valueQuantity":{"value":true}',
        "a boolean where a number belongs",
        "$.valueQuantity.value",
    ),
    "an id that is a number": (
        b'{"resourceType":"Patient","id":42}',
        "an integer where a string belongs",
        "$.id",
    ),
    "a string beside a primitive": (
        b'{"resourceType":"Patient","_birthDate":"1970"}',
        "a string where an object belongs",
        "$._birthDate",
    ),
    "a string inside a contained resource": (
        OBSERVATION % b'"contained":[null,{"resourceType":"Medication","id":"m","code":"x"}]',
        "a string where an object belongs",
        "$.contained[1].code",
    ),
    "bad UTF-8": (
        b'{"resourceType":"Patient","id":"\xff"}',
        "invalid UTF-8 (byte 32)",
        "",
    ),
    "bad UTF-8 in an undeclared field": (
        b'{"resourceType":"Patient","x":"\xed\xa0\x80"}',
        "invalid UTF-8 (byte 31)",
        "",
    ),
    "bad UTF-8 in an undeclared key": (
        b'{"resourceType":"Patient","\xc0\x80":1}',
        "invalid UTF-8 (byte 27)",
        "",
    ),
    "half a surrogate pair": (b'{"resourceType":"Patient","id":"\\ud83d"}', "invalid JSON", ""),
    "a raw NUL in a string": (b'{"resourceType":"Patient","id":"\0"}', "invalid JSON", ""),
    "a raw NUL after the object": (ONE + b"\0", "more than one JSON value", ""),
    "a lone carriage return in a string": (
        b'{"resourceType":"Patient","id":"a\rb"}',
        "invalid JSON",
        "",
    ),
    "a tab in a string": (b'{"resourceType":"Patient","id":"a\tb"}', "invalid JSON", ""),
    "NaN": (OBSERVATION % b'"valueQuantity":{"value":NaN}', "invalid JSON", ""),
    "NaN in an undeclared field": (OBSERVATION % b'"x":NaN', "invalid JSON", ""),
    "1e999": (
        OBSERVATION % b'"valueQuantity":{"value":1e999}',
        "a number beyond what a double holds",
        "",
    ),
    "1e999 in an undeclared field": (
        OBSERVATION % b'"x":[1e999]',
        "a number beyond what a double holds",
        "",
    ),
    "a number of 400 digits": (
        OBSERVATION % (b'"valueQuantity":{"value":%s}' % (b"9" * 400)),
        "beyond",
        "",
    ),
    "a key twice": (b'{"resourceType":"Patient","id":"a","id":"b"}', "stands twice", "$.id"),
    "a key twice, the same value": (
        b'{"resourceType":"Patient","id":"a","id":"a"}',
        "stands twice",
        "$.id",
    ),
    "a nested key twice": (
        b'{"resourceType":"Patient","name":[{},{"family":"a","family":"b"}]}',
        "stands twice",
        "$.name[1].family",
    ),
    "a key twice in an undeclared field": (
        b'{"resourceType":"Patient","x":{"y":1,"y":2}}',
        "stands twice",
        "$.x.y",
    ),
    "a key twice, once as an escape": (
        b'{"resourceType":"Patient","id":"a","\\u0069d":"b"}',
        "stands twice",
        "$.id",
    ),
    "a key twice beside escaped quotes": (
        b'{"resourceType":"Patient","x":"\\u0022\\u0022\\u005c","id":"a","id":"\\\\"}',
        "stands twice",
        "$.id",
    ),
    "an unknown type": (b'{"resourceType":"Patience"}', "unknown resourceType", "$.resourceType"),
    "no type": (b'{"id":"1"}', "no resourceType", "$.resourceType"),
    "a type that is a number": (b'{"resourceType":1}', "no resourceType", "$.resourceType"),
    "an abstract type": (
        b'{"resourceType":"DomainResource"}',
        "unknown resourceType",
        "$.resourceType",
    ),
    "an array": (b"[" + ONE + b"]", "an array where a resource belongs", "$"),
    "a string": (b'"Patient"', "a string where a resource belongs", "$"),
    "null": (b"null", "null where a resource belongs", "$"),
    "100,000 levels": (
        b'{"resourceType":"Patient","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "nested too deep",
        "",
    ),
    "STU3 by type": (b'{"resourceType":"ProcedureRequest"}', "FHIR STU3", "$.resourceType"),
    "STU3 by field": (b'{"resourceType":"Observation","comment":"x"}', "FHIR STU3", "$.comment"),
    "R5 by type": (b'{"resourceType":"GenomicStudy"}', "FHIR R5", "$.resourceType"),
    "R5 by field": (
        b'{"resourceType":"MedicationRequest","renderedDosageInstruction":"x"}',
        "FHIR R5",
        "$.renderedDosageInstruction",
    ),
}


@pytest.mark.parametrize("kind", KEPT_OUT)
def test_kept_out(tmp_path: Path, kind: str) -> None:
    bad, error, path = KEPT_OUT[kind]
    said = between(tmp_path, bad)
    assert error in said.error
    assert not path or said.path == path


LET_IN = {
    "NUL as an escape": b'{"resourceType":"Patient","id":"x","x":"\\u0000"}',
    "unknown fields": b'{"resourceType":"Patient","id":"x","x":{"y":[1,null,"z"]}}',
    "nulls": b'{"resourceType":"Patient","id":"x","name":null,"contact":[null]}',
    "an empty object": b'{"resourceType":"Patient","id":"x","maritalStatus":{}}',
    "an invalid date": b'{"resourceType":"Patient","id":"x","birthDate":"yesterday"}',
    "an invalid code": b'{"resourceType":"Patient","id":"x","gender":"none of these"}',
    "blanks around": b' \t {"resourceType":"Patient","id":"x"} \r',
    "escaped quotes": b'{"resourceType":"Patient","id":"x","x":"\\u0022\\u005c\\"\\\\"}',
    "the largest integer": b'{"resourceType":"Patient","id":"x","multipleBirthInteger":%d}'
    % (2**63 - 1),
    "an exponent": b'{"resourceType":"Observation","id":"x","valueQuantity":{"value":1.50E+2}}',
    "the type last": b'{"id":"x","resourceType":"Patient"}',
    "a line separator": '{"resourceType":"Patient","id":"x","x":"a\u2028b\x85"}'.encode(),
    "300 levels": b'{"resourceType":"Patient","id":"x","x":' + b"[" * 300 + b"]" * 300 + b"}",
    "beside a primitive": b'{"resourceType":"Patient","id":"x","_birthDate":'
    b'{"extension":[{"url":"u","valueDateTime":"1970-01-01T10:00:00Z"}]}}',
    "a contained resource of no type": b'{"resourceType":"Patient","id":"x","contained":[{}]}',
}


@pytest.mark.parametrize("kind", LET_IN)
def test_let_in(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(ONE, LET_IN[kind], TWO))
    verdict = read(path)
    assert verdict.rejected == []
    assert verdict.ids == ["1", "x", "2"]
    assert verdict.records[1].text == LET_IN[kind].strip()


def test_5000_levels_have_an_outcome(tmp_path: Path) -> None:
    deep = b'{"resourceType":"Patient","id":"x","x":' + b"[" * 5000 + b"]" * 5000 + b"}"
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(ONE, deep, TWO))
    verdict = read(path)  # how deep Python reads depends on its version
    assert len(verdict.records) + len(verdict.rejected) == 3
    assert {"1", "2"} <= set(verdict.ids)


def test_no_value_of_the_record_is_in_an_error() -> None:
    for bad, _, _ in KEPT_OUT.values():
        chunk = chunks.Chunk(None, 1, 0, bad.replace(b'"1"', b'"Smith"'), document=False)  # type: ignore[arg-type]
        assert all("Smith" not in r.error + r.path for r in gate.judge(chunk).rejected)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"", b"\n", b"\n\n \n"])
def test_blank_lines_and_line_ends(tmp_path: Path, ending: bytes, last: bytes) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(ONE + ending + ending + b" \t" + ending + TWO + last)
    verdict = read(path)
    assert verdict.rejected == []
    second = len(ONE) + 3 * len(ending) + 2
    assert [(r.line, r.offset, r.text) for r in verdict.records] == [
        (1, 0, ONE),
        (4, second, TWO),
    ]


def test_a_byte_order_mark_is_no_part_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(chunks.BOM + lines(ONE) + chunks.BOM + lines(TWO) + chunks.BOM + b"\n")
    verdict = read(path)
    assert verdict.rejected == []
    assert [(r.line, r.text) for r in verdict.records] == [(1, ONE), (2, TWO)]
    for record in verdict.records:
        assert path.read_bytes()[record.offset :].removeprefix(chunks.BOM).startswith(record.text)


def test_a_broken_first_line_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    for bad in (b'{"resourceType":"Patient",', ONE[:-4], b"[", b"{", ONE + TWO):
        path.write_bytes(lines(bad, ONE, TWO))
        verdict = read(path)
        assert verdict.ids == ["1", "2"]
        assert (verdict.only.line, verdict.only.raw) == (1, bad)


def test_lines_that_are_all_broken_are_a_record_each(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(ONE[:-1], TWO[:-1], ONE[:-2]))
    assert [r.line for r in read(path).rejected] == [1, 2, 3]


def test_a_line_of_20_mb(tmp_path: Path) -> None:
    long = OBSERVATION % (b'"note":[{"text":"' + b"n" * (20 << 20) + b'"}]')
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(ONE, long, TWO))
    verdict = read(path)
    assert verdict.rejected == []
    assert [(r.line, r.offset) for r in verdict.records] == [
        (1, 0),
        (2, len(ONE) + 1),
        (3, len(ONE) + len(long) + 2),
    ]
    path.write_bytes(lines(long, TWO))
    assert read(path).ids == ["o", "2"]


def test_a_line_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 100)
    monkeypatch.setattr(chunks, "LONGEST_LINE", 1000)
    long = OBSERVATION % (b'"x":"' + b"n" * 3000 + b'"')
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(ONE, long, TWO, long) + ONE)
    verdict = read(path)
    assert [(r.id, r.line) for r in verdict.records] == [("1", 1), ("2", 3), ("1", 5)]
    assert [r.line for r in verdict.rejected] == [2, 4]
    for refused in verdict.rejected:
        assert "a line of over" in refused.error
        assert path.read_bytes()[refused.offset :].startswith(refused.raw[:1000])
        assert long.startswith(refused.raw[: len(long)])


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_the_size_of_chunks_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(ONE, b"{", TWO, b"", ONE + TWO, ONE) + TWO)
    whole = read(path)
    monkeypatch.setattr(chunks, "CHUNK", size)
    cut = read(path)
    assert cut.records == whole.records
    assert cut.rejected == whole.rejected


class TestGzip:
    def test_several_members(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson.gz"
        text = lines(ONE, TWO)
        path.write_bytes(gzip.compress(text[:50]) + gzip.compress(text[50:]) + b"\0" * 10)
        assert read(path).ids == ["1", "2"]
        assert [r.offset for r in read(path).records] == [0, len(ONE) + 1]

    def test_gzip_by_content_not_by_name(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson"
        path.write_bytes(gzip.compress(lines(ONE, TWO)))
        assert read(path).ids == ["1", "2"]

    def test_truncated(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson.gz"
        text = b"".join(lines(*patients(str(i))) for i in range(2000))
        path.write_bytes(gzip.compress(text)[:-2000])
        verdict = read(path)
        good = len(verdict.records)
        assert 10 < good < 2000
        only = verdict.only
        assert "breaks off" in only.error
        assert only.line == good + 1
        assert only.raw == text[only.offset :][: len(only.raw)]

    def test_nothing_but_a_beginning(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson.gz"
        for length in (2, 5, 12):
            path.write_bytes(gzip.compress(lines(ONE))[:length])
            assert "breaks off" in read(path).only.error

    def test_trailing_garbage(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson.gz"
        path.write_bytes(gzip.compress(lines(ONE, TWO)) + b"garbage")
        verdict = read(path)
        assert verdict.ids == ["1", "2"]
        assert "breaks off" in verdict.only.error
        assert verdict.only.line == 3

    def test_damaged_in_the_middle(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson.gz"
        text = lines(*patients(*(f"{i}-{i**9}" for i in range(20_000))))
        packed = bytearray(gzip.compress(text))
        packed[len(packed) // 2 : len(packed) // 2 + 40] = b"\xff" * 40
        path.write_bytes(packed)
        verdict = read(path)
        assert len(verdict.records) > 1000
        assert "breaks off" in verdict.rejected[-1].error

    def test_a_wrong_checksum(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson.gz"
        packed = bytearray(gzip.compress(lines(ONE, TWO)))
        packed[-8] ^= 1
        path.write_bytes(packed)
        assert "breaks off" in read(path).rejected[-1].error

    def test_empty(self, tmp_path: Path) -> None:
        for content in (b"", gzip.compress(b""), b"\n \r\n", chunks.BOM):
            path = tmp_path / "a.ndjson"
            path.write_bytes(content)
            assert read(path).places() == []


class TestBundle:
    def test_an_entry_is_a_record(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        path.write_bytes(bundle(*entries([ONE, TWO])))
        verdict = read(path)
        assert verdict.rejected == []
        for record, text in zip(verdict.records, (ONE, TWO), strict=True):
            assert (record.text, record.bundle) == (text, 0)
            assert path.read_bytes()[record.offset :].startswith(text)

    def test_a_bad_entry_is_kept_out_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        twice = b'{"resourceType":"Patient","id":"a","id":"b"}'
        number = b'{"resourceType":"Patient","id":42}'
        path.write_bytes(bundle(*entries([ONE, twice, number, TWO])))
        verdict = read(path)
        assert verdict.ids == ["1", "2"]
        assert [(r.raw, r.path) for r in verdict.rejected] == [(twice, "$.id"), (number, "$.id")]

    def test_entries_without_a_resource(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        bare = [b"{}", b"{}", b"null", b'{"resource":null}', b'{"fullUrl":"urn:uuid:1"}']
        empty = b'{"resource":{}}'
        path.write_bytes(bundle(*bare, empty, *entries([ONE]), b"{}", more=b',"meta":{}'))
        verdict = read(path)
        assert verdict.ids == ["1"]
        assert [r.raw for r in verdict.rejected] == [*bare, b"{}", b"{}"]
        assert all("without a resource" in r.error for r in verdict.rejected[:5])
        for refused in verdict.rejected:
            assert path.read_bytes()[refused.offset :].startswith(refused.raw)

    def test_a_key_twice_in_its_own_fields_spoils_it(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        for own in (
            b',"type":"batch"',
            b',"entry":[{}]',
            b',"link":[{"url":"a","url":"b"}]',
            b',"x":{"y":1,"\\u0079":1}',
        ):
            whole = bundle(*entries([ONE, TWO]), more=own)
            path.write_bytes(whole)
            verdict = read(path)
            assert verdict.ids == []
            assert "stands twice" in verdict.only.error
            assert verdict.only.raw == whole
            assert verdict.only.path

    def test_a_key_twice_in_an_entry_spoils_that_entry(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        twice = [
            b'{"resource":%s,"resource":%s}' % (ONE, TWO),
            b'{"resource":%s,"fullUrl":"a","fullUrl":"b"}' % ONE,
            b'{"resource":%s,"response":{"x":1,"x":2}}' % ONE,
        ]
        path.write_bytes(bundle(*twice, *entries([TWO])))
        verdict = read(path)
        assert verdict.ids == ["2"]
        assert [r.raw for r in verdict.rejected] == twice
        paths = ["$.resource", "$.fullUrl", "$.response.x"]
        assert [r.path for r in verdict.rejected] == paths

    def test_a_bundle_inside_a_bundle(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        inner = bundle(*entries([ONE]))
        path.write_bytes(bundle(*entries([inner, TWO])))
        verdict = read(path)
        assert verdict.ids == ["1", "2"]
        assert verdict.records[0].bundle == path.read_bytes().index(inner)
        nested = ONE
        for _ in range(gate.DEEPEST_BUNDLE + 1):
            nested = bundle(*entries([nested, TWO]))
        path.write_bytes(nested)
        verdict = read(path)
        assert verdict.ids == ["2"] * gate.DEEPEST_BUNDLE
        assert "nested too deep" in verdict.only.error

    def test_without_entries_it_holds_no_record(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        for text in (
            b'{"resourceType":"Bundle"}',
            bundle(),
            b'{"resourceType":"Bundle","entry":null}',
        ):
            path.write_bytes(text)
            assert read(path).places() == []

    def test_wrong_types_spoil_it_or_the_entry(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        good = entries([ONE])
        for text, where, ids in (
            (b'{"resourceType":"Bundle","entry":{}}', "$.entry", []),
            (bundle(b'"x"', *good), "$", ["1"]),
            (bundle(b'{"resource":"x"}', *good), "$", ["1"]),
            (bundle(b'{"fullUrl":1}', *good), "$.fullUrl", ["1"]),
        ):
            path.write_bytes(text)
            verdict = read(path)
            assert (verdict.only.path, verdict.ids) == (where, ids)

    def test_pretty_printed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        broken = b'{"resourceType":"Patient","id":42}'
        whole = json.loads(bundle(*entries([ONE, broken, TWO])))
        for ending in ("\n", "\r\n"):
            text = "\n" + json.dumps(whole, indent=2).replace("\n", ending)
            path.write_bytes(text.encode())
            verdict = read(path)
            assert verdict.ids == ["1", "2"]
            for record in (*verdict.records, verdict.only):
                at = path.read_bytes()[: record.offset]
                assert record.line == at.count(b"\n") + 1
                raw = record.raw if isinstance(record, gate.Rejected) else record.text
                assert path.read_bytes()[record.offset :].startswith(raw)
            assert [r.line for r in verdict.records] == [7, 19]

    def test_lines_of_bundles(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson"
        first, second = bundle(*entries([ONE, b"[]"])), bundle(*entries([TWO]))
        path.write_bytes(lines(first, ONE) + b"  " + lines(second))
        verdict = read(path)
        assert [(r.id, r.line) for r in verdict.records] == [("1", 1), ("1", 2), ("2", 3)]
        for record in verdict.records:
            assert path.read_bytes()[record.offset :].startswith(record.text)
        assert verdict.records[2].bundle == path.read_bytes().index(second)

    def test_many_entries_take_linear_time(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        many = json.loads(bundle(*entries(patients(*map(str, range(20_000))))))
        path.write_text(json.dumps(many, indent=1))
        verdict = read(path)
        assert len(verdict.records) == 20_000
        assert verdict.records[-1].line == path.read_text().count("\n") - 5


class TestDocument:
    def test_pretty_printed_resource(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        for blank in ("", "\n\n", "\ufeff", " \r\n"):
            text = blank + json.dumps(json.loads(ONE), indent=4)
            path.write_bytes(text.encode())
            (record,) = read(path).records
            start = text.encode().index(b"{")
            assert (record.offset, record.line) == (start, blank.count("\n") + 1)

    def test_commas_first(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        path.write_bytes(b'{ "resourceType" : "Patient", "meta" : {}\n, "id" : "1"\n}\n')
        assert read(path).ids == ["1"]

    def test_broken_is_one_record(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        text = json.dumps(json.loads(bundle(*entries([ONE, TWO]))), indent=2).encode()
        for broken in (text[:-3], text.replace(b'"id"', b"id"), text + b"}"):
            path.write_bytes(broken)
            verdict = read(path)
            assert verdict.ids == []
            assert verdict.only.raw == broken
            assert "JSON" in verdict.only.error

    def test_an_array_of_resources(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        for text in (b"[%s,%s]" % (ONE, TWO), b"[\n%s,\n%s\n]" % (ONE, TWO)):
            path.write_bytes(text)
            assert read(path).only.error == "an array where a resource belongs"

    def test_over_the_limit_it_is_refused_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(chunks, "CHUNK", 100)
        monkeypatch.setattr(chunks, "LARGEST_DOCUMENT", 500)
        path = tmp_path / "a.json"
        many = json.loads(bundle(*entries(patients(*map(str, range(20))))))
        path.write_text(json.dumps(many, indent=1))
        assert "a JSON document of over" in read(path).only.error

    @pytest.mark.parametrize(
        ("content", "error"),
        [
            (b"<?xml version='1.0'?><Patient xmlns='http://hl7.org/fhir'/>", "FHIR XML"),
            (b"\xef\xbb\xbf  <Bundle/>", "FHIR XML"),
            (ONE.decode().encode("utf-16"), "UTF-16"),
            (ONE.decode().encode("utf-16-le"), "UTF-16"),
            (ONE.decode().encode("utf-16-be"), "UTF-16"),
            (b"MSH|^~\\&|A|B\rPID|1", "HL7 v2"),
            (b"\x0bMSH|^~\\&|A|B\rPID|1", "HL7 v2"),
        ],
    )
    def test_other_forms_are_refused_in_a_line(
        self, tmp_path: Path, content: bytes, error: str
    ) -> None:
        path = tmp_path / "a.json"
        for stored in (content, gzip.compress(content)):
            path.write_bytes(stored)
            only = read(path).only
            assert error in only.error
            assert (only.raw, only.line) == (content, 1)


class TestBystander:
    MANIFEST: ClassVar = {
        "transactionTime": "2026-01-01T00:00:00Z",
        "request": "https://example.org/fhir/$export",
        "requiresAccessToken": True,
        "output": [{"type": "Patient", "url": "https://example.org/1.ndjson"}],
        "error": [],
    }

    def test_a_manifest_is_passed_over(self, tmp_path: Path) -> None:
        path = tmp_path / "manifest.json"
        for indent in (None, 2):
            path.write_text(json.dumps(self.MANIFEST, indent=indent))
            assert read(path).places() == []

    def test_a_client_log_and_a_package_are_passed_over(self, tmp_path: Path) -> None:
        path = tmp_path / "log.ndjson"
        event = b'{"exportId":"1","timestamp":"t","eventId":"kickoff","eventDetail":{}}'
        path.write_bytes(lines(event, event))
        assert read(path).places() == []
        path.write_text(json.dumps({"name": "x", "version": "1", "dependencies": {}}, indent=2))
        assert read(path).places() == []

    def test_other_json_is_kept_out_aloud(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        path.write_text(json.dumps({"data": [{"resourceType": "Patient"}]}, indent=2))
        assert "no resourceType" in read(path).only.error


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    gone = tmp_path / "a.ndjson"
    gone.symlink_to(tmp_path / "nowhere")
    assert "cannot be read: No such file" in read(gone).only.error
    assert chunks.file_hash(gone) == ""
    folder = tmp_path / "b.ndjson"
    folder.mkdir()
    assert "no regular file" in read(folder).only.error


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "a.ndjson"
    os.mkfifo(pipe)
    assert "no regular file" in read(pipe).only.error
    assert chunks.file_hash(pipe) == ""


def test_a_disk_that_fails_midway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(ONE, TWO))

    class Failing(io.BufferedReader):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError(5, "Input/output error")
            return super().read(60)

    monkeypatch.setattr(chunks, "_regular", lambda path: Failing(io.FileIO(path)))
    verdict = read(path)
    assert verdict.ids == ["1"]
    assert verdict.only.error == "the file cannot be read on from here: Input/output error"
    assert verdict.only.raw == TWO[: 60 - len(ONE) - 1]
