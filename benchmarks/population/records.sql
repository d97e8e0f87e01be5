-- In: written (as registered), duplicate (the same columns, and copy and noise), source. Out: record, in the
-- columns of the shared sets, shuffled. What is missing, plain or a dummy is drawn for each record.

CREATE MACRO without_marks(s) AS
    strip_accents(translate(replace(replace(replace(s, 'ß', 'ss'), 'æ', 'ae'), 'Æ', 'Ae'), 'øØđĐłŁ', 'oOdDlL'));
CREATE MACRO spelling(s, plain, capitals) AS CASE
    WHEN capitals THEN upper(without_marks(s)) WHEN plain THEN without_marks(s) ELSE s END;
CREATE MACRO kept(id, what, share, value) AS
    CASE WHEN value <> '' AND u(id, 'missing ' || what) >= share THEN value END;

CREATE VIEW record AS
WITH every AS (
    SELECT *, 0 AS copy, '' AS noise FROM written
    UNION ALL BY NAME SELECT * FROM duplicate
), sourced AS (
    SELECT e.*, s.* EXCLUDE (slot),
        u(k, 'marks') >= accents OR u(k, 'plain') < plain AS is_plain,
        u(k, 'capitals') < capitals AS is_capitals,
        CASE WHEN u(k, 'dummy') < rate().traps.dummy_number
            THEN one_of(k, 'which dummy', ['ssn', 'ssn', 'phone', 'phone', 'email']) ELSE '' END AS dummy,
        u(k, 'default date') < rate().traps.default_date AND kind <> 'newborn' AS is_default,
        CASE WHEN family = '' AND given <> ''
            THEN one_of(k, 'one name form', ['none', 'none', 'twice', 'FNU']) ELSE '' END AS form
    FROM (SELECT *, person * 8 + copy AS k FROM every) e
    JOIN source s ON s.slot = floor(u(e.k, 'source') * 100)::bigint
), filled AS (
    SELECT * REPLACE (
        CASE WHEN form = 'FNU' THEN 'FNU' ELSE given END AS given,
        CASE WHEN form IN ('FNU', 'twice') THEN given ELSE family END AS family,
        CASE WHEN dummy = 'ssn' THEN one_of(k, 'dummy',
            ['999999999', '999999999', '123456789', '000000000', '111111111']) ELSE ssn END AS ssn,
        CASE WHEN dummy = 'phone' THEN one_of(k, 'dummy',
            ['0000000000', '5555555555', '9999999999', '1234567890', '1111111111']) ELSE phone END AS phone,
        CASE WHEN dummy = 'email' THEN one_of(k, 'dummy',
            ['none@none.com', 'noemail@noemail.com', 'declined@none.com']) ELSE email END AS email,
        CASE WHEN NOT is_default THEN birth_date WHEN u(k, 'which date') < .2 THEN '1900-01-01'
            WHEN u(k, 'which date') < .25 THEN '1901-01-01' ELSE left(birth_date, 4) || '-01-01' END AS birth_date,
        CASE WHEN kind <> '' THEN kind WHEN dummy <> '' THEN 'dummy_' || dummy
            WHEN is_default THEN 'default_date' ELSE '' END AS kind)
    FROM sourced
), spelt AS (
    SELECT * REPLACE (
        spelling(given, is_plain, is_capitals) AS given,
        spelling(middle, is_plain, is_capitals) AS middle,
        spelling(family, is_plain, is_capitals) AS family,
        spelling(maiden, is_plain, is_capitals) AS maiden,
        spelling(line, false, is_capitals) AS line,
        spelling(city, false, is_capitals) AS city,
        CASE WHEN source = 'lab' THEN phone
            WHEN source = 'ehr' THEN '(' || left(phone, 3) || ') ' || phone[4:6] || '-' || phone[7:]
            ELSE left(phone, 3) || '-' || phone[4:6] || '-' || phone[7:] END AS phone,
        CASE WHEN source = 'lab' OR ssn = '' THEN ssn ELSE left(ssn, 3) || '-' || ssn[4:5] || '-' || ssn[6:] END AS ssn)
    FROM filled
), numbered AS (
    SELECT *, row_number() OVER (ORDER BY hash(k, getvariable('seed')), k) - 1 AS r FROM spelt
)
SELECT 'r' || lpad(r::varchar, 8, '0') AS rec_id, 'p' || person AS person_id, source,
    kept(k, 'given', (missing).given, given) AS given,
    kept(k, 'middle', (missing).middle, middle) AS middle,
    kept(k, 'family', (missing).family, family) AS family,
    kept(k, 'suffix', (missing).suffix, suffix) AS suffix,
    kept(k, 'maiden', (missing).maiden, maiden) AS maiden,
    kept(k, 'birth_date', (missing).birth_date, birth_date) AS birth_date,
    kept(k, 'gender', (missing).gender, gender) AS gender,
    kept(k, 'address', (missing).address, line) AS line,
    kept(k, 'address', (missing).address, city) AS city,
    kept(k, 'address', (missing).address, state) AS state,
    kept(k, 'zip', (missing).zip, zip) AS zip,
    kept(k, 'phone', CASE WHEN dummy = 'phone' THEN 0 ELSE (missing).phone END, phone) AS phone,
    kept(k, 'email', CASE WHEN dummy = 'email' THEN 0 ELSE (missing).email END, email) AS email,
    kept(k, 'ssn', CASE WHEN dummy = 'ssn' THEN 0 ELSE (missing).ssn END, ssn) AS ssn,
    kept(k, 'mrn', (missing).mrn, upper(left(source, 1)) || lpad(((r * 7919) % 99999989)::varchar, 8, '0')) AS mrn,
    home AS household, kind, noise, culture, country
FROM numbered ORDER BY r;
