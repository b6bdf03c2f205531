/** For a button that waits for something: `reason` says for what, as a sentence; undefined: it can be pressed. */
export function unless(reason: string | undefined): { readonly disabled: boolean; readonly disabledReason?: string } {
  return reason === undefined ? { disabled: false } : { disabled: true, disabledReason: reason };
}
