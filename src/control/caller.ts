/** Who calls, by the admin token. */
export interface Caller {
  readonly name: string;
  readonly role: "full" | "read";
}
