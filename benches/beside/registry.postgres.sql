-- Eleven items of the diabetes registry, everybody, as a team would ask them of laboratory rows in PostgreSQL: person by person out of
-- the indexes of prepare.postgres.sql, which also has `without_acute`.
-- `{now}` is the moment; days are those of Japan. What it leaves out beside `diabetes_registry` is written in registry.duckdb.sql.
WITH asked AS NOT MATERIALIZED (
    SELECT TIMESTAMPTZ '{now}' AS now
),
-- of_lab.rs: a result that was not cancelled, of a known item, in its unit
readings AS NOT MATERIALIZED (
    SELECT patient_id, occurred, CAST(occurred AT TIME ZONE INTERVAL '9 hours' AS date) AS day, code, value_number AS value
    FROM laboratory, asked
    WHERE occurred <= now AND status <> 'cancelled' AND comparator IS NULL
      AND unit = CASE code
          WHEN '4548-4' THEN '%' WHEN '38483-4' THEN 'mg/dL' WHEN '2339-0' THEN 'mg/dL' WHEN '14959-1' THEN 'mg/g'
          WHEN '13457-7' THEN 'mg/dL' WHEN '2085-9' THEN 'mg/dL' WHEN '2571-8' THEN 'mg/dL' WHEN '1742-6' THEN 'U/L'
      END
)
SELECT
    patient_id AS my_patient_id,
    -- denominator.rs: every rule that holds; 6.5 and more on two days, or once with a casual glucose of 200 and more
    nullif(
        array_remove(
            ARRAY[
                CASE WHEN first_high < last_high THEN 'hba1c-twice' END,
                CASE WHEN first_high IS NOT NULL AND EXISTS (
                    SELECT FROM readings AS glucose
                    WHERE glucose.patient_id = patient.patient_id AND code = '2339-0' AND value >= 200
                ) THEN 'hba1c-and-glucose' END],
            NULL),
        '{}') AS diabetes,
    hba1c.latest AS hba1c,
    hba1c.mean AS hba1c_mean,
    CASE WHEN points >= 3 THEN hba1c.slope END AS hba1c_slope,
    egfr,
    decline.slope AS egfr_slope,
    -- stage.rs, edition 2023
    CASE
        WHEN egfr < 30 THEN 4
        WHEN egfr IS NULL OR looked_at = 0 THEN NULL
        WHEN albumin.latest >= 300 THEN 3
        WHEN positive >= 2 THEN 2
        WHEN positive = 1 AND looked_at < 3 THEN NULL
        ELSE 1
    END AS nephropathy_2023,
    -- risk.rs: G down, A across
    CASE
        WHEN egfr IS NULL OR looked_at = 0 THEN NULL
        WHEN egfr < 30 THEN 'red'
        ELSE (ARRAY['green', 'yellow', 'orange', 'red'])[
            CASE WHEN egfr >= 60 THEN 1 WHEN egfr >= 45 THEN 2 ELSE 3 END
            + CASE
                WHEN albumin.latest < 30 THEN 0
                WHEN albumin.latest < 300 OR egfr < 45 THEN 1
                ELSE 2
            END]
    END AS ckd_risk,
    -- due.rs: three months after the last one
    CAST(measured + INTERVAL '3 months' AS date) AS due_hba1c,
    CAST(now AT TIME ZONE INTERVAL '9 hours' AS date) - contact AS days_since_contact
FROM asked, patient
-- due.rs, last_contact: any value is a contact
LEFT JOIN LATERAL (
    SELECT day AS contact FROM readings
    WHERE readings.patient_id = patient.patient_id
    ORDER BY occurred DESC LIMIT 1
) AS seen ON true
-- glycaemia.rs: mean of 365 days, slope of 730. line.rs: years of 365.25 days
LEFT JOIN LATERAL (
    SELECT
        (array_agg(value ORDER BY occurred DESC, value DESC))[1] AS latest, max(day) AS measured,
        min(day) FILTER (WHERE value >= 6.5) AS first_high, max(day) FILTER (WHERE value >= 6.5) AS last_high,
        avg(value) FILTER (WHERE occurred > now - INTERVAL '365 days') AS mean,
        count(*) FILTER (WHERE occurred > now - INTERVAL '730 days') AS points,
        regr_slope(value, date_part('epoch', occurred) / 86400 / 365.25)
            FILTER (WHERE occurred > now - INTERVAL '730 days') AS slope
    FROM readings
    WHERE readings.patient_id = patient.patient_id AND code = '4548-4'
) AS hba1c ON true
-- filtration.rs: the last; of one moment the lowest
LEFT JOIN LATERAL (
    SELECT egfr_jsn(value, birth_date, sex, day) AS egfr FROM readings
    WHERE readings.patient_id = patient.patient_id AND code = '38483-4'
      AND egfr_jsn(value, birth_date, sex, day) IS NOT NULL
    ORDER BY occurred DESC, value DESC LIMIT 1
) AS filtration ON true
-- decline.rs: three values over a year at least, without acute injuries that came back
LEFT JOIN LATERAL (
    SELECT regr_slope(one.egfr, date_part('epoch', one.occurred) / 86400 / 365.25) AS slope
    FROM (
        SELECT array_agg(egfr ORDER BY occurred, egfr DESC) AS egfrs, array_agg(occurred ORDER BY occurred, egfr DESC) AS times
        FROM (
            SELECT occurred, egfr_jsn(value, birth_date, sex, day) AS egfr FROM readings
            WHERE readings.patient_id = patient.patient_id AND code = '38483-4' AND occurred > now - INTERVAL '1096 days'
        ) AS each
        WHERE egfr IS NOT NULL
    ) AS all_of, unnest(egfrs, times, without_acute(egfrs, times)) AS one (egfr, occurred, kept)
    WHERE kept
    HAVING count(*) >= 3 AND date_part('epoch', max(one.occurred) - min(one.occurred)) / 86400 / 365.25 >= 1
) AS decline ON true
-- albumin.rs: the specimens of 730 days, the last three of them
LEFT JOIN LATERAL (
    SELECT
        (array_agg(value ORDER BY back))[1] AS latest, count(*) AS looked_at, count(*) FILTER (WHERE value >= 30) AS positive
    FROM (
        SELECT value, row_number() OVER (ORDER BY occurred DESC, value DESC) AS back FROM readings
        WHERE readings.patient_id = patient.patient_id AND code = '14959-1' AND occurred > now - INTERVAL '730 days'
        ORDER BY occurred DESC, value DESC LIMIT 3
    ) AS last
) AS albumin ON true
