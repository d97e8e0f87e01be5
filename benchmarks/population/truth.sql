-- In: called, culture, name. Out: truth, one row a person: who they are, before anything is written wrong.

-- What the members of a home take from each other. arg_min by place: the same whatever the order.
CREATE TABLE kin AS
SELECT home,
    arg_min(own1, pos) FILTER (adult AND male) AS his1, arg_min(own2, pos) FILTER (adult AND male) AS his2,
    arg_min(given, pos) FILTER (adult AND male) AS his_given,
    arg_min(given2, pos) FILTER (adult AND male) AS his_given2,
    arg_min(own1, pos) FILTER (adult AND NOT male) AS her1, arg_min(own2, pos) FILTER (adult AND NOT male) AS her2,
    arg_min(person, pos) FILTER (adult AND NOT male) AS mother,
    arg_min(own1, pos) FILTER (role = 'child') AS step1, arg_min(own2, pos) FILTER (role = 'child') AS step2,
    min(nth) FILTER (role = 'child' AND male AND NOT twin) AS first_son,
    max(nth) FILTER (role = 'child') AS last_child,
    u(home, 'junior') < any_value(named_after_father ORDER BY pos) * rate().traps.father_son AS junior,
    u(home, 'third') AS junior_draw,
    u(home, 'married') >= rate().people.unmarried AS married,
    u(home, 'stepfamily') < rate().people.other_surname AS step,
    u(home, 'newborn') < rate().traps.newborn * 6 AS newborn   -- a sixth of the persons are homes with children
FROM (SELECT *, role IN ('head', 'partner') AS adult FROM called JOIN culture USING (culture)
      WHERE home_kind NOT IN ('nursing_home', 'shelter', 'roommates'))
GROUP BY home;

-- Twins have the birth date of the first of them. Narrow rows: windows over wide ones cost the most.
CREATE TABLE litter AS
WITH counted AS (
    SELECT person, home, role, twin, birth, sum((NOT twin)::int) OVER (ORDER BY person) AS litter FROM called
)
SELECT person, litter, first_value(birth) OVER mates AS birth, row_number() OVER mates AS of_litter,
    role = 'child' AND count(*) OVER (PARTITION BY litter) > 1 AS in_twins,
    role = 'child' AND litter = max(litter) FILTER (role = 'child') OVER (PARTITION BY home) AS youngest
FROM counted WINDOW mates AS (PARTITION BY litter ORDER BY person);

CREATE TABLE related AS
WITH joined AS (
    SELECT c.* REPLACE (l.birth AS birth), r.* EXCLUDE (culture, low), l.* EXCLUDE (person, birth),
        k.* EXCLUDE (home, newborn),
        role = 'child' AS child, youngest AND coalesce(newborn, false) AS is_newborn
    FROM called c JOIN culture r USING (culture) JOIN litter l USING (person) LEFT JOIN kin k USING (home)
)
SELECT * REPLACE (
        CASE WHEN is_newborn THEN date '2026-06-29' - between_(home, 'born', 0, 60)::int ELSE birth END AS birth,
        CASE WHEN boy_named_after THEN his_given ELSE given END AS given,
        CASE WHEN boy_named_after THEN his_given2 ELSE given2 END AS given2,
        -- A boy who happens to be called like his father is so on purpose or not at all.
        coalesce(junior AND NOT step AND first_son IS NOT NULL AND his_given IS NOT NULL, false) AS junior)
FROM (SELECT *, coalesce(child AND male AND nth = first_son AND junior AND NOT step
           AND his_given IS NOT NULL, false) AS boy_named_after
      FROM joined);
DROP TABLE called;

-- Surnames by the culture's rule.
CREATE TABLE truth AS
WITH wives AS (
    SELECT *, coalesce(married AND NOT male AND role IN ('head', 'partner') AND his1 IS NOT NULL
        AND u(home, 'takes') < wife_takes, false) AS takes,
        coalesce(married AND NOT male AND role IN ('head', 'partner') AND his1 IS NOT NULL
        AND u(home, 'hyphen') < wife_hyphen, false) AS hyphened,
        coalesce(child AND step AND family IN ('father', 'father mother', 'mother father'), false) AS stepchild,
        u(CASE WHEN child THEN home ELSE person END, 'one name') < single AS one_name
    FROM related
), first_part AS (
    SELECT *, CASE
        WHEN family = 'given of the father' THEN CASE WHEN child THEN coalesce(his_given, father) ELSE father END
        WHEN one_name THEN ''
        WHEN family = 'none' THEN CASE
            WHEN u(home, 'clan') >= clan THEN CASE WHEN given2 = given THEN own1 ELSE given2 END
            WHEN child THEN coalesce(his1, her1) ELSE own1 END
        WHEN stepchild THEN step1
        WHEN family = 'mother father' THEN CASE WHEN child THEN coalesce(her2, step1) WHEN takes THEN own2 ELSE own1 END
        WHEN child THEN coalesce(his1, her1)
        WHEN role = 'grandparent' AND (male OR u(home, 'takes') < wife_takes) THEN coalesce(his1, her1)
        WHEN takes AND NOT hyphened THEN his1
        ELSE own1 END AS part1,
        CASE
        WHEN one_name THEN ''
        WHEN stepchild AND family IN ('father mother', 'mother father') THEN step2
        WHEN family = 'mother father' THEN CASE WHEN child THEN coalesce(his2, step2) WHEN takes THEN his2 ELSE own2 END
        WHEN family = 'father mother' THEN CASE WHEN NOT child THEN own2
            WHEN his1 IS NULL THEN coalesce(her2, step2) ELSE coalesce(her1, step2) END
        WHEN hyphened AND family = 'father' THEN his1
        ELSE '' END AS part2
    FROM wives
), gendered AS (
    SELECT f.* REPLACE (
            CASE WHEN male THEN part1 ELSE coalesce(a.feminine, part1) END AS part1,
            CASE WHEN male THEN part2 ELSE coalesce(b.feminine, part2) END AS part2),
        coalesce(CASE WHEN male THEN part1 ELSE a.name END, part1) AS masculine,
        CASE WHEN NOT (takes OR hyphened) OR part1 || part2 = '' OR family IN ('none', 'given of the father') THEN ''
            WHEN family = 'mother father' THEN own1 || ' ' || own2
            ELSE coalesce(o.feminine, own1) END AS maiden,
        CASE WHEN child THEN coalesce(CASE WHEN male THEN p.son ELSE p.daughter END, '')
            WHEN male THEN f.son ELSE f.daughter END AS patronymic,
        CASE WHEN child THEN coalesce(his_given, f.father) ELSE f.father END AS father_given
    FROM first_part f
    LEFT JOIN name a ON a.culture = f.culture AND a.list = 'surname' AND a.name = f.part1
    LEFT JOIN name b ON b.culture = f.culture AND b.list = 'surname' AND b.name = f.part2
    LEFT JOIN name o ON o.culture = f.culture AND o.list = 'surname' AND o.name = f.own1
    LEFT JOIN name p ON p.culture = f.culture AND p.list = 'male' AND p.name = f.his_given
)
SELECT person, home, role, home_kind, nth, litter, of_litter, culture, country, male, birth, given,
    CASE WHEN given2 = given THEN '' ELSE given2 END AS given2,
    CASE WHEN child AND family = 'given of the father' THEN father ELSE grandfather END AS grandfather,
    father_given, patronymic, one_name, mother, takes OR hyphened AS married_name,
    CASE WHEN u(person, 'western') < western THEN western_name ELSE '' END AS western,
    CASE WHEN u(person, 'word') < religious THEN CASE WHEN male THEN man_word ELSE woman_word END ELSE '' END AS word,
    CASE WHEN u(person, 'has middle') >= middle_share THEN '' ELSE CASE middle
        WHEN 'given' THEN given2 WHEN 'patronymic' THEN patronymic WHEN 'father' THEN father_given
        WHEN 'own' THEN own_middle ELSE '' END END AS middle_full,
    u(person, 'initial') < middle_initial AS middle_initial,
    part1, part2, masculine, hyphened AND family = 'father' AS hyphened, maiden, accents,
    part2 <> '' AND (family = 'father' OR u(home, 'second surname') < second_surname) AS both_surnames,
    CASE WHEN junior AND junior_draw < rate().father_son.suffix 
        AND (boy_named_after OR his_given = given AND male AND role IN ('head', 'partner'))
        THEN CASE WHEN junior_draw < rate().father_son.third THEN CASE WHEN child THEN 'III' ELSE 'Jr' END
            ELSE CASE WHEN child THEN 'Jr' ELSE 'Sr' END END ELSE '' END AS suffix,
    CASE
        WHEN home_kind IN ('nursing_home', 'shelter') THEN home_kind
        WHEN is_newborn THEN 'newborn'
        WHEN in_twins THEN 'twin'
        WHEN boy_named_after OR (junior AND male AND role IN ('head', 'partner') AND his_given = given)
            THEN CASE WHEN junior_draw < rate().father_son.suffix THEN 'junior' ELSE 'father_son' END
        WHEN role = 'roommate' THEN 'roommate'
        WHEN stepchild AND part1 IS DISTINCT FROM coalesce(his1, her1) THEN 'stepchild'
        ELSE '' END AS kind
FROM gendered;
DROP TABLE related;
DROP TABLE litter;
DROP TABLE kin;

-- Twins with similar names: the one of the list that is most like the other twin's.
UPDATE truth SET given = found.name, kind = CASE kind WHEN 'twin' THEN 'twin_similar' ELSE kind END
FROM (
    SELECT b.person, arg_max(n.name, jaro_winkler_similarity(a.given, n.name)
            + CASE WHEN left(a.given, 2) = left(n.name, 2) THEN .1 ELSE 0 END
            ORDER BY n.name) AS name
    FROM truth b
    JOIN truth a ON a.litter = b.litter AND a.home = b.home AND a.of_litter = 1 AND a.male = b.male
    JOIN name n ON n.culture = b.culture AND n.list = CASE WHEN b.male THEN 'male' ELSE 'female' END
    WHERE b.of_litter = 2 AND u(b.home, 'similar twins') < rate().twins.similar_names
        AND lower(n.name) <> lower(a.given) AND lower(strip_accents(n.name)) <> lower(strip_accents(a.given))
        AND a.kind IN ('twin', 'newborn')
    GROUP BY b.person
) found
WHERE found.person = truth.person;
UPDATE truth SET kind = 'twin_similar' FROM (SELECT litter FROM truth WHERE kind = 'twin_similar') t
WHERE t.litter = truth.litter AND truth.kind = 'twin';

-- Namesakes: two people of one culture with one name, one sex and one birth date, in two homes.
UPDATE truth SET given = b.given, part1 = b.part1, part2 = b.part2, masculine = b.masculine, maiden = '',
    male = b.male, birth = b.birth, kind = 'namesake', one_name = b.one_name, both_surnames = b.both_surnames,
    patronymic = b.patronymic, western = '', married_name = false, hyphened = b.hyphened
FROM (
    WITH ranked AS (
        SELECT person, home, culture, (row_number() OVER (PARTITION BY culture ORDER BY u(person, 'namesake'))) AS k
        FROM truth WHERE kind = '' AND role IN ('head', 'partner')
            AND u(person, 'namesakes') < 3 * rate().traps.namesakes
    )
    SELECT l.person AS other, t.*
    FROM ranked l JOIN ranked r ON r.culture = l.culture AND r.k = l.k + 1 AND l.k % 2 = 1 AND l.home <> r.home
    JOIN truth t ON t.person = r.person
) b
WHERE b.other = truth.person;
UPDATE truth SET kind = 'namesake'
FROM (SELECT given, part1, part2, birth, male FROM truth WHERE kind = 'namesake') n
WHERE truth.kind = '' AND truth.given = n.given AND truth.part1 = n.part1 AND truth.part2 = n.part2
    AND truth.birth = n.birth AND truth.male = n.male;
