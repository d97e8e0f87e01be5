"""The EHRs of uptake.toml: read once, every fault named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from uptake.delivery.ehr import Ehr, is_safe, read_ehrs
from uptake.errors import DefinitionError
from uptake.project import Project, read_project

WHOLE = """
[[ehr]]
name = "st-mary"
issuer = "https://ehr.example.org"
jwks = "https://ehr.example.org/jwks.json"
fhir = "https://ehr.example.org/fhir/"
origin = "https://chart.example.org"
algorithms = ["ES384", "ES256"]
audience = ["https://old.example.org/"]
prefetch_today = true
client_id = "uptake"
client_key = "key.json"
client_secret = "env:TRY_SECRET"
scopes = ["launch", "patient/Observation.rs"]
"""


def read(folder: Path, text: str) -> tuple[Ehr, ...]:
    (folder / "uptake.toml").write_text(text)
    return read_ehrs(read_project(folder))


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(DefinitionError) as refused:
        read(folder, text)
    return str(refused.value).splitlines()


def test_none() -> None:
    assert read_ehrs(Project()) == ()


def test_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRY_SECRET", "s3cret")
    (tmp_path / "key.json").write_text("{}")
    (ehr,) = read(tmp_path, WHOLE)
    assert (ehr.name, ehr.fhir) == ("st-mary", "https://ehr.example.org/fhir")
    assert ehr.audience == ("https://old.example.org",)
    assert ehr.algorithms == ("ES384", "ES256")
    assert (ehr.client_id, ehr.client_secret) == ("uptake", "s3cret")
    assert ehr.client_key == tmp_path / "key.json"
    assert "s3cret" not in repr(ehr)


def test_keys_and_secret_in_files(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")
    (tmp_path / "secret").write_text("s3cret\n")
    (ehr,) = read(tmp_path, '[[ehr]]\nname = "x"\nissuer = "urn:x"\njwks = "keys.json"\n'
                            'client_secret = "file:secret"\n')  # fmt: skip
    assert (ehr.keys, ehr.jwks, ehr.client_secret) == (tmp_path / "keys.json", "", "s3cret")
    assert ehr.algorithms == ("ES384", "RS384")


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    text = """
[[ehr]]
issuer = "https://a"
fhir = "http://ehr.example.org/fhir"
algorithms = ["none", "HS256"]
client_secret = "s3cret"
unheard = 1
scopes = "launch"
[[ehr]]
name = "b"
issuer = "https://a"
jwks = "missing.json"
origin = "javascript:alert(1)"
"""
    found = "\n".join(faults(tmp_path, text))
    for words in ("has no name", "issuer and jwks go together", "fhir is", "HS256, none",
                  "client_secret is not at its place", "no setting 'unheard'", "scopes is no list",
                  "missing.json is not there", "origin is",
                  "two [[ehr]] have the issuer"):  # fmt: skip
        assert words in found
    assert "s3cret" not in found


@pytest.mark.parametrize("text", ["[ehr]\nname = 'x'\n", "ehr = 'x'\n", "ehr = ['x']\n"])
def test_it_is_a_list_of_tables(tmp_path: Path, text: str) -> None:
    assert "write [[ehr]]" in faults(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://ehr.example.org/fhir", True), ("http://127.0.0.1:8080/fhir", True),
        ("http://localhost/fhir", True), ("http://[::1]/fhir", True),
        ("http://ehr.example.org/fhir", False), ("ftp://127.0.0.1", False), ("https://", False),
        ("http://127.0.0.1.evil.example/", False), ("http://127.0.0.1@evil.example/", False),
        ("file:///etc/passwd", False), ("", False), ("http://[", False),
    ],
)  # fmt: skip
def test_only_https_leaves_this_machine(address: str, safe: bool) -> None:
    assert is_safe(address) == safe
