-- Eleven items of the diabetes registry, everybody, as a team would ask them of laboratory rows in DuckDB.
-- `{now}` is the moment; times are those of Japan, without a zone, whose arithmetic is slow here. Where each definition stands: query/clinical/src/diabetes.
-- Less than `diabetes_registry`: one code of each item, in one unit (`lab/` knows the others); no diagnoses, drugs, visits, stays in
-- hospital, pregnancies or kidney replacement, of which these tables hold none; a bound such as `<5.0` is left out; nobody is asked
-- whether the row may be shown, and for what is NULL there is no reason.
WITH RECURSIVE asked AS (
    SELECT make_timestamp(epoch_us(TIMESTAMPTZ '{now}')) + INTERVAL 9 HOUR AS now
),
-- of_lab.rs: a result that was not cancelled, of a known item, in its unit
readings AS NOT MATERIALIZED (
    SELECT patient_id, make_timestamp(epoch_us(occurred)) + INTERVAL 9 HOUR AS moment, code, value_number AS value
    FROM laboratory
    WHERE occurred <= TIMESTAMPTZ '{now}' AND status <> 'cancelled' AND comparator IS NULL
      AND unit = CASE code
          WHEN '4548-4' THEN '%' WHEN '38483-4' THEN 'mg/dL' WHEN '2339-0' THEN 'mg/dL' WHEN '14959-1' THEN 'mg/g'
          WHEN '13457-7' THEN 'mg/dL' WHEN '2085-9' THEN 'mg/dL' WHEN '2571-8' THEN 'mg/dL' WHEN '1742-6' THEN 'U/L'
      END
),
-- due.rs, last_contact: any value is a contact. denominator.rs: casual glucose of 200 and more
seen AS (
    SELECT patient_id, CAST(max(moment) AS DATE) AS contact, bool_or(code = '2339-0' AND value >= 200) AS glucose_is_high
    FROM readings
    GROUP BY patient_id
),
-- glycaemia.rs: mean of 365 days, slope of 730. line.rs: years of 365.25 days. denominator.rs: 6.5 and more on two days
hba1c AS (
    SELECT
        patient_id, arg_max(value, (moment, value)) AS latest, CAST(max(moment) AS DATE) AS measured,
        CAST(min(moment) FILTER (WHERE value >= 6.5) AS DATE) AS first_high,
        CAST(max(moment) FILTER (WHERE value >= 6.5) AS DATE) AS last_high,
        avg(value) FILTER (WHERE moment > now - INTERVAL 365 DAY) AS mean,
        count(*) FILTER (WHERE moment > now - INTERVAL 730 DAY) AS points,
        regr_slope(value, epoch(moment) / 86400 / 365.25) FILTER (WHERE moment > now - INTERVAL 730 DAY) AS slope
    FROM readings, asked
    WHERE code = '4548-4'
    GROUP BY patient_id
),
-- egfr.rs, egfr_jsn, at the age of the day it was taken; filtration.rs: of adults whose sex is known
filtration AS MATERIALIZED (
    SELECT
        patient_id, moment,
        194.0 * pow(value, -1.094) * pow(age, -0.287)
            * CASE sex WHEN 'female' THEN 0.739 ELSE 1.0 END AS egfr
    FROM (SELECT *, date_sub('year', birth_date, CAST(moment AS DATE)) AS age FROM readings JOIN patient USING (patient_id))
    WHERE code = '38483-4' AND sex IN ('female', 'male') AND age >= 18
),
-- filtration.rs: of one moment the lowest
latest_filtration AS (
    SELECT patient_id, arg_max(egfr, (moment, -egfr)) AS egfr FROM filtration GROUP BY patient_id
),
-- decline.rs, without_acute: a value below 0.6417 of the last that was kept is left out where it came back within 90 days. `best` is
-- the best of those days, so that what was kept before is all that a step has to know; then one step for each value of a person.
ahead AS MATERIALIZED (
    SELECT
        patient_id, moment, egfr,
        row_number() OVER (PARTITION BY patient_id ORDER BY moment, egfr DESC) AS n,
        max(egfr) OVER (
            PARTITION BY patient_id ORDER BY moment
            RANGE BETWEEN INTERVAL 1 MICROSECOND FOLLOWING AND INTERVAL 90 DAY FOLLOWING) AS best
    FROM filtration, asked
    WHERE moment > now - INTERVAL 1096 DAY
),
walk AS (
    SELECT patient_id, n, moment, egfr, egfr AS kept FROM ahead WHERE n = 1
    UNION ALL
    SELECT
        patient_id, ahead.n, ahead.moment, ahead.egfr,
        CASE WHEN ahead.egfr < 0.6417 * kept AND best >= 0.6417 * kept THEN kept ELSE ahead.egfr END
    FROM walk JOIN ahead USING (patient_id)
    WHERE ahead.n = walk.n + 1
),
-- decline.rs: three values over a year at least
decline AS (
    SELECT patient_id, regr_slope(egfr, epoch(moment) / 86400 / 365.25) AS slope
    FROM walk
    WHERE egfr = kept
    GROUP BY patient_id
    HAVING count(*) >= 3 AND epoch(max(moment) - min(moment)) / 86400 / 365.25 >= 1
),
-- albumin.rs: the specimens of 730 days, the last three of them
specimens AS (
    SELECT
        patient_id, value,
        row_number() OVER (PARTITION BY patient_id ORDER BY moment DESC, value DESC) AS back
    FROM readings, asked
    WHERE code = '14959-1' AND moment > now - INTERVAL 730 DAY
),
albumin AS (
    SELECT
        patient_id, max(value) FILTER (WHERE back = 1) AS latest, count(*) AS looked_at,
        count(*) FILTER (WHERE value >= 30) AS positive
    FROM specimens
    WHERE back <= 3
    GROUP BY patient_id
)
SELECT
    patient_id AS my_patient_id,
    -- denominator.rs: every rule that holds
    nullif(
        list_filter(
            [CASE WHEN first_high < last_high THEN 'hba1c-twice' END,
             CASE WHEN first_high IS NOT NULL AND glucose_is_high THEN 'hba1c-and-glucose' END],
            lambda rule: rule IS NOT NULL),
        []) AS diabetes,
    hba1c.latest AS hba1c,
    hba1c.mean AS hba1c_mean,
    CASE WHEN points >= 3 THEN hba1c.slope END AS hba1c_slope,
    egfr,
    decline.slope AS egfr_slope,
    -- stage.rs, edition 2023
    CASE
        WHEN egfr < 30 THEN 4
        WHEN egfr IS NULL OR looked_at IS NULL THEN NULL
        WHEN albumin.latest >= 300 THEN 3
        WHEN positive >= 2 THEN 2
        WHEN positive = 1 AND looked_at < 3 THEN NULL
        ELSE 1
    END AS nephropathy_2023,
    -- risk.rs: G down, A across
    CASE
        WHEN egfr IS NULL OR looked_at IS NULL THEN NULL
        WHEN egfr < 30 THEN 'red'
        ELSE ['green', 'yellow', 'orange', 'red'][
            CASE WHEN egfr >= 60 THEN 1 WHEN egfr >= 45 THEN 2 ELSE 3 END
            + CASE
                WHEN albumin.latest < 30 THEN 0
                WHEN albumin.latest < 300 OR egfr < 45 THEN 1
                ELSE 2
            END]
    END AS ckd_risk,
    -- due.rs: three months after the last one
    CAST(measured + INTERVAL 3 MONTH AS DATE) AS due_hba1c,
    CAST(now AS DATE) - contact AS days_since_contact
FROM patient
LEFT JOIN seen USING (patient_id)
LEFT JOIN hba1c USING (patient_id)
LEFT JOIN latest_filtration USING (patient_id)
LEFT JOIN decline USING (patient_id)
LEFT JOIN albumin USING (patient_id)
CROSS JOIN asked
