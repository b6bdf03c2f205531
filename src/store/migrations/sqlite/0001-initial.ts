/**
 * Schema 1 of the embedded store. The usage itself is not here: its month tables are made on demand, see
 * `store/sqlite/monthTables.ts`; a migration that changes them walks the ones it finds.
 */
export const initial = `
-- What there is one of: the catalogue's version, the switches, a sealed check value of the master key.
CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The catalogue. It is read whole into memory at open; seq keeps the order of first insertion.
CREATE TABLE accounts (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL
) STRICT;

CREATE TABLE credentials (
  seq INTEGER PRIMARY KEY,
  access_key_id TEXT NOT NULL UNIQUE,
  account_id TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;

CREATE TABLE products (
  seq INTEGER PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL
) STRICT;

CREATE TABLE agreements (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  product_code TEXT NOT NULL,
  buyer_account_id TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;

-- license is '' without one: NULLs would count as different from each other in the unique key.
CREATE TABLE entitlements (
  seq INTEGER PRIMARY KEY,
  product_code TEXT NOT NULL,
  buyer_account_id TEXT NOT NULL,
  dimension TEXT NOT NULL,
  license TEXT NOT NULL,
  document TEXT NOT NULL,
  UNIQUE (product_code, buyer_account_id, dimension, license)
) STRICT;

CREATE TABLE registration_tokens (
  seq INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  resolved_at INTEGER,
  document TEXT NOT NULL
) STRICT;

-- Identifiers as integers: usage rows keyed by text halve the insert rate.
CREATE TABLE subjects (
  id INTEGER PRIMARY KEY,
  region TEXT NOT NULL,
  path TEXT NOT NULL,
  product_code TEXT NOT NULL,
  holder TEXT NOT NULL,
  account_id TEXT NOT NULL,
  UNIQUE (region, path, product_code, holder)
) STRICT;

CREATE TABLE dimensions (
  id INTEGER PRIMARY KEY,
  product_code TEXT NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (product_code, name)
) STRICT;

-- Not by month: a token is unique whatever hour its record belongs to. The quantity is the holder's, which never changes.
CREATE TABLE client_tokens (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  token TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  record_id BLOB NOT NULL,
  quantity INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  call INTEGER NOT NULL,
  PRIMARY KEY (account_id, region, token)
) STRICT, WITHOUT ROWID;

CREATE TABLE metering_workloads (
  seq INTEGER PRIMARY KEY,
  product_code TEXT NOT NULL,
  resource TEXT NOT NULL,
  operation TEXT NOT NULL,
  document TEXT NOT NULL,
  UNIQUE (product_code, resource, operation)
) STRICT;

-- Who called what from where: few combinations, so an audit row carries one integer instead of four texts.
CREATE TABLE callers (
  id INTEGER PRIMARY KEY,
  operation TEXT NOT NULL,
  region TEXT NOT NULL,
  access_key_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  UNIQUE (operation, region, access_key_id, account_id)
) STRICT;

-- request_id is 16 bytes when it is a UUID, else text; it has no index, because random keys cost every commit a page.
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  request_id ANY NOT NULL,
  caller INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT
) STRICT;

CREATE INDEX audit_at ON audit (at);
`;
