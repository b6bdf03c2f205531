/**
 * Schema 3 of the PostgreSQL store: what nodes hold in common besides the ledger and the catalogue. Unlogged tables are
 * emptied by a crash of the server: full buckets and no planned faults, as after the start of a server by itself.
 */
export const nodes = `
-- A call takes a token, or a node some at once. filled_at: milliseconds, of the clock that fills it. A row that nobody has
-- touched for long is of a full bucket, which is as good as none.
CREATE UNLOGGED TABLE rate_buckets (
  key text PRIMARY KEY,
  rate double precision NOT NULL,
  tokens double precision NOT NULL,
  filled_at double precision NOT NULL,
  granted integer NOT NULL,
  touched_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- remaining NULL: until it is removed. drawn: of the numbers that its seed gives, so many are used.
CREATE UNLOGGED TABLE planned_faults (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  fault text NOT NULL,
  remaining bigint,
  matched bigint NOT NULL,
  hits bigint NOT NULL,
  drawn bigint NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);

-- Browsers of the console, by the hash of the word that a link or a cookie carries.
CREATE TABLE console_links (
  hash text PRIMARY KEY,
  name text NOT NULL,
  role text NOT NULL,
  root_mark text NOT NULL,
  opened_at bigint NOT NULL,
  used_at bigint NOT NULL
);
CREATE TABLE console_sessions (LIKE console_links INCLUDING ALL);

-- Keys that the first node which needs one makes, sealed under the master key.
CREATE TABLE sealed_keys (
  name text PRIMARY KEY,
  sealed text NOT NULL
);

INSERT INTO meta (name, value) VALUES ('database-id', substr(md5(random()::text || clock_timestamp()::text), 1, 8))
ON CONFLICT DO NOTHING;
`;
