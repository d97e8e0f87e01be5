-- In: truth, name, culture. Out: reached, one row a person: address, phone, e-mail, number; and streets and
-- places for those who move.

CREATE MACRO phone_number(area, id, what) AS
    area || (200 + floor(u(id, what) * 354)::int)::varchar   -- never 555
    || lpad(floor(u(id, what || ' line') * 10000)::int::varchar, 4, '0');
CREATE MACRO ssn(id) AS
    lpad(between_(id, 'area of the number', 1, 665)::varchar, 3, '0')
    || lpad(between_(id, 'group of the number', 1, 99)::varchar, 2, '0')
    || lpad(between_(id, 'serial of the number', 1, 9999)::varchar, 4, '0');

-- Zip codes: people crowd into few of them.
CREATE TABLE place AS
WITH drawn AS (
    SELECT i AS place, pow(u(i, 'crowd'), -0.8) AS weight FROM range(greatest(30, getvariable('persons') // 8000)) t(i)
), towns AS (
    SELECT d.*, n.name || one_of(place, 'town',
            ['', ' City', 'ville', 'ton', ' Springs', ' Heights', ' Falls', ' Park']) AS city
    FROM drawn d ASOF JOIN town n ON u(d.place, 'city') >= n.low
)
SELECT place, city, one_of(place, 'state',
        ['CA','TX','FL','NY','PA','IL','OH','GA','NC','MI','NJ','VA','WA','AZ','TN','MA']) AS state,
    lpad(between_(place, 'zip', 501, 99950)::varchar, 5, '0') AS zip,
    between_(place, 'area', 201, 989)::varchar AS area,
    (sum(weight) OVER (ORDER BY place) - weight) / sum(weight) OVER () AS low
FROM towns;

CREATE TABLE street AS
SELECT i AS street, n.name || ' ' || one_of(i, 'street kind',
        ['St', 'Ave', 'Rd', 'Dr', 'Ln', 'Blvd', 'Ct', 'Way', 'Pl']) AS street_name
FROM (SELECT i FROM range(1500) t(i)) s ASOF JOIN town n ON u(s.i, 'street name') >= n.low;

CREATE TABLE address AS
WITH homes AS (
    SELECT home, arg_min(culture, person) AS culture, arg_min(country, person) AS origin,
        min(home_kind) AS home_kind
    FROM truth GROUP BY home
), placed AS (
    SELECT h.*, p.city, p.state, p.zip, p.area, hash(p.zip, between_(h.home, 'street', 0, 60)) % 1500 AS street,
        h.home_kind NOT IN ('nursing_home', 'shelter') 
            AND u(h.home, 'abroad') < rate().people.abroad AND h.origin <> 'US' AS abroad
    FROM homes h ASOF JOIN place p ON u(h.home, 'place') >= p.low
)
SELECT p.home, p.area, CASE WHEN abroad THEN origin ELSE 'US' END AS country,
    CASE WHEN abroad THEN c.name ELSE p.city END AS city, CASE WHEN abroad THEN '' ELSE state END AS state, zip,
    between_(p.home, 'number', 1, 9900) || ' ' || street_name
        || CASE WHEN u(p.home, 'apartment') < .2 AND home_kind NOT IN ('nursing_home', 'shelter')
            THEN ' Apt ' || between_(p.home, 'apartment number', 1, 400) ELSE '' END AS line,
    phone_number(area, p.home, 'home phone') AS phone
FROM placed p JOIN street USING (street)
ASOF JOIN name c ON c.culture = p.culture AND c.list = 'city' AND u(p.home, 'foreign city') >= c.low;

CREATE TABLE reached AS
WITH said AS (
    SELECT t.*, a.line, a.city, a.state, a.zip, a.country AS lives_in, a.area, a.phone AS home_phone,
        year(date '2026-06-30') - year(birth) AS years, ssn(person) AS own_number,
        one_of(person, 'mail', ['gmail.com','gmail.com','yahoo.com',
            'hotmail.com','outlook.com','icloud.com','aol.com']) AS host
    FROM truth t JOIN address a USING (home)
)
SELECT * EXCLUDE (area, own_number, host, country, lives_in), lives_in AS country,
    CASE WHEN kind IN ('nursing_home', 'shelter') OR years < 14 OR u(person, 'own phone') >= rate().people.own_phone
        THEN home_phone ELSE phone_number(area, person, 'phone') END AS phone,
    CASE WHEN years < 13 OR kind = 'nursing_home' THEN ''
        WHEN u(person, 'own mail') < rate().people.own_email
            THEN left(letters(given), 1 + 8 * (u(person, 'mail form') < .4)::int)
                || one_of(person, 'mail dot', ['.', '', '_']) || letters(part1)
                || CASE WHEN u(person, 'mail number') < .8
                    THEN between_(person, 'mail digits', 1, 9999)::varchar ELSE '' END || '@' || host
        ELSE letters(masculine) || 'family' || (home % 977) || '@'
            || one_of(home, 'home mail', ['gmail.com', 'yahoo.com']) END AS email,
    CASE WHEN kind <> 'newborn' THEN own_number
        WHEN u(person, 'number of the mother') < rate().newborn.mothers_number AND mother IS NOT NULL
            THEN ssn(mother)
        ELSE '' END AS ssn
FROM said;
DROP TABLE truth;

-- A newborn has no name yet, and the mother's surname.
CREATE TABLE newborn AS
SELECT b.person, coalesce(m.part1, b.part1) AS family,
    CASE WHEN m.given IS NOT NULL AND u(b.home, 'named by mother') < rate().newborn.mothers_name
        THEN CASE WHEN b.male THEN 'Boy ' ELSE 'Girl ' END || m.given
        ELSE one_of(b.home, 'placeholder', CASE WHEN b.male
            THEN ['Baby Boy', 'Baby Boy', 'Boy', 'BB', 'Babyboy', 'Newborn Boy', 'Baby']
            ELSE ['Baby Girl', 'Baby Girl', 'Girl', 'BG', 'Babygirl', 'Newborn Girl', 'Baby'] END)
    END || CASE WHEN b.litter_size > 1 AND u(b.home, 'lettered') < .8
        THEN ' ' || chr((64 + b.of_litter)::int) ELSE '' END AS given
FROM (SELECT *, count(*) OVER (PARTITION BY litter) AS litter_size FROM reached WHERE kind = 'newborn') b
LEFT JOIN reached m ON m.person = b.mother;
