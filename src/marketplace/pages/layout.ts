/** The frame of every page and the small parts that pages share. `html` escapes everything that is put into it. */
import { randomBytes } from "node:crypto";
import type { Context } from "hono";
import { html } from "hono/html";
import type { Dimension } from "../../api/types.ts";
import type { AgreementState } from "../../rules/agreements.ts";
import { showTime } from "../../rules/times.ts";
import { csrfField, type Visitor } from "./session.ts";

export type Html = ReturnType<typeof html>;

export interface Page {
  readonly title: string;
  readonly body: Html;
  readonly visitor: Visitor;
  /** Business clock, epoch milliseconds. */
  readonly at: number;
  /** Which part of the navigation the page belongs to; `seller` = the stand-in for the seller's own site. */
  readonly part?: "products" | "subscriptions" | "buyer" | "seller";
  readonly status?: 200 | 400 | 403 | 404 | 409 | 413 | 415 | 500;
  /** The page posts to another site by itself: script for the submit, and that site as its target. */
  readonly posts?: { readonly nonce: string };
}

/** Of one response; an attacker who cannot guess it cannot add a script. */
export function newNonce(): string {
  return randomBytes(16).toString("base64");
}

export function sendPage(context: Context, page: Page): Response | Promise<Response> {
  const { status = 200, posts } = page;
  context.header("Content-Security-Policy", contentSecurityPolicy(posts?.nonce));
  context.header("X-Frame-Options", "DENY");
  context.header("X-Content-Type-Options", "nosniff");
  // The origin alone: sellers' pages get to see where a post comes from, as with AWS's, but no path of ours.
  context.header("Referrer-Policy", "strict-origin-when-cross-origin");
  context.header("Cache-Control", "no-store");
  return context.html(frame(page), status);
}

function contentSecurityPolicy(nonce: string | undefined): string {
  // Browsers hold form-action against redirects as well, and registration pages commonly redirect to an application on
  // another origin; so the one page whose form leaves us, which has that single form, does not pin the origin.
  const leaving = nonce === undefined ? "form-action 'self'" : `form-action http: https:; script-src 'nonce-${nonce}'`;
  return `default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; ${leaving}`;
}

function frame({ title, body, visitor, at, part }: Page): Html {
  const isSeller = part === "seller";
  const site = isSeller ? "Sample registration page" : "Marketplace (simulated)";
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – ${site}</title>
<link rel="icon" href="/marketplace/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/marketplace/style.css">
</head>
<body class="${isSeller ? "seller" : "market"}">
<a class="skip" href="#main">Skip to the content</a>
<header>${isSeller ? sellerHead : marketHead(visitor, part)}</header>
<main id="main">
${body}
</main>
<footer>
<p>Business clock: ${timeOf(at)}. A simulation by Meterhouse: nothing is sold and no money moves. Independent of Amazon; not an AWS service.</p>
</footer>
</body>
</html>`;
}

const sellerHead = html`<div class="bar">
<p class="brand">Sample registration page <span class="tag">built-in sample of a seller’s site</span></p>
<nav aria-label="Marketplace"><a href="/marketplace">Back to the marketplace</a></nav>
</div>`;

function marketHead({ buyer }: Visitor, part: Page["part"]): Html {
  const link = (href: string, text: string, own: Page["part"]) =>
    html`<a href="${href}"${part === own ? html` aria-current="page"` : ""}>${text}</a>`;
  return html`<div class="bar">
<p class="brand"><a href="/marketplace">Marketplace</a> <span class="tag">simulated</span></p>
<nav aria-label="Marketplace">
${link("/marketplace", "Products", "products")}
${link("/marketplace/subscriptions", "Your subscriptions", "subscriptions")}
</nav>
<p class="who">${
    buyer === undefined
      ? html`No buyer chosen · <a href="/marketplace/buyer">Choose</a>`
      : html`Buying as <strong>${buyer.name ?? buyer.id}</strong> <span class="mono">${buyer.id}</span> · <a href="/marketplace/buyer">Switch</a>`
  }</p>
</div>`;
}

const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** 15 Aug 2026, 10:20 UTC; the whole instant is in the attribute. */
export function timeOf(at: number): Html {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  const seconds = date.getUTCSeconds() === 0 ? "" : `:${two(date.getUTCSeconds())}`;
  return html`<time datetime="${showTime(at)}">${day}, ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}${seconds} UTC</time>`;
}

/** The hidden field that a form of ours must carry. */
export function formKey({ csrfToken }: Visitor): Html {
  return html`<input type="hidden" name="${csrfField}" value="${csrfToken ?? ""}">`;
}

export function notice(kind: "info" | "good" | "bad" | "warn", title: string, text?: string | Html): Html {
  return html`<div class="notice ${kind}" role="${kind === "bad" ? "alert" : "status"}"><p><strong>${title}</strong></p>${text === undefined ? "" : html`<p>${text}</p>`}</div>`;
}

const stateNames: Readonly<Record<AgreementState, string>> = {
  pending: "Pending",
  active: "Active",
  "final-hour": "Final hour",
  ended: "Ended",
  "payment-failed": "Payment failed",
};

export function stateBadge(state: AgreementState): Html {
  return html`<span class="badge ${state}">${stateNames[state]}</span>`;
}

/** "$0.25 / GB"; units are words of the seller's own, often in the plural. */
export function priceOf({ price, unit }: Dimension): string {
  return price === undefined ? "no price" : `$${price} / ${unit ?? "unit"}`;
}

/** Product codes may hold `/` and `:`. */
export function productPath(code: string): string {
  return `/marketplace/${encodeURIComponent(code)}`;
}
