/** What is made of texts that come again and again: dates, scopes and lists of names in signed requests. */

/** What was made of so many texts is kept, each at most so long: nobody can fill memory with texts of their own. */
const rememberedMax = 256;
const rememberedLengthMax = 512;

/** `make`, which must be pure, once for each of the texts that come again and again. */
export function remembering<T>(make: (text: string) => T): (text: string) => T {
  const made = new Map<string, T>();
  return (text) => {
    const known = made.get(text);
    if (known !== undefined) return known;
    const value = make(text);
    if (text.length > rememberedLengthMax) return value;
    if (made.size >= rememberedMax) made.clear();
    made.set(text, value);
    return value;
  };
}
