"""What sort of thing a LOINC code names. In: CLASS, as LOINC writes it; out: SQL of the kind."""

from __future__ import annotations

LABORATORY = (
    "ABXBACT", "ALLERGY", "BLDBK", "CELLMARK", "CHAL", "CHEM", "COAG", "CYTO", "DRUG/TOX",
    "DRUGDOSE", "FERT", "HEM/BC", "HLA", "MICRO", "MOLPATH", "PATH", "SERO", "SPEC", "UA",
)  # fmt: skip
"""Classes of CLASSTYPE 1 (LOINC Users' Guide, appendix B), without what follows a dot."""

KIND = f"""
case
  when CLASS like 'PANEL.%' then 'panel'
  when CLASS like 'DOC.%' or CLASS like 'NOTE%' then 'document'
  when CLASS like 'SURVEY.%' or CLASS like 'PHENX%' then 'survey'
  when split_part(CLASS, '.', 1) in ({", ".join(f"'{name}'" for name in LABORATORY)}) then 'lab'
  else 'clinical'
end
"""
"""Of a row of Loinc.csv: `panel`, `document`, `survey`, `lab` or `clinical`."""
