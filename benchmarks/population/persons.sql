-- In: culture, name, the variables seed, persons, rate. Out: truth, one row a person.
-- Every draw is u(row, purpose): the same whatever the number of threads, and no draw moves another.

CREATE MACRO u(id, what) AS
    (hash(hash(id, what, getvariable('seed'))) >> 11) / 9007199254740992.0;
CREATE MACRO rate() AS getvariable('rate');
CREATE MACRO between_(id, what, low, high) AS low + floor(u(id, what) * (high - low + 1))::bigint;
CREATE MACRO one_of(id, what, list) AS list[1 + floor(u(id, what) * len(list))::bigint];
CREATE MACRO rotate(x, k) AS (x + k * 0.381966) % 1.0;
CREATE MACRO letters(s) AS regexp_replace(lower(strip_accents(s)), '[^a-z]', '', 'g');

-- Homes: first the nursing homes and the shelters, then households.
CREATE TABLE home AS
WITH shared AS (
    SELECT greatest(1, round(persons * rate().traps.nursing_home / rate().homes_shared.nursing_home)) AS nursing,
        greatest(1, round(persons * rate().traps.shelter / rate().homes_shared.shelter)) AS shelters,
        persons
    FROM (SELECT getvariable('persons') AS persons)
), drawn AS (
    SELECT i AS home, u(i, 'home') AS h, nursing, shelters, persons,
        1 + len(list_filter([.43, .80, .94, .98], lambda share: u(i, 'children') >= share)) AS brood
    FROM range(getvariable('persons')) t(i), shared
), kinds AS (
    SELECT *, CASE
        WHEN home < nursing THEN 'nursing_home'
        WHEN home < nursing + shelters THEN 'shelter'
        WHEN h < rate().homes.single THEN 'single'
        WHEN h < rate().homes.single + rate().homes.couple THEN 'couple'
        WHEN h < rate().homes.single + rate().homes.couple + rate().homes.one_parent THEN 'one_parent'
        WHEN h < 1 - rate().homes.three_generations - rate().homes.roommates THEN 'family'
        WHEN h < 1 - rate().homes.roommates THEN 'three_generations'
        ELSE 'roommates' END AS home_kind
    FROM drawn
), sizes AS (
    SELECT home, home_kind,
        CASE WHEN home_kind IN ('one_parent', 'family', 'three_generations') THEN brood ELSE 0 END AS children,
        CASE home_kind
            WHEN 'nursing_home' THEN round(persons * rate().traps.nursing_home / nursing)
            WHEN 'shelter' THEN round(persons * rate().traps.shelter / shelters)
            WHEN 'single' THEN 1
            WHEN 'couple' THEN 2
            WHEN 'one_parent' THEN 1 + brood
            WHEN 'family' THEN 2 + brood
            WHEN 'three_generations' THEN 2 + brood + between_(home, 'grandparents', 1, 2)
            ELSE between_(home, 'roommates', 2, 5) END::bigint AS size
    FROM kinds
)
SELECT home, home_kind, children, greatest(size, 3 * (home_kind IN ('nursing_home', 'shelter'))::int) AS size
FROM (SELECT *, sum(size) OVER (ORDER BY home) - size AS before FROM sizes)
WHERE before < getvariable('persons');

-- People of the homes: role, sex, age, culture.
CREATE TABLE member AS
WITH placed AS (
    SELECT home, home_kind, children, unnest(range(size)) AS pos
    FROM home ORDER BY home, pos LIMIT getvariable('persons')
), roled AS (
    SELECT row_number() OVER (ORDER BY home, pos) - 1 AS person, *,
        CASE
            WHEN home_kind IN ('nursing_home', 'shelter') THEN 'resident'
            WHEN home_kind = 'roommates' THEN 'roommate'
            WHEN pos = 0 THEN 'head'
            WHEN pos = 1 AND home_kind <> 'one_parent' THEN 'partner'
            WHEN pos < children + 2 - (home_kind = 'one_parent')::int THEN 'child'
            ELSE 'grandparent' END AS role,
        u(home, 'head') < CASE WHEN home_kind = 'one_parent' THEN .2 ELSE .52 END AS head_male,
        22 + 2.6 * children + u(home, 'age') * CASE home_kind
            WHEN 'single' THEN 66 WHEN 'couple' THEN 64 WHEN 'three_generations' THEN 26 ELSE 34 END AS head_age
    FROM placed
), aged AS (
    SELECT *, pos - 2 + (home_kind = 'one_parent')::int AS nth,   -- of the children, from 0
        CASE role
            WHEN 'head' THEN head_male
            WHEN 'partner' THEN head_male = (u(home, 'same sex') < rate().people.same_sex)
            WHEN 'grandparent' THEN (pos - children) % 2 = 1
            WHEN 'resident' THEN u(person, 'sex') < CASE home_kind WHEN 'shelter' THEN .61 ELSE .35 END
            ELSE u(person, 'sex') < .511 END AS male
    FROM roled
), twinned AS (
    SELECT *, role = 'child' AND nth > 0 AND u(person, 'twin') < rate().traps.twins AS twin FROM aged
)
SELECT * EXCLUDE (male, head_male),
    CASE WHEN twin AND u(person, 'same sex') < rate().twins.same_sex * 2 - 1
        THEN lag(male) OVER siblings ELSE male END AS male,
    CASE role
        WHEN 'head' THEN head_age
        WHEN 'partner' THEN greatest(18, head_age - 6 + 12 * u(person, 'age'))
        WHEN 'grandparent' THEN least(99, head_age + 20 + 14 * u(person, 'age'))
        WHEN 'roommate' THEN 18 + 11 * u(person, 'age')
        WHEN 'resident' THEN CASE home_kind WHEN 'shelter' THEN 18 + 50 * u(person, 'age')
            ELSE 68 + 31 * sqrt(u(person, 'age')) END
        ELSE greatest(2.6 * children - 1.15, (head_age - 19) * (.05 + .8 * u(home, 'eldest')))
            - 2.6 * nth - 1.4 * u(person, 'age')
    END AS age,
    CASE WHEN role IN ('resident', 'roommate') OR (role = 'partner' AND u(home, 'mixed') < rate().people.other_culture)
        THEN u(person, 'culture') ELSE u(home, 'culture of the home') END AS culture_draw
FROM twinned
WINDOW siblings AS (ORDER BY person);

CREATE TABLE person AS
SELECT m.* EXCLUDE (culture_draw, age), c.culture, CASE WHEN male THEN 'male' ELSE 'female' END AS list,
    CASE WHEN u(person, 'first of january') < first_of_january AND age > 5
        THEN date_trunc('year', date '2026-06-30' - (age * 365.25)::int)::date
        ELSE date '2026-06-30' - (age * 365.25)::int END AS birth
FROM member m ASOF JOIN culture c ON m.culture_draw >= c.low;

-- What each person might be called; which of it they are is said below.
CREATE TABLE called AS
SELECT p.*, s.name AS own1, t.name AS own2, g.name AS given, h.name AS given2, f.name AS father, f.son, f.daughter,
    gf.name AS grandfather, m.name AS own_middle, w.name AS western_name
FROM person p
ASOF JOIN name s ON s.culture = p.culture AND s.list = 'surname' AND u(p.person, 'surname') >= s.low
ASOF JOIN name t ON t.culture = p.culture AND t.list = 'surname' AND u(p.person, 'second surname') >= t.low
ASOF JOIN (SELECT culture AS c, list AS l, name, low FROM name) g ON g.c = p.culture AND g.l = p.list
    AND CASE WHEN p.role = 'child' THEN rotate(u(p.home, 'given'), p.nth) ELSE u(p.person, 'given') END >= g.low
ASOF JOIN (SELECT culture AS c, list AS l, name, low FROM name) h ON h.c = p.culture AND h.l = p.list
    AND u(p.person, 'second given') >= h.low
ASOF JOIN name f ON f.culture = p.culture AND f.list = 'male' AND u(p.person, 'father') >= f.low
ASOF JOIN name gf ON gf.culture = p.culture AND gf.list = 'male' AND u(p.person, 'grandfather') >= gf.low
ASOF JOIN name m ON m.culture = p.culture AND m.list = 'middle ' || p.list AND u(p.person, 'own middle') >= m.low
ASOF JOIN name w ON w.culture = p.culture AND w.list = 'western ' || p.list AND u(p.person, 'western') >= w.low;
DROP TABLE member;
DROP TABLE person;
