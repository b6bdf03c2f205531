/**
 * The names that were asked for last, in front of a map of all. A map would intern the text of the request first, which costs
 * more than all the rest of a look-up.
 */
const placeCount = 64;

export class RecentNames<Value> {
  readonly #places: ({ readonly name: string; readonly value: Value } | undefined)[] = new Array(placeCount);

  get(name: string): Value | undefined {
    const recent = this.#places[placeOf(name)];
    return recent !== undefined && recent.name === name ? recent.value : undefined;
  }

  /** Another one may have to go for it. */
  keep(name: string, value: Value): void {
    this.#places[placeOf(name)] = { name, value };
  }
}

/** Names of a product's dimensions differ in their length or at their end, most of them. */
function placeOf(name: string): number {
  return (name.charCodeAt(name.length - 1) + name.length * 7) & (placeCount - 1);
}
