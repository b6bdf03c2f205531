/**
 * Schema 7: the journal. One row for each group of claims, with the usage rows and the events that it stored, packed as
 * `store/sqlite/journalRows.ts` has it; they go to their own tables later, and the row goes then.
 */
export const journal = `
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  packed BLOB NOT NULL
) STRICT;
`;
