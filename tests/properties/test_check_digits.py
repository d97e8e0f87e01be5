"""What the check digits promise: one wrong digit, or two neighbours exchanged, is found."""

from __future__ import annotations

import string

from hypothesis import assume, given
from hypothesis import strategies as st

from uptake.terminology.check_digits import (
    LOINC,
    SNOMED,
    check_digit_ok,
    format_ok,
    luhn_digit,
    npi_ok,
    suggest,
    verhoeff_digit,
)
from uptake.terminology.systems import canonical
from uptake.terminology.ucum import is_ucum
from uptake.terminology.units import meaning


@st.composite
def sctids(draw: st.DrawFn) -> str:
    item = draw(st.from_regex(r"[1-9][0-9]{2,14}", fullmatch=True))
    stem = item + draw(st.sampled_from(["00", "10"]))
    return stem + verhoeff_digit(stem)


@st.composite
def loincs(draw: st.DrawFn) -> str:
    stem = str(draw(st.integers(1, 9_999_999)))
    return f"{stem}-{luhn_digit(stem)}"


@st.composite
def npis(draw: st.DrawFn) -> str:
    stem = draw(st.from_regex(r"[12][0-9]{8}", fullmatch=True))
    return stem + luhn_digit("80840" + stem)


def one_digit_changed(draw: st.DataObject, code: str) -> str:
    at = draw.draw(st.sampled_from([i for i, c in enumerate(code) if c.isdigit()]))
    other = draw.draw(st.sampled_from([d for d in string.digits if d != code[at]]))
    return code[:at] + other + code[at + 1 :]


def neighbours_exchanged(draw: st.DataObject, digits: str) -> str:
    at = draw.draw(st.integers(0, len(digits) - 2))
    assume(digits[at] != digits[at + 1])
    return digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]


@given(sctids(), st.data())
def test_snomed(code: str, data: st.DataObject) -> None:
    assert check_digit_ok(SNOMED, code) is True
    assert format_ok(SNOMED, code) is True
    for wrong in (one_digit_changed(data, code), neighbours_exchanged(data, code)):
        assert check_digit_ok(SNOMED, wrong) is False or wrong.startswith("0")


@given(loincs(), st.data())
def test_loinc(code: str, data: st.DataObject) -> None:
    assert check_digit_ok(LOINC, code) is True
    assert check_digit_ok(LOINC, one_digit_changed(data, code)) is False
    digits = code.replace("-", "")
    exchanged = neighbours_exchanged(data, digits)
    # The one exchange that mod 10 does not see is that of 0 and 9.
    moved = {a for a, b in zip(exchanged, digits, strict=True) if a != b}
    blind = moved == {"0", "9"}
    assert check_digit_ok(LOINC, f"{exchanged[:-1]}-{exchanged[-1]}") is blind


@given(npis(), st.data())
def test_npi(value: str, data: st.DataObject) -> None:
    assert npi_ok(value)
    assert not npi_ok(one_digit_changed(data, value))


@given(
    st.one_of(sctids().map(lambda c: (SNOMED, c)), loincs().map(lambda c: (LOINC, c))), st.data()
)
def test_a_wrong_check_digit_is_put_right(coding: tuple[str, str], data: st.DataObject) -> None:
    system, code = coding
    wrong = data.draw(st.sampled_from([d for d in string.digits if d != code[-1]]))
    assert suggest(system, code[:-1] + wrong) == code
    assert suggest(system, code) is None


@given(st.text())
def test_no_text_makes_them_fail(text: str) -> None:
    for system in (LOINC, SNOMED):
        check_digit_ok(system, text)
        format_ok(system, text)
    npi_ok(text)
    uri = canonical(text)
    assert uri is None or canonical(uri) == uri
    code = meaning(text)
    assert code is None or is_ucum(code)


@given(st.text(alphabet="mgdLul/.*^10[]{}()%HiU23-+ ", max_size=30))
def test_what_a_unit_means_is_ucum(text: str) -> None:
    code = meaning(text)
    assert code is None or is_ucum(code)
