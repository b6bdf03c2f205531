/**
 * Schema 4 of the PostgreSQL store: calls that were announced before their usage is stored, where the usage is distributed
 * over shards. Without shards the table stays empty.
 */
export const pendingCalls = `
-- Rows come and go with each call, so it is tidied after so many, however large it once was.
-- The event as it will be if all that is planned is stored; unstored: its detail if nothing is, NULL: there is none then.
CREATE TABLE pending_calls (
  call bigint PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  at bigint NOT NULL,
  request_id text NOT NULL,
  caller bigint NOT NULL,
  outcome text NOT NULL,
  detail text,
  planned bytea NOT NULL,
  unstored text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX pending_calls_since ON pending_calls (since);
`;
