/** Choosing which simulated buyer account one is. */
import { html } from "hono/html";
import type { Account } from "../../api/types.ts";
import { formKey, type Html, notice } from "./layout.ts";
import type { Visitor } from "./session.ts";

/** `returnTo`: a path of ours, where the visitor was. */
export function buyerPage(buyers: readonly Account[], visitor: Visitor, returnTo: string): Html {
  return html`<h1>Choose a buyer</h1>
<p class="lead">The marketplace is simulated and has no log-in: say which buyer account you are. A cookie of this address remembers it.</p>
${buyerForm(buyers, visitor, returnTo)}`;
}

export function buyerForm(buyers: readonly Account[], visitor: Visitor, returnTo: string): Html {
  if (buyers.length === 0) {
    return notice(
      "info",
      "There is no buyer account yet",
      "Add an account to the catalogue first: one line under “accounts” with an id of 12 digits and a name is enough.",
    );
  }
  return html`<form method="post" action="/marketplace/buyer">
${formKey(visitor)}<input type="hidden" name="returnTo" value="${returnTo}">
<ul class="choices">
${buyers.map(
  (
    one,
  ) => html`<li><button name="account" value="${one.id}" class="choice"${visitor.buyer?.id === one.id ? html` aria-current="true"` : ""}>
<strong>${one.name ?? "Buyer account"}</strong> <span class="mono">${one.id}</span>
${visitor.buyer?.id === one.id ? html`<span class="badge active">You are this buyer</span>` : ""}
${one.suspended ? html`<span class="badge payment-failed">Suspended</span>` : ""}
</button></li>`,
)}
</ul>
</form>`;
}

/** Where to go after the choice; anything but a path of these pages would send the visitor to someone else's site. */
export function safeReturn(path: string | null): string {
  return path !== null && /^\/marketplace(\/[\w%.~@:=-]*)*$/.test(path) ? path : "/marketplace";
}
