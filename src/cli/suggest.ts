/** "Did you mean": the names that a mistyped one was most likely meant to be. */

const suggestionsMax = 3;

export function suggestions(given: string, known: readonly string[]): readonly string[] {
  const word = given.toLowerCase();
  // A third of the letters may be wrong: more, and the suggestion is a guess.
  const farthest = Math.max(1, Math.floor(word.length / 3));
  return [...new Set(known)]
    .map((name) => ({ name, distance: distanceOf(word, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= farthest)
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, suggestionsMax)
    .map(({ name }) => name);
}

/** Empty where nothing is near. */
export function didYouMean(given: string, known: readonly string[]): string {
  const found = suggestions(given, known);
  return found.length === 0 ? "" : `Did you mean ${found.join(" or ")}?`;
}

function distanceOf(given: string, name: string): number {
  // The beginning or a part of a long code: people shorten what they remember.
  if (given.length >= 3 && name.includes(given)) return 1;
  let before = Array.from({ length: name.length + 1 }, (_, index) => index);
  for (let row = 1; row <= given.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= name.length; column += 1) {
      const change = given[row - 1] === name[column - 1] ? 0 : 1;
      line.push(Math.min((before[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1, (before[column - 1] ?? 0) + change));
    }
    before = line;
  }
  return before[name.length] ?? given.length;
}
