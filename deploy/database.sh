#!/bin/sh
# Run once by the image of PostgreSQL, as the owner of the server: the extension, and the role of the service.
# The password is read by psql itself, so that neither a command line nor the log shows it.
set -eu
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
\set password `cat "${SERVICE_PASSWORD_FILE:-/run/secrets/service}"`
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
CREATE EXTENSION IF NOT EXISTS vector;
CREATE ROLE memoria_service LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'password';
GRANT pg_checkpoint TO memoria_service;
GRANT EXECUTE ON FUNCTION pg_switch_wal() TO memoria_service;
SELECT format('GRANT CREATE ON DATABASE %I TO memoria_service', current_database()) \gexec
SQL
