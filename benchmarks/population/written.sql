-- In: reached, newborn. Out: written, one row a person as a careful clerk would register them.
CREATE MACRO initial(word) AS left(word, 1);

CREATE TABLE written AS
SELECT r.person, r.home, r.role, r.kind, r.culture, r.country, r.birth::varchar AS birth_date,
    CASE WHEN male THEN 'M' ELSE 'F' END AS gender,
    CASE WHEN n.person IS NULL THEN r.given ELSE n.given END AS given,
    CASE WHEN n.person IS NOT NULL THEN '' WHEN word <> '' THEN word WHEN middle_full IN (r.given, part1) THEN ''
        WHEN middle_initial THEN initial(middle_full) ELSE middle_full END AS middle,
    CASE
        WHEN n.person IS NOT NULL THEN n.family
        WHEN one_name THEN ''
        WHEN NOT both_surnames THEN part1
        WHEN hyphened THEN part1 || '-' || part2
        ELSE part1 || ' ' || part2 END AS family,
    suffix, maiden, line, city, state, zip, phone, email, ssn,
    r.given AS own_given, r.given2, part1, part2, masculine, both_surnames,
    middle_full, father_given, grandfather, western, home_phone, accents, years, married_name
FROM reached r LEFT JOIN newborn n USING (person);
DROP TABLE reached;
