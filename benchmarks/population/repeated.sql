-- In: written, the variables share and again. Out: repeated, the persons who are registered more than
-- once: how many more times, and with whom of their home they must not be confused.
CREATE TABLE repeated AS
WITH chosen AS (
    SELECT *, 1 + (u(person, 'again') < getvariable('again'))::int
        + (u(person, 'again') < pow(getvariable('again'), 2))::int AS times
    FROM written WHERE u(person, 'duplicate') < getvariable('share')
)
SELECT c.*, mates
FROM chosen c LEFT JOIN (
    SELECT c.person, list({
            given: m.given, family: m.family, own_given: m.own_given, birth_date: m.birth_date
        } ORDER BY m.person) AS mates
    FROM chosen c JOIN written m ON m.home = c.home AND m.person <> c.person GROUP BY c.person
) USING (person)
ORDER BY c.person;
