"""The fix plan: what each step reaches, and bundles where no single fix helps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from uptake.findings.plan import Unit, make_plan

A, B, C = ("COD-01", "lab", "x"), ("TIM-03", "lab", ""), ("TXT-01", "pharmacy", "")


def test_a_bundle_is_found_where_no_single_fix_gains() -> None:
    units = [
        Unit(frozenset({A, B}), unknown=False, count=50),
        Unit(frozenset({B, C}), unknown=False, count=30),
        Unit(frozenset(), unknown=False, count=20),
    ]
    plan = make_plan(units, {})
    assert [(len(step.fixes), step.gain, step.reaches) for step in plan] == [
        (2, 50, 70),
        (1, 30, 100),
    ]
    assert {fix.check for fix in plan[0].fixes} == {"COD-01", "TIM-03"}
    assert [fix.check for fix in plan[1].fixes] == ["TXT-01"]


def test_a_task_holds_every_key_of_one_check_in_one_feed() -> None:
    units = [
        Unit(frozenset({("COD-01", "lab", key)}), unknown=False, count=10)
        for key in ("a", "b", "c")
    ]
    (step,) = make_plan(units, {})
    assert [fix.fix_key for fix in step.fixes] == ["a", "b", "c"]
    assert (step.gain, step.reaches) == (30, 30)


def test_what_is_unknown_is_cleared_but_not_promised() -> None:
    units = [
        Unit(frozenset({A}), unknown=True, count=40),
        Unit(frozenset({B}), unknown=False, count=5),
        Unit(frozenset(), unknown=True, count=10),
    ]
    first, second = make_plan(units, {})
    assert (first.fixes[0].check, first.gain, first.reaches, first.clears) == ("TIM-03", 5, 5, 15)
    assert (second.gain, second.reaches, second.clears) == (0, 5, 55)


def test_a_feed_that_lacks_an_element_is_asked_for_it() -> None:
    units = [Unit(frozenset({("CTX-16", "ehr", "Encounter.location")}), unknown=False, count=1)]
    assert make_plan(units, {})[0].task == "Have ehr send Encounter.location"


causes = st.frozensets(st.sampled_from([A, B, C, ("COD-01", "lab", "y"), ("DUP-01", "ehr", "")]))


@given(st.lists(st.builds(Unit, causes, st.booleans(), st.integers(1, 50)), max_size=8))
def test_every_plan_ends_with_no_defect_and_never_promises_twice(units: list[Unit]) -> None:
    plan = make_plan(units, {})
    fit = sum(u.count for u in units if not u.causes and not u.unknown)
    done: set[tuple[str, str, str]] = set()
    for step in plan:
        done |= {(f.check, f.feed, f.fix_key) for f in step.fixes}
        clear = [u for u in units if u.causes <= done]
        assert step.clears == sum(u.count for u in clear)
        assert step.reaches == sum(u.count for u in clear if not u.unknown)
        assert step.reaches == fit + step.gain
        fit = step.reaches
    assert all(u.causes <= done for u in units)
