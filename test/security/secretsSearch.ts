/** The texts that a server left behind, and the search of them for secrets in whatever form. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export interface Secret {
  readonly name: string;
  readonly value: string;
  /** Places, by their names, that show it by design. */
  readonly shownIn?: readonly RegExp[];
}

/** A text that the server wrote, by the name of its place. */
export interface Place {
  readonly name: string;
  /** Bytes as latin1. */
  readonly text: string;
}

/** Every file of a folder, and of the folders in it. */
export function filesIn(folder: string): readonly Place[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => ({ name: `file ${name}`, text: readFileSync(join(folder, name), "latin1") }));
}

/** The forms in which a text may stand somewhere. */
export function formsOf(value: string): ReadonlySet<string> {
  const bytes = Buffer.from(value);
  return new Set([
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    encodeURIComponent(value).replaceAll(/%[0-9A-F]{2}/g, (pair) => pair.toLowerCase()),
    value.replaceAll("+", " "),
    value.replaceAll("&", "&amp;").replaceAll("+", "&#43;").replaceAll("=", "&#61;"),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    // Base64 wherever the text begins in its groups of three bytes; the ends depend on what stands beside it.
    ...[0, 1, 2].flatMap((lead) => {
      const text = Buffer.concat([Buffer.alloc(lead), bytes])
        .toString("base64")
        .replace(/=+$/, "");
      const inner = text.slice(lead === 0 ? 0 : lead + 1, -1);
      return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
    }),
  ]);
}

/** Where secrets stand that are shown there by nobody's design: `secret ← place`, and the text around. */
export function leaksOf(secrets: readonly Secret[], places: readonly Place[]): readonly string[] {
  return secrets.flatMap(({ name, value, shownIn = [] }) => {
    const forms = [...formsOf(value)];
    return places
      .filter((place) => !shownIn.some((shown) => shown.test(place.name)))
      .flatMap((place) => {
        const form = forms.find((one) => place.text.includes(one));
        if (form === undefined) return [];
        const at = place.text.indexOf(form);
        return [
          `${name} ← ${place.name}: …${place.text.slice(Math.max(0, at - 60), at).replaceAll(/[^\x20-\x7e]/g, ".")}‹here›`,
        ];
      });
  });
}
