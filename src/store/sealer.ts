/**
 * How the store keeps secrets: it seals them before they reach a file and unseals them when it loads. The key lives
 * outside the store, so whoever copies the data files alone holds no usable credential or signing key.
 */
export interface Sealer {
  /** `context` names what is sealed (`credential:AKIA…`); a sealed value moved to another row does not unseal there. */
  seal(plain: string, context: string): string;
  /** Throws when the key does not fit, the text was changed, or the context differs. */
  unseal(sealed: string, context: string): string;
}

/** Under this name each store keeps a sealed text, by which a wrong key is found while nothing else is sealed. */
export const keyCheckName = "master-key-check";

export function keyCheckOf(sealer: Sealer): string {
  return sealer.seal("meterhouse", keyCheckName);
}

/** Throws a WrongKeyError. `where`: what is sealed, for people. */
export function checkKey(sealer: Sealer, keyCheck: string, where: string): void {
  try {
    sealer.unseal(keyCheck, keyCheckName);
  } catch (error) {
    throw new WrongKeyError(where, error);
  }
}

/** What is kept was sealed under another key than the one at hand. */
export class WrongKeyError extends Error {
  override readonly name = "WrongKeyError";
  /** Such as "the database 'meterhouse'". */
  readonly where: string;
  constructor(where: string, cause: unknown) {
    super(
      `The master key does not fit ${where}, which is sealed under another master key. Start with that one: ` +
        "METERHOUSE_MASTER_KEY, or master.key in the data folder.",
      { cause },
    );
    this.where = where;
  }
}
