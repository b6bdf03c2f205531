/** Schema 3: simulated compute. Adds a table only. */
export const workloads = `
CREATE TABLE workloads (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL
) STRICT;
`;
