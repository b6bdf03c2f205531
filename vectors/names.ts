import { FormatError, show } from "./values.ts";

/** Names to what they stand for, with an error that lists the known ones. */
export class Names<T> {
  readonly #kind: string;
  readonly #byName = new Map<string, T>();

  constructor(kind: string) {
    this.#kind = kind;
  }

  set(name: string, value: T): void {
    this.#byName.set(name, value);
  }

  get(name: string): T {
    const value = this.#byName.get(name);
    if (value !== undefined) return value;
    throw new FormatError(
      `the fixtures have no ${this.#kind} ${show(name)} (known: ${[...this.#byName.keys()].join(", ")})`,
    );
  }

  values(): readonly T[] {
    return [...this.#byName.values()];
  }
}
