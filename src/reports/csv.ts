/** CSV by RFC 4180: fields in quotes where they need them, lines that end with CR LF. */

export type CsvField = string | number | undefined;

/** Rows with their line ends. By hand: the garbage of csv-stringify added 70 MB to the memory of a long export. */
export function csvText(rows: readonly (readonly CsvField[])[]): string {
  let text = "";
  for (const row of rows) text += `${row.map(fieldText).join(",")}\r\n`;
  return text;
}

function fieldText(field: CsvField): string {
  if (typeof field !== "string") return field === undefined ? "" : String(field);
  const text = guarded(field);
  // A lone CR or LF ends a line for many readers, too.
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What a spreadsheet would run as a formula, and the apostrophe itself, so that `unguarded` can tell. */
const startsFormula = /^[=+\-@\t\r']/;

/**
 * Buyers and sellers choose some of these texts, and people open the files with a spreadsheet: a text that begins like a
 * formula gets an apostrophe in front, which spreadsheets take for "this is text".
 */
export function guarded(text: string): string {
  return startsFormula.test(text) ? `'${text}` : text;
}

/** The text that was given to `guarded`. Texts of other origin that begin with a lone apostrophe keep it. */
export function unguarded(field: string): string {
  return field.startsWith("'") && startsFormula.test(field.slice(1)) ? field.slice(1) : field;
}
