/** An account as the control plane shows it. */
export interface AccountView {
  readonly id: string;
  readonly name?: string;
  readonly customerIdentifier: string;
  readonly suspended: boolean;
  readonly partition?: string;
}

/** An account's path, of the control plane. */
export function accountPath(id: string): string {
  return `/accounts/${encodeURIComponent(id)}`;
}
