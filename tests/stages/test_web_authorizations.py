"""The page of prior authorizations: who waits, what differs, figures; all of the data is text."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import web_cases as cases
from payer_cases import answer, claim, concept, coverage, order, patient, said

from uptake.authorization.coverage_information import read_coverage_information
from uptake.authorization.figures import Figure
from uptake.errors import DefinitionError
from uptake.web.app import create_app
from uptake.web.views.authorizations import say

if TYPE_CHECKING:
    from uptake.web.site import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

HERE = ("127.0.0.1", 50000)
"""Without an EHR that signs its calls only this machine is answered."""
RULES = f"""
name = "{cases.SCRIPT}"
payors = ["Organization/central"]
regulated = true
[[rule]]
system = "http://www.ama-assn.org/go/cpt"
codes = ["72141"]
needed = true
[[rule.document]]
title = "{cases.SCRIPT}"
loinc = ["11506-3"]
"""


def write(folder: Path, *found: dict[str, Any]) -> None:
    """Write a project of one chart and one payer."""
    (folder / "ehr").mkdir()
    (folder / "payers").mkdir()
    (folder / "ehr" / "all.ndjson").write_text("".join(json.dumps(r) + "\n" for r in found))
    (folder / "payers" / "central.toml").write_text(RULES)
    (folder / "uptake.toml").write_text(
        '[assess]\nas_of = "2026-06-20"\n[feeds.ehr]\npath = "ehr"\nrole = "ehr"\n'
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("project")
    subject = {"patient": {"reference": "Patient/p"}}
    waits = order(code="72141") | {"code": concept("72141", text=cases.SCRIPT)}
    other = order("two", "72142", occurrenceDateTime="2026-09-30")
    asked = claim(other, "k2")
    write(
        folder, patient(), coverage(), waits, claim(waits) | subject, other, asked | subject,
        answer(asked, "approves", "2026-06-05T09:00:00Z") | subject,
    )  # fmt: skip
    cases.assess(folder)
    made = cases.make_site(folder)
    yield made
    made.state.close()


@pytest.fixture(scope="module")
def page(site: Site) -> str:
    client = TestClient(create_app(site), base_url="http://127.0.0.1:8000")
    response = client.get("/authorizations")
    assert response.status_code == 200
    return response.text


def test_the_page_answers_in_its_first_sentence(page: str) -> None:
    assert "1 of 2 authorizations are open" in page
    assert "the payer's time is over for 1" in page.replace("&#39;", "'")
    assert "1 differs from its order" in page


def test_the_work_list_has_documents_and_clocks_with_their_source(page: str) -> None:
    assert "0 of 1 found" in page
    assert "Claim/k created" in page
    assert "outside the authorized period" in page


def test_a_row_is_headed_by_what_was_ordered_and_for_whom(page: str) -> None:
    heads = re.findall(r'<th scope="row">(.*?)</th>', page, re.DOTALL)
    assert "MRI of the neck" in heads[1]
    assert "ServiceRequest/" not in "".join(heads[:2])
    for head in heads[:2]:
        assert "<bdi>Berg</bdi>" in head
        assert "born <bdi>1960-05-04</bdi>" in head
        assert '<span class="small soft id"><bdi>p</bdi></span>' in head


def test_every_cell_says_its_column_where_rows_are_cards(page: str) -> None:
    row = page.split("<tbody>")[1].split("</tr>")[0]
    assert re.findall(r"<td ([a-z-]+)", row) == ["data-is"] * 5


@pytest.mark.parametrize(
    ("sent", "head"),
    [
        ({"name": [{"family": cases.SCRIPT}]}, "<bdi>&lt;script&gt;"),
        ({"name": None, "birthDate": None}, "for <bdi>p</bdi></th>"),
        ({"name": [{"text": "Mads Berg"}], "birthDate": "1960"}, "born <bdi>1960</bdi>"),
    ],
)
def test_a_patient_goes_by_what_the_record_says(
    tmp_path: Path, sent: dict[str, Any], head: str
) -> None:
    text = " ".join(opened(tmp_path, patient(**sent)).split())
    assert cases.SCRIPT not in text
    assert head in text.replace(" </th>", "</th>")


def test_where_no_record_can_be_read_the_id_stays(tmp_path: Path) -> None:
    text = " ".join(opened(tmp_path, patient(), keep=False).split())
    assert "Berg" not in text
    assert "MRI of the neck</bdi><br>for <bdi>p</bdi>" in text


def test_no_text_of_the_data_or_of_a_payers_file_is_markup(page: str) -> None:
    assert cases.SCRIPT not in page
    assert "&lt;script&gt;" in page


def opened(folder: Path, who: dict[str, Any], *, keep: bool = True) -> str:
    """Return the page of one order that waits; without the raw store where it is not kept."""
    sent = {name: value for name, value in who.items() if value is not None}
    write(folder, sent, coverage(), order())
    cases.assess(folder)
    site = cases.make_site(folder)
    if not keep:
        shutil.rmtree(site.store())
    client = TestClient(create_app(site), base_url="http://127.0.0.1:8000")
    response = client.get("/authorizations")
    site.state.close()
    assert response.status_code == 200
    return response.text


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


def test_an_order_that_is_signed_comes_back_with_the_payers_number(site: Site) -> None:
    subject = {"patient": {"reference": "Patient/p"}}
    draft = said(order("d", status="draft"))
    asked = claim(draft, "kd") | subject
    approved = answer(asked, "approves", "2026-06-05T09:00:00Z", "ad") | subject
    call = {
        "hook": "order-sign",
        "hookInstance": "5d1b9a3e-9b1f-4c5e-8a52-5f5e3ad2c001",
        "context": {
            "userId": "Practitioner/n", "patientId": "p", "draftOrders": bundle(draft),
        },
        "prefetch": {
            "patient": patient(), "coverages": bundle(coverage()), "documents": bundle(),
            "questionnaires": bundle(), "claims": bundle(asked), "answers": bundle(approved),
        },
    }  # fmt: skip
    client = TestClient(create_app(site), base_url="http://127.0.0.1:8000", client=HERE)
    response = client.post("/cds-services/prior-authorization-order-sign", json=call)
    assert response.status_code == 200
    found = response.json()
    assert found["cards"] == []
    (action,) = found["systemActions"]
    assert action["type"] == "update"
    (info,) = read_coverage_information(action["resource"])
    assert info.satisfied_pa_id == "PA-77"


def test_figures_in_words() -> None:
    def told(value: float | None, unit: str, why: str = "") -> str:
        return say(Figure("line", "name", value, unit, 24, why))

    assert told(0.5, "share") == "50 % of 24"
    assert told(30.0, "hours") == "30.0 hours, 24 requests"
    assert told(84.0, "hours") == "3.5 days, 24 requests"
    assert told(None, "share", "fewer than 10") == "fewer than 10"


def test_without_a_run_the_page_says_so(tmp_path: Path) -> None:
    cases.write_project(tmp_path)
    site = cases.make_site(tmp_path)
    client = TestClient(create_app(site), base_url="http://127.0.0.1:8000")
    assert "uptake assess" in client.get("/authorizations").text
    site.state.close()


def test_faults_of_a_payers_file_are_told_when_the_application_starts(tmp_path: Path) -> None:
    cases.write_project(tmp_path)
    (tmp_path / "payers").mkdir()
    (tmp_path / "payers" / "a.toml").write_text("name = 3")
    site = cases.make_site(tmp_path)
    with pytest.raises(DefinitionError, match="name is no str"):
        create_app(site)
    site.state.close()
