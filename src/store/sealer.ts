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
