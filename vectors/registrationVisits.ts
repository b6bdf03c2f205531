/**
 * The buyer's browser, as far as it takes one to be sent to a registration page: it chooses who it is, presses "Set up
 * your account" and submits the form of the page that follows, whose post a server of the runner's takes in.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { show } from "./values.ts";

/** What arrived at the registration URL. */
export interface RegistrationPost {
  readonly contentType: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
}

export interface RegistrationVisits {
  /** The registration URL that the products of the case get. */
  readonly url: string;
  readonly posts: readonly RegistrationPost[];
  /** Throws when the pages do not lead the buyer on. */
  visit(endpoint: string, agreement: { readonly id: string; readonly buyerAccountId: string }): Promise<void>;
  close(): void;
}

export async function startRegistrationVisits(): Promise<RegistrationVisits> {
  const posts: RegistrationPost[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      if (request.method === "POST") {
        const fields = Object.fromEntries(new URLSearchParams(body));
        posts.push({ contentType: request.headers["content-type"], fields });
      }
      response.setHeader("Connection", "close");
      response.end("registered");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/register`;
  return {
    url,
    posts,
    visit: async (endpoint, agreement) => {
      const browser = new Browser(endpoint);
      const choice = formTo(await browser.open("/marketplace/buyer"), "/marketplace/buyer");
      await browser.submit(choice, { account: agreement.buyerAccountId });
      const list = await browser.open("/marketplace/subscriptions");
      const setUp = formTo(list, `/marketplace/subscriptions/${agreement.id}/setup`);
      const onward = await browser.submit(setUp);
      const registration = formTo(onward, url);
      if (!/<script[^>]*>[^<]*\.submit\(\)/.test(onward))
        throw new Error("the page does not submit its form by itself");
      await browser.submit(registration);
    },
    close: () => server.close(),
  };
}

interface Form {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Cookies, redirects and the headers by which a server knows where a form comes from. */
class Browser {
  readonly #endpoint: string;
  readonly #cookies = new Map<string, string>();

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /** The page's text, after redirects. */
  async open(path: string): Promise<string> {
    return this.#follow(await this.#fetch(path, {}));
  }

  async submit(form: Form, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const body = new URLSearchParams({ ...form.fields, ...more }).toString();
    const headers = { "Content-Type": "application/x-www-form-urlencoded", Origin: new URL(this.#endpoint).origin };
    return this.#follow(await this.#fetch(form.action, { method: "POST", headers, body }));
  }

  async #fetch(target: string, init: RequestInit): Promise<Response> {
    const url = new URL(target, this.#endpoint);
    const isOurs = url.origin === new URL(this.#endpoint).origin;
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = new Headers(init.headers);
    if (isOurs && cookie !== "") headers.set("Cookie", cookie);
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (isOurs && name !== undefined) this.#cookies.set(name, value ?? "");
    }
    return response;
  }

  async #follow(response: Response): Promise<string> {
    const location = response.headers.get("location");
    const text = await response.text();
    if (response.status >= 300 && response.status < 400 && location !== null) return this.open(location);
    if (response.ok) return text;
    throw new Error(`${response.url}: expected a page, got ${response.status}: ${show(text)}`);
  }
}

/** The page's form with that action, and the fields that it sends without anyone filling it in. */
function formTo(page: string, action: string): Form {
  for (const [, head = "", body = ""] of page.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)) {
    const { method, action: own } = attributes(head);
    if (own !== action || method?.toLowerCase() !== "post") continue;
    const inputs = [...body.matchAll(/<input\b([^>]*)>/g)].map(([, text = ""]) => attributes(text));
    const sent = inputs.filter(({ type, name }) => name !== undefined && type === "hidden");
    return { action, fields: Object.fromEntries(sent.map(({ name = "", value = "" }) => [name, value])) };
  }
  throw new Error(`expected a form that posts to ${action}, got ${show(page.replaceAll(/\s+/g, " "))}`);
}

function attributes(text: string): Readonly<Record<string, string>> {
  const found = [...text.matchAll(/([\w-]+)="([^"]*)"/g)];
  return Object.fromEntries(found.map(([, name = "", value = ""]) => [name, unescaped(value)]));
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

function unescaped(text: string): string {
  return text.replaceAll(/&(amp|lt|gt|quot|#39);/g, (whole, name: string) => entities[name] ?? whole);
}
