"""Charts: what is drawn is what the table says, safe inside a page, and the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from uptake.adoption.spc import xmr
from uptake.web.charts import (
    Drawing,
    Group,
    Stack,
    WeekPoint,
    bars,
    control_chart,
    controlled,
    stacked,
    weekly,
)
from uptake.web.charts.drawing import BLUE, ORANGE
from uptake.web.charts.weeks import spread

EVIL = "<script>alert('x')</script>\" onload=\"y' & ]]>"
SVG = "{http://www.w3.org/2000/svg}"
BEFORE = [0.40, 0.44, 0.39, 0.42, 0.41, 0.38, 0.43, 0.40, 0.42, 0.39, 0.41, 0.43, 0.40]
AFTER = [0.66, 0.64, 0.67, 0.65, 0.66, 0.68, 0.65, 0.64, 0.66, 0.67, 0.65, 0.66, 0.64]


def weeks(values: list[float | None], start: date = date(2025, 12, 1)) -> tuple[WeekPoint, ...]:
    return tuple(
        WeekPoint(start + timedelta(7 * i), v, None if v is None else round(200 * v), 200)
        for i, v in enumerate(values)
    )


def reconciled(sentence: str = "From 41 % to 66 % since go-live.", title: str = "Lists") -> Drawing:
    chart = xmr([*BEFORE, *AFTER], fix_after=13, better="higher", target=0.6)
    rows = controlled(weeks([*BEFORE, *AFTER]), chart)
    return control_chart(
        rows, title=title, unit="%", target=0.6, go_live=date(2026, 3, 2), sentence=sentence
    )


def drawings(text: str) -> list[Drawing]:
    """Return a drawing of each form with `text` wherever text from outside can be."""
    return [
        reconciled(text, text),
        weekly(weeks([0.5, None]), title=text, unit=text, target=1, go_live=None, sentence=text),
        bars([Group(text, 0.5, 1, 2)], title=text, unit=text, target=0.4, sentence=text, by=text),
        stacked([Stack(text, (1, 2))], (text, text), title=text, unit=text, sentence=text),
    ]


def words(drawing: Drawing) -> list[str]:
    root = ET.fromstring(drawing.svg)
    return ["".join(e.itertext()) for e in root.iter(f"{SVG}text")]


def test_control_chart_says_what_it_shows() -> None:
    drawing = reconciled()
    said = words(drawing)
    assert "Lists" in said
    assert "go-live Mar 2" in said
    assert {"target 60 %", "mean 41 %", "better"} <= set(said)
    # 26 weeks: the labels are of weeks that exist, the year is written where it begins.
    assert "Dec 12025" in said
    assert "Jan 262026" in said
    assert drawing.columns == ("Week of", "Count", "Of", "Share", "Mean", "Limits", "What it says")
    assert len(drawing.rows) == 26
    assert drawing.rows[0][:5] == ("2025-12-01", "80", "200", "40 %", "41 %")
    assert drawing.rows[0][6] == "within chance"
    assert drawing.rows[13][6] == "better: above the upper limit"


def test_meaning_is_not_colour_alone() -> None:
    values = [*BEFORE, 0.1, 0.9]
    rows = controlled(weeks([*values]), xmr(values, fix_after=13, better="higher"))
    drawing = control_chart(rows, title="", unit="%", target=None, go_live=None, sentence="s")
    marks = [e for e in ET.fromstring(drawing.svg).iter(f"{SVG}path") if e.get("stroke") == "white"]
    shapes = {e.get("fill"): e.get("d", "").split("A")[0].count("L") for e in marks}
    assert len(marks) == 15
    assert len({e.get("d") for e in marks}) == 3
    assert {BLUE, ORANGE} < set(shapes)
    assert {"better", "worse"} <= set(words(drawing))


def test_new_limits_are_drawn_as_a_step() -> None:
    values = [*BEFORE, *AFTER]
    rows = controlled(weeks([*values]), xmr(values, rebase_at=[13], better="higher"))
    drawing = control_chart(rows, title="", unit="%", target=None, go_live=None, sentence="s")
    bands = [e for e in ET.fromstring(drawing.svg).iter(f"{SVG}path") if e.get("fill") == "#dfe1e2"]
    assert len(bands) == 2
    assert drawing.rows[12][4:6] != drawing.rows[13][4:6]


def test_a_week_that_cannot_be_told_is_a_gap() -> None:
    drawing = weekly(
        weeks([0.2, 0.3, None, 0.5, 0.6]),
        title="Seen",
        unit="%",
        target=0.6,
        go_live=None,
        sentence="s",
    )
    line = [e for e in ET.fromstring(drawing.svg).iter(f"{SVG}path") if e.get("stroke") == BLUE]
    assert [e.get("d", "").count("M") for e in line] == [2]
    assert drawing.rows[2] == ("2025-12-15", "–", "200", "cannot tell")
    assert "latest 60 %" in words(drawing)


def test_limits_of_a_share_stay_within_it() -> None:
    values = [0.99, 0.9, 1.0, 0.85, 1.0, 0.95, 1.0, 0.9, 0.99, 0.9, 1.0, 0.9, 1.0]
    rows = controlled(weeks([*values]), xmr(values, better="higher", target=0.9))
    assert rows[0].point is not None
    assert rows[0].point.upper is not None
    assert rows[0].point.upper > 1
    drawing = control_chart(rows, title="", unit="%", target=0.9, go_live=None, sentence="s")
    assert drawing.rows[0][5].endswith("to 100 %")
    assert "upper limit 100 %" in words(drawing)


def test_numbers_of_other_units() -> None:
    rows = [WeekPoint(date(2026, 1, 5), 1234.5), WeekPoint(date(2026, 1, 12), 9.25)]
    drawing = weekly(rows, title="Wait", unit="minutes", target=20, go_live=None, sentence="s")
    assert drawing.columns == ("Week of", "Minutes")
    assert drawing.rows == (("2026-01-05", "1,234"), ("2026-01-12", "9.25"))
    assert {"minutes", "target 20", "latest 9.25"} <= set(words(drawing))


def test_go_live_outside_of_the_weeks_is_not_drawn() -> None:
    rows = weeks([0.2, 0.3])
    for day, shown in ((date(2025, 11, 30), False), (date(2025, 12, 14), True)):
        drawing = weekly(rows, title="", unit="%", target=None, go_live=day, sentence="s")
        assert any("go-live" in w for w in words(drawing)) == shown


def test_bars_have_their_numbers_and_counts() -> None:
    groups = [Group("4 West", 0.61, 122, 200), Group("Clinic", None, 2, 9), Group("ED", 0.896)]
    drawing = bars(groups, title="By unit", unit="%", target=0.9, sentence="s", by="Unit")
    said = words(drawing)
    # 89.6 % does not reach 90 %, so it is not said to be 90 %.
    assert {"4 West", "61 %", "122 of 200", "cannot tell", "89.6 %", "target 90 %"} <= set(said)
    assert drawing.columns == ("Unit", "Count", "Of", "Share")
    assert drawing.rows[1] == ("Clinic", "2", "9", "cannot tell")
    widths = [
        _width(e) for e in ET.fromstring(drawing.svg).iter(f"{SVG}path") if e.get("fill") == BLUE
    ]
    assert len(widths) == 2
    assert widths[0] / widths[1] == pytest.approx(0.61 / 0.896, rel=0.01)


def _width(bar: ET.Element) -> float:
    return float(bar.get("d", "").split("h")[1].split("v")[0])


def test_more_groups_than_fit_are_in_the_table() -> None:
    groups = [Group(f"Unit {i}", i) for i in range(30)]
    drawing = bars(groups, title="", unit="visits", target=None, sentence="s")
    assert len(drawing.rows) == 30
    assert sum(w.startswith("Unit") for w in words(drawing)) == 20


def test_parts_of_a_whole() -> None:
    drawing = stacked(
        [Stack("Care gaps", (310, 12, 3)), Stack("None yet", (0, 0, 0))],
        ("fit", "unfit", "unknown"),
        title="Fit",
        unit="patients",
        sentence="s",
        by="Use case",
    )
    assert drawing.columns == ("Use case", "Fit", "Unfit", "Unknown", "All")
    assert drawing.rows == (("Care gaps", "310", "12", "3", "325"), ("None yet", *"0000"))
    assert {"fit", "unfit", "unknown", "310", "325 patients", "0 patients"} <= set(words(drawing))
    with pytest.raises(ValueError, match="count"):
        stacked([Stack("a", (1,))], ("x", "y"), title="", unit="", sentence="")


def test_nothing_to_draw_is_no_picture() -> None:
    drawing = weekly([], title="t", unit="%", target=0.5, go_live=None, sentence="No event yet.")
    assert drawing.svg == Markup("")
    assert drawing.rows == ()
    assert not bars([], title="", unit="%", target=None, sentence="").svg


@pytest.mark.parametrize("form", range(4), ids=["control", "weekly", "bars", "stacked"])
def test_a_drawing_is_shapes_and_words_only(form: int) -> None:
    drawing = drawings(EVIL)[form]
    root = ET.fromstring(drawing.svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == EVIL
    assert root.get("viewBox", "").startswith("0 0 640 ")
    assert "height" not in root.attrib
    names = {e.tag.removeprefix(SVG) for e in root.iter()}
    assert names <= {"svg", "g", "path", "line", "rect", "text", "tspan"}
    inner = {name for e in root.iter() if e is not root for name in e.attrib}
    refused = ("aria", "role", "on", "style", "id", "href", "class", "xlink", "pointer")
    assert not {name for name in inner if name.startswith(refused)}
    assert "url(" not in drawing.svg
    assert "<script" not in drawing.svg
    # What was typed is there, as words.
    assert any("<script>alert('x')" in w for w in words(drawing))


def test_a_page_takes_it_unescaped_and_it_has_no_fixed_width() -> None:
    drawing = reconciled()
    assert isinstance(drawing.svg, Markup)
    assert 'width="100%"' in drawing.svg
    assert "system-ui, sans-serif" in drawing.svg
    assert len(drawing.svg) < 20_000


def test_control_characters_are_shown() -> None:
    drawing = bars([Group("a\x00b\u202ec", 1)], title="", unit="x", target=None, sentence="s")
    assert drawing.rows[0][0] == "a�b�c"
    assert "a�b�c" in words(drawing)


PRINT = """
from tests.stages.test_charts import reconciled
print(reconciled().svg)
"""


def test_the_zone_of_the_machine_does_not_matter() -> None:
    found = set()
    for zone in ("America/Los_Angeles", "Pacific/Auckland"):
        done = subprocess.run(
            [sys.executable, "-c", PRINT],
            env=os.environ | {"TZ": zone},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        found.add(done.stdout.strip())
    assert found == {str(reconciled().svg)}


def test_labels_are_moved_apart() -> None:
    assert spread([10, 12, 100], 15, 220) == [10, 25, 100]
    assert spread([200, 215, 219], 15, 220) == [190, 205, 220]
    assert spread([], 15, 220) == []


def test_equal_limits_are_named_from_the_top() -> None:
    chart = xmr([0.0] * 13, better="lower")
    drawn = control_chart(
        controlled(weeks([0.0] * 13), chart), title="Flat", unit="%", target=0.05, go_live=None,
        sentence="Nothing happened.",
    )  # fmt: skip
    named = [word for word in words(drawn) if "limit" in word or "mean" in word]
    assert named == ["upper limit 0 %", "mean 0 %", "lower limit 0 %"]


def test_limits_follow_the_weeks_that_have_values() -> None:
    rows = weeks([0.4, None, 0.5])
    judged = controlled(rows, xmr([0.4, 0.5]))
    assert [w.point is None for w in judged] == [False, True, False]
    assert judged[1] == rows[1]
    assert replace(judged[2], point=None) == rows[2]
