/** There is more than the doctor may hold. The message says what to ask instead. */
export class TooManyRecordsError extends Error {
  override readonly name = "TooManyRecordsError";

  constructor(what: string) {
    super(
      `The doctor can hold ${what} at most, and there are more. Ask it about less: a shorter time, one product, one ` +
        "account or one caller.",
    );
  }
}
