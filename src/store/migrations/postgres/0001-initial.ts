/**
 * Schema 1 of the PostgreSQL store. Month partitions of `usage` are made on demand, see `store/postgres/partitions.ts`.
 *
 * What Citus asks for is kept from the start: every unique key of a table that grows with usage holds the customer's
 * account, and no table refers to another by a foreign key.
 */
export const initial = `
-- What there is one of: a sealed check value of the master key.
CREATE TABLE meta (
  name text PRIMARY KEY,
  value text NOT NULL
);

-- Of the catalogue. Whoever changes it locks this row, so that changes have an order that all nodes agree on. What was
-- removed up to floor has left no trace: a node whose memory is older than that reads everything anew.
CREATE TABLE catalog_version (
  is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
  version bigint NOT NULL,
  floor bigint NOT NULL
);
INSERT INTO catalog_version (version, floor) VALUES (0, 0);

-- The catalogue, which every node holds in memory. version is that of the change that wrote the row last: a node that is
-- behind reads the rows beyond its own. A row without document was removed. seq keeps the order of first insertion.
CREATE TABLE catalog_rows (
  kind text NOT NULL,
  key text NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  version bigint NOT NULL,
  resolved_at bigint,
  document text,
  PRIMARY KEY (kind, key)
);
CREATE INDEX catalog_rows_version ON catalog_rows (version);
CREATE INDEX catalog_rows_removed ON catalog_rows (version) WHERE document IS NULL;

CREATE TABLE control_events (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  at bigint NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  target text NOT NULL,
  summary text
);

CREATE TABLE notifications (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  at bigint NOT NULL,
  form text NOT NULL,
  seller_account_id text NOT NULL,
  product_code text NOT NULL,
  agreement_id text,
  topic_arn text,
  name text NOT NULL,
  body text NOT NULL
);
CREATE INDEX notifications_seller ON notifications (seller_account_id, seq);
CREATE INDEX notifications_product ON notifications (product_code, seq);
CREATE INDEX notifications_agreement ON notifications (agreement_id, seq) WHERE agreement_id IS NOT NULL;

CREATE TABLE deliveries (
  notification bigint NOT NULL,
  target_id text NOT NULL,
  state text NOT NULL,
  next_attempt_at bigint NOT NULL,
  attempts text NOT NULL,
  PRIMARY KEY (notification, target_id)
);
CREATE INDEX deliveries_pending ON deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_dead ON deliveries (notification) WHERE state = 'dead';

-- Identifiers as integers: a usage row carries two of them instead of some hundred bytes of text.
CREATE TABLE subjects (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  region text NOT NULL,
  path text NOT NULL,
  product_code text NOT NULL,
  holder text NOT NULL,
  account text COLLATE "C" NOT NULL,
  UNIQUE (region, path, product_code, holder)
);
CREATE INDEX subjects_account ON subjects (account);

CREATE TABLE dimensions (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_code text NOT NULL,
  name text NOT NULL,
  UNIQUE (product_code, name)
);

-- '' stands for what is absent: NULLs would count as different from each other in the unique key.
CREATE TABLE callers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash text NOT NULL UNIQUE,
  operation text NOT NULL,
  region text NOT NULL,
  access_key_id text NOT NULL,
  account_id text NOT NULL,
  identity text NOT NULL,
  product_code text NOT NULL,
  source text NOT NULL,
  user_agent text NOT NULL,
  user_name text NOT NULL
);

-- The hour (epoch seconds / 3,600) comes first in the key: inserts stay in the pages of the current hours, whoever the
-- customer is. account is that of the subject: it tells no two records apart, and is there to distribute by.
CREATE TABLE usage (
  hour integer NOT NULL,
  account text COLLATE "C" NOT NULL,
  subject bigint NOT NULL,
  dimension integer NOT NULL,
  entry bigint NOT NULL,
  quantity bigint NOT NULL,
  record_id uuid NOT NULL,
  at_ms integer NOT NULL,
  call bigint NOT NULL,
  billable boolean NOT NULL,
  allocations text,
  client_token text,
  PRIMARY KEY (hour, account, subject, dimension, entry)
) PARTITION BY RANGE (hour);

-- Not by month: a token is unique whatever hour its record belongs to. The quantity is the holder's, which never changes.
CREATE TABLE client_tokens (
  account text COLLATE "C" NOT NULL,
  region text NOT NULL,
  token text NOT NULL,
  request_hash text NOT NULL,
  record_id uuid NOT NULL,
  quantity bigint NOT NULL,
  hour integer NOT NULL,
  call bigint NOT NULL,
  PRIMARY KEY (account, region, token)
);

-- changed grows with every change of a row, so that the other nodes find what is new to them.
CREATE SEQUENCE workload_changes;
CREATE TABLE metering_workloads (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  changed bigint NOT NULL DEFAULT nextval('workload_changes'),
  product_code text NOT NULL,
  resource text NOT NULL,
  operation text NOT NULL,
  document text NOT NULL,
  PRIMARY KEY (product_code, resource, operation)
);
CREATE INDEX metering_workloads_changed ON metering_workloads (changed);

-- tx tells which transactions a reader saw: reads of many pages are of one moment by it.
CREATE TABLE audit (
  seq bigint PRIMARY KEY,
  at bigint NOT NULL,
  request_id text NOT NULL,
  caller bigint NOT NULL,
  outcome text NOT NULL,
  detail text,
  stored bytea,
  tx xid8 NOT NULL DEFAULT pg_current_xact_id()
);
-- A call that was forgotten while usage rows still point at it has caller 0.
CREATE INDEX audit_at ON audit (at, seq) WHERE caller > 0;
-- Nodes take their numbers in blocks.
CREATE SEQUENCE audit_seq INCREMENT BY 1000;
`;
