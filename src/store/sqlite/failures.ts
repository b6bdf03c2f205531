/** Why the embedded store could not write, in words for people. */
const [ioError, full] = [10, 13];

/** `file`: the data file. One line. */
export function writeFailureOf(error: unknown, file: string): string {
  const message = error instanceof Error ? error.message : String(error);
  // The extended code tells in its upper bytes which part of the work failed.
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : undefined;
  const writing = `The data file ${file} cannot be written (${message}).`;
  if (code === full) return `${writing} Make room on its disk; nothing else is needed.`;
  if (code === ioError)
    return `${writing} Look for room on its disk, for a limit on file sizes, and at the disk itself.`;
  return writing;
}
