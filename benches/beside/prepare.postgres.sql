-- What one would prepare in PostgreSQL for the questions of beside.py, once the rows are copied.
ALTER TABLE patient ADD PRIMARY KEY (patient_id);
-- a chart; a cohort; an item of a person
CREATE INDEX of_patient ON laboratory (patient_id, occurred);
CREATE INDEX of_code ON laboratory (code, occurred) INCLUDE (value_number, patient_id);
CREATE INDEX of_item ON laboratory (code, patient_id, occurred) INCLUDE (value_number, unit, comparator, status);

-- egfr.rs: NULL of children and where the sex is not known
CREATE FUNCTION egfr_jsn(creatinine double precision, birth date, sex text, day date) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 194.0 * power(creatinine, -1.094) * CASE sex WHEN 'female' THEN 0.739 WHEN 'male' THEN 1.0 END
        -- each argument once, or the function is called where it could stand in the statement
        * power(nullif(greatest(date_part('year', age(CAST(day AS timestamp), CAST(birth AS timestamp))), 17), 17), -0.287)
$$;

-- decline.rs: which values are kept, in order of time. One below 0.6417 of the last that was kept is left out where it came back within 90 days.
CREATE FUNCTION without_acute(egfr double precision[], at timestamptz[]) RETURNS boolean[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    kept boolean[] := array_fill(true, ARRAY[cardinality(egfr)]);
    floor double precision := 0;
    later integer;
BEGIN
    FOR one IN 1 .. cardinality(egfr) LOOP
        IF egfr[one] < floor THEN
            later := one + 1;
            -- past the end it is NULL, which ends the loop
            WHILE at[later] <= at[one] + INTERVAL '90 days' LOOP
                IF egfr[later] >= floor THEN
                    kept[one] := false;
                    EXIT;
                END IF;
                later := later + 1;
            END LOOP;
        END IF;
        IF kept[one] THEN
            floor := 0.6417 * egfr[one];
        END IF;
    END LOOP;
    RETURN kept;
END $$;
