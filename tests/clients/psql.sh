#!/bin/sh
# The PostgreSQL protocol by psql, against a running node.
#
# Environment: PGHOST, PGPORT, AJISAI_TOKEN, AJISAI_FACILITY (whose token it is), optionally PGSSLMODE, PGSSLROOTCERT.
set -eu

export PGUSER=anyone PGDATABASE=ajisai PGPASSWORD="$AJISAI_TOKEN"
ask() { psql --no-psqlrc -X -v ON_ERROR_STOP=1 "$@"; }
fail() { echo "psql: $1" >&2; exit 1; }
# holds WHAT TEXT PATTERN...: the text has every pattern.
holds() {
    what=$1 text=$2
    shift 2
    for pattern in "$@"; do
        printf '%s\n' "$text" | grep -q -- "$pattern" || fail "$what does not show \`$pattern\`: $text"
    done
}

[ "$(ask -Atc 'SELECT ajisai_facility()')" = "$AJISAI_FACILITY" ] || fail "the session is another facility's"
holds '\l' "$(ask -c '\l')" ajisai
holds '\dn' "$(ask -c '\dn')" public
holds '\dt' "$(ask -c '\dt')" laboratory vital_sign care_plan patient
tables=$(ask -Atc "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
[ "$(ask -Atc '\dt' | wc -l)" -eq "$tables" ] || fail "there are not $tables tables: $(ask -Atc '\dt')"
holds '\d' "$(ask -c '\d')" laboratory
holds '\d laboratory' "$(ask -c '\d laboratory')" my_patient_id value_number 'timestamp with time zone' 'text\[\]'
holds '\d lab_results' "$(ask -c '\d lab_results')" value_unit flag_computed 'text\[\]'
holds '\conninfo' "$(ask -c '\conninfo')" ajisai
holds 'SHOW' "$(ask -Atc 'SHOW statement_timeout')" 0
holds 'two statements' "$(ask -At -c 'BEGIN' -c 'SELECT 41 + 1' -c 'COMMIT')" 42

if ask -c 'SELECT * FROM absent' 2>/dev/null; then fail "an absent table was found"; fi
if ask -c 'CREATE TABLE t (a int)' 2>/dev/null; then fail "a table was made"; fi
if ask -c "\\copy patient to '/dev/null'" 2>/dev/null; then fail "a table was copied"; fi
if PGPASSWORD=no.such.token ask -c 'SELECT 1' 2>/dev/null; then fail "a forged token was let in"; fi
echo 'psql: ok'
