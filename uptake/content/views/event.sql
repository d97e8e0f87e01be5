-- One row a clinical resource, whatever its type: what, about whom, when, with which value.
-- The clinical time is the first of the elements named that was sent; `at_path` names it.
create table event as
with medication_code as (
  select rid, code_system, code, code_text from medication
),
one as (
  select rid, 'Observation' as type, patient_rid, encounter_rid, status, category, code_system, code, code_text,
    case when effective_text is not null then 'Observation.effective'
      when effective_instant_text is not null then 'Observation.effective'
      when effective_start_text is not null then 'Observation.effective.start'
      when effective_end_text is not null then 'Observation.effective.end' end as at_path,
    case when effective_text is not null then 1 when effective_instant_text is not null then 2
      when effective_start_text is not null then 3 when effective_end_text is not null then 4 end as pick,
    [effective, effective_instant, effective_start, effective_end] as ats,
    [effective_date, effective_instant_date, effective_start_date, effective_end_date] as dates,
    [effective_precision, effective_instant_precision, effective_start_precision, effective_end_precision] as precisions,
    [effective_offset, effective_instant_offset, effective_start_offset, effective_end_offset] as offsets,
    [effective_text, effective_instant_text, effective_start_text, effective_end_text] as texts,
    value, value_unit_code as unit_code,
    case when has_quantity then concat_ws('|', value_comparator, value, coalesce(value_unit_code, value_unit))
      when has_concept then concat_ws('|', value_code_system, coalesce(value_code, value_code_text))
      else coalesce(value_string, value_boolean::varchar, value_integer::varchar, value_time, value_date_text) end as value_key,
    concat_ws('|', specimen_reference, coalesce(body_site, body_site_text), coalesce(method, method_text), device_reference) as site_key,
    entered_in_error
  from observation
  union all by name
  select rid, 'Condition' as type, patient_rid, encounter_rid, clinical_status as status, category, code_system, code, code_text,
    case when onset_text is not null then 'Condition.onset' when onset_start_text is not null then 'Condition.onset.start'
      when recorded_date_text is not null then 'Condition.recordedDate' end as at_path,
    case when onset_text is not null then 1 when onset_start_text is not null then 2 when recorded_date_text is not null then 3 end as pick,
    [onset, onset_start, recorded_date] as ats, [onset_date, onset_start_date, recorded_date_date] as dates,
    [onset_precision, onset_start_precision, recorded_date_precision] as precisions,
    [onset_offset, onset_start_offset, recorded_date_offset] as offsets,
    [onset_text, onset_start_text, recorded_date_text] as texts,
    concat_ws('|', clinical_status, verification_status, abatement_text) as value_key,
    coalesce(body_site, body_site_text, '') as site_key, entered_in_error
  from condition
  union all by name
  select m.rid, 'MedicationRequest' as type, m.patient_rid, m.encounter_rid, m.status, m.category,
    coalesce(m.code_system, d.code_system) as code_system, coalesce(m.code, d.code) as code, coalesce(m.code_text, d.code_text) as code_text,
    case when authored_on_text is not null then 'MedicationRequest.authoredOn' end as at_path,
    case when authored_on_text is not null then 1 end as pick,
    [authored_on] as ats, [authored_on_date] as dates, [authored_on_precision] as precisions,
    [authored_on_offset] as offsets, [authored_on_text] as texts,
    concat_ws('|', m.status, m.intent, m.dosage_text) as value_key, coalesce(m.requester_reference, '') as site_key, m.entered_in_error
  from medication_request m left join medication_code d on d.rid = m.medication_rid
  union all by name
  select m.rid, 'MedicationStatement' as type, m.patient_rid, m.encounter_rid, m.status, m.category,
    coalesce(m.code_system, d.code_system) as code_system, coalesce(m.code, d.code) as code, coalesce(m.code_text, d.code_text) as code_text,
    case when effective_text is not null then 'MedicationStatement.effective'
      when effective_start_text is not null then 'MedicationStatement.effective.start'
      when date_asserted_text is not null then 'MedicationStatement.dateAsserted' end as at_path,
    case when effective_text is not null then 1 when effective_start_text is not null then 2 when date_asserted_text is not null then 3 end as pick,
    [effective, effective_start, date_asserted] as ats, [effective_date, effective_start_date, date_asserted_date] as dates,
    [effective_precision, effective_start_precision, date_asserted_precision] as precisions,
    [effective_offset, effective_start_offset, date_asserted_offset] as offsets,
    [effective_text, effective_start_text, date_asserted_text] as texts,
    concat_ws('|', m.status, m.dosage_text) as value_key, '' as site_key, m.entered_in_error
  from medication_statement m left join medication_code d on d.rid = m.medication_rid
  union all by name
  select m.rid, 'MedicationDispense' as type, m.patient_rid, m.encounter_rid, m.status, m.category,
    coalesce(m.code_system, d.code_system) as code_system, coalesce(m.code, d.code) as code, coalesce(m.code_text, d.code_text) as code_text,
    case when when_handed_over_text is not null then 'MedicationDispense.whenHandedOver'
      when when_prepared_text is not null then 'MedicationDispense.whenPrepared' end as at_path,
    case when when_handed_over_text is not null then 1 when when_prepared_text is not null then 2 end as pick,
    [when_handed_over, when_prepared] as ats, [when_handed_over_date, when_prepared_date] as dates,
    [when_handed_over_precision, when_prepared_precision] as precisions,
    [when_handed_over_offset, when_prepared_offset] as offsets, [when_handed_over_text, when_prepared_text] as texts,
    concat_ws('|', m.status, m.quantity, m.days_supply) as value_key, '' as site_key, m.entered_in_error
  from medication_dispense m left join medication_code d on d.rid = m.medication_rid
  union all by name
  select rid, 'Immunization' as type, patient_rid, encounter_rid, status, null as category, code_system, code, code_text,
    case when occurrence_text is not null then 'Immunization.occurrence' end as at_path,
    case when occurrence_text is not null then 1 end as pick,
    [occurrence] as ats, [occurrence_date] as dates, [occurrence_precision] as precisions, [occurrence_offset] as offsets,
    [occurrence_text] as texts,
    concat_ws('|', status, lot_number) as value_key, coalesce(site, '') as site_key, entered_in_error
  from immunization
  union all by name
  select rid, 'Procedure' as type, patient_rid, encounter_rid, status, category, code_system, code, code_text,
    case when performed_text is not null then 'Procedure.performed' when performed_start_text is not null then 'Procedure.performed.start'
      when performed_end_text is not null then 'Procedure.performed.end' end as at_path,
    case when performed_text is not null then 1 when performed_start_text is not null then 2 when performed_end_text is not null then 3 end as pick,
    [performed, performed_start, performed_end] as ats, [performed_date, performed_start_date, performed_end_date] as dates,
    [performed_precision, performed_start_precision, performed_end_precision] as precisions,
    [performed_offset, performed_start_offset, performed_end_offset] as offsets,
    [performed_text, performed_start_text, performed_end_text] as texts,
    concat_ws('|', status, performed_end_text) as value_key, coalesce(body_site, body_site_text, '') as site_key, entered_in_error
  from procedure
  union all by name
  select rid, 'DiagnosticReport' as type, patient_rid, encounter_rid, status, category, code_system, code, code_text,
    case when effective_text is not null then 'DiagnosticReport.effective'
      when effective_start_text is not null then 'DiagnosticReport.effective.start'
      when issued_text is not null then 'DiagnosticReport.issued' end as at_path,
    case when effective_text is not null then 1 when effective_start_text is not null then 2 when issued_text is not null then 3 end as pick,
    [effective, effective_start, issued] as ats, [effective_date, effective_start_date, issued_date] as dates,
    [effective_precision, effective_start_precision, issued_precision] as precisions,
    [effective_offset, effective_start_offset, issued_offset] as offsets,
    [effective_text, effective_start_text, issued_text] as texts,
    null as value_key, '' as site_key, entered_in_error
  from diagnostic_report
  union all by name
  select rid, 'Encounter' as type, patient_rid, null::bigint as encounter_rid, status, class as category, type_system as code_system, type as code, type_text as code_text,
    case when period_start_text is not null then 'Encounter.period.start' end as at_path,
    case when period_start_text is not null then 1 end as pick,
    [period_start] as ats, [period_start_date] as dates, [period_start_precision] as precisions,
    [period_start_offset] as offsets, [period_start_text] as texts,
    concat_ws('|', status, class, period_end_text) as value_key, '' as site_key, entered_in_error
  from encounter
  union all by name
  select rid, 'AllergyIntolerance' as type, patient_rid, encounter_rid, clinical_status as status, category, code_system, code, code_text,
    case when onset_text is not null then 'AllergyIntolerance.onset'
      when recorded_date_text is not null then 'AllergyIntolerance.recordedDate' end as at_path,
    case when onset_text is not null then 1 when recorded_date_text is not null then 2 end as pick,
    [onset, recorded_date] as ats, [onset_date, recorded_date_date] as dates, [onset_precision, recorded_date_precision] as precisions,
    [onset_offset, recorded_date_offset] as offsets, [onset_text, recorded_date_text] as texts,
    concat_ws('|', clinical_status, verification_status) as value_key, '' as site_key, entered_in_error
  from allergy_intolerance
  union all by name
  select rid, 'ServiceRequest' as type, patient_rid, encounter_rid, status, category, code_system, code, code_text,
    case when authored_on_text is not null then 'ServiceRequest.authoredOn'
      when occurrence_text is not null then 'ServiceRequest.occurrence'
      when occurrence_start_text is not null then 'ServiceRequest.occurrence.start' end as at_path,
    case when authored_on_text is not null then 1 when occurrence_text is not null then 2 when occurrence_start_text is not null then 3 end as pick,
    [authored_on, occurrence, occurrence_start] as ats, [authored_on_date, occurrence_date, occurrence_start_date] as dates,
    [authored_on_precision, occurrence_precision, occurrence_start_precision] as precisions,
    [authored_on_offset, occurrence_offset, occurrence_start_offset] as offsets,
    [authored_on_text, occurrence_text, occurrence_start_text] as texts,
    concat_ws('|', status, intent) as value_key, '' as site_key, entered_in_error
  from service_request
)
select o.rid, i.feed, o.type, o.patient_rid, o.encounter_rid, o.status, o.category, o.code_system, o.code, o.code_text,
  ats[pick] as at_time, dates[pick] as at_date, precisions[pick] as at_precision, offsets[pick] as at_offset,
  texts[pick] as at_text, o.at_path, o.value, o.unit_code, o.value_key, o.site_key, o.entered_in_error
from one o join record i using (rid)
