/** Options of the commands: their forms are checked here, before anything is sent. */
import { InvalidArgumentError, Option } from "commander";
import { didYouMean } from "./suggest.ts";
import { durationForms, type GivenInstant, instantForms, parseDuration, parseInstant } from "./times.ts";

export function option(flags: string, description: string): Option {
  return new Option(flags, description);
}

/** Given several times, it is a list. */
export function many(flags: string, description: string): Option {
  return new Option(flags, `${description}; repeatable`).argParser(
    (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value],
  );
}

export function choice(flags: string, description: string, values: readonly string[]): Option {
  const made = new Option(flags, description).choices(values);
  return made.argParser((value: string) => oneOf(value, values));
}

export function manyChoices(flags: string, description: string, values: readonly string[]): Option {
  const made = new Option(flags, `${description}; repeatable`).choices(values);
  return made.argParser((value: string, before: readonly string[] | undefined): readonly string[] => [
    ...(before ?? []),
    oneOf(value, values),
  ]);
}

export function oneOf(value: string, values: readonly string[]): string {
  if (values.includes(value)) return value;
  throw new InvalidArgumentError(`${`It is one of ${values.join(", ")}.`} ${didYouMean(value, values)}`.trim());
}

export function whole(flags: string, description: string, range: { readonly min?: number } = {}): Option {
  const min = range.min ?? 0;
  return new Option(flags, description).argParser((value: string) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && Number.isSafeInteger(number) && number >= min) return number;
    throw new InvalidArgumentError(`It is a whole number, ${min} or more.`);
  });
}

export function instant(flags: string, description: string, bare: "past" | "future"): Option {
  return new Option(flags, `${description}: ${instantForms}`).argParser(
    (value: string): GivenInstant => parseInstant(value, bare),
  );
}

export function duration(flags: string, description: string): Option {
  return new Option(flags, `${description}: ${durationForms}`).argParser(parseDuration);
}

/** `name=value`, several times. */
export function assignments(flags: string, description: string): Option {
  return new Option(flags, `${description}; repeatable`).argParser(
    (text: string, before: Readonly<Record<string, string>> | undefined) => {
      const [name, value] = assignment(text);
      return { ...before, [name]: value };
    },
  );
}

export function assignment(text: string): readonly [string, string] {
  const place = text.indexOf("=");
  if (place < 1) throw new InvalidArgumentError("Write it as name=value.");
  return [text.slice(0, place), text.slice(place + 1)];
}

/** The value of an entitlement: digits are a number, true and false are switches, anything else is text. */
export function entitlementValue(text: string): number | boolean | string {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
