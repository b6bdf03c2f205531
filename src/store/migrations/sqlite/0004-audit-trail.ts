/**
 * Schema 4: the audit trail as CloudTrail records. An event points at the usage rows that its call stored; who called is
 * kept once for all of a caller's events, with everything that is the same from call to call.
 */
export const auditTrail = `
-- '' stands for what is absent: NULLs would count as different from each other in the unique key.
CREATE TABLE callers_of_schema_4 (
  id INTEGER PRIMARY KEY,
  operation TEXT NOT NULL,
  region TEXT NOT NULL,
  access_key_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  identity TEXT NOT NULL,
  product_code TEXT NOT NULL,
  source TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  -- Follows from the identity.
  user_name TEXT NOT NULL,
  UNIQUE (operation, region, access_key_id, account_id, identity, product_code, source, user_agent)
) STRICT;

INSERT INTO callers_of_schema_4
  SELECT id, operation, region, access_key_id, account_id, '', '', '', '', '' FROM callers;
DROP TABLE callers;
ALTER TABLE callers_of_schema_4 RENAME TO callers;

-- Keys of the usage rows that the call stored, see store/storedKeys.ts.
ALTER TABLE audit ADD COLUMN stored BLOB;
-- Which of the older calls stored usage is not known: none of them goes without leaving its row.
UPDATE audit SET stored = x'';

-- A call that was forgotten while usage rows still point at it has caller 0: it is in no list and no index.
DROP INDEX audit_at;
CREATE INDEX audit_at ON audit (at) WHERE caller > 0;
`;
