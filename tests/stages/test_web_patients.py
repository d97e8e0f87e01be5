"""What patients are called: the newest record of a feed, whatever was sent in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import web_cases

from uptake.identity.decisions import Record
from uptake.web.patients import Called, called

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from uptake.web.site import Site

SENT: dict[str, dict[str, Any]] = {
    "whole": {
        "name": [{"prefix": ["Dr"], "given": ["Ana", "María"], "family": "García"}],
        "birthDate": "1961-04-02",
    },
    "text": {"name": [{"use": "usual"}, {"text": "Mads Berg"}]},
    "script": {"name": [{"family": web_cases.SCRIPT}], "birthDate": "1950"},
    "none": {"gender": "female"},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "ehr").mkdir()
    records = [{"resourceType": "Patient", "id": name} | sent for name, sent in SENT.items()]
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "ehr" / "Patient.ndjson").write_text(text)
    (folder / "uptake.toml").write_text(
        '[assess]\nas_of = "2026-11-01"\n[feeds.ehr]\npath = "ehr"\nrole = "ehr"\n'
    )
    web_cases.assess(folder)
    made = web_cases.make_site(folder)
    yield made
    made.state.close()


def test_a_name_is_as_it_is_spoken_and_nothing_is_made_up(site: Site) -> None:
    asked = {Record("ehr", name) for name in SENT}
    assert called(site, "all", asked) == {
        Record("ehr", "whole"): Called("Dr Ana María García", "1961-04-02"),
        Record("ehr", "text"): Called("Mads Berg", ""),
        Record("ehr", "script"): Called(web_cases.SCRIPT, "1950"),
        Record("ehr", "none"): Called("", ""),
    }


def test_a_record_that_is_not_there_is_left_out(site: Site) -> None:
    asked = {Record("ehr", "gone"), Record("lab", "whole"), Record("ehr", "whole")}
    assert set(called(site, "some", asked)) == {Record("ehr", "whole")}


def test_without_a_store_nobody_has_a_name_until_there_is_one(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {Record("ehr", "whole")}
    with monkeypatch.context() as patched:
        patched.setattr(type(site), "store", lambda _: tmp_path)
        assert called(site, "later", asked) == {}
    assert set(called(site, "later", asked)) == asked
