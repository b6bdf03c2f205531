/** Schema 2: offers, roles, notifications and their deliveries, admin tokens, control events. Adds tables only. */
export const marketplace = `
CREATE TABLE offers (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL
) STRICT;

CREATE TABLE roles (
  seq INTEGER PRIMARY KEY,
  account_id TEXT NOT NULL,
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  UNIQUE (account_id, name)
) STRICT;

CREATE TABLE notification_targets (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL
) STRICT;

CREATE TABLE admin_tokens (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL
) STRICT;

-- Not in memory: read newest first, by seq, because the wall clock may be set back.
CREATE TABLE control_events (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  summary TEXT
) STRICT;

-- The outbox. seq is the order of publication; an index on anything else carries it, and so gives that order too.
CREATE TABLE notifications (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  form TEXT NOT NULL,
  seller_account_id TEXT NOT NULL,
  product_code TEXT NOT NULL,
  agreement_id TEXT,
  topic_arn TEXT,
  name TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE INDEX notifications_seller ON notifications (seller_account_id);
CREATE INDEX notifications_product ON notifications (product_code);
CREATE INDEX notifications_agreement ON notifications (agreement_id) WHERE agreement_id IS NOT NULL;

CREATE TABLE deliveries (
  notification INTEGER NOT NULL,
  target_id TEXT NOT NULL,
  state TEXT NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  attempts TEXT NOT NULL,
  PRIMARY KEY (notification, target_id)
) STRICT, WITHOUT ROWID;

-- Partial: nearly all deliveries are delivered, and those nobody has to look for.
CREATE INDEX deliveries_pending ON deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_dead ON deliveries (notification) WHERE state = 'dead';
`;
