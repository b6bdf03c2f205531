/** Schema 5: sums of hours that are over, so that charts need not read the trail and the ledger again after a start. */
export const summaries = `
-- A block is six hours; kind: 'dimension', 'customer' (usage) or 'calls'. A row is removed in the transaction that stores
-- a record or an event of its hours, so what is here holds.
CREATE TABLE summaries (
  kind TEXT NOT NULL,
  block INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (kind, block)
) STRICT;
`;
