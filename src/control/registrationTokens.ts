/** Registration tokens: what a buyer's browser posts to the seller. Kept by their hash, so that the value is told once. */
import { createRoute, z } from "@hono/zod-openapi";
import { licenseTail, registrationTokenHash } from "../api/identifiers.ts";
import { secondMs } from "../api/limits.ts";
import type { Agreement } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";
import { acting } from "./actor.ts";
import { type AddResource, body, type ControlParts, json, problems } from "./app.ts";
import { accountId, instant, iso, licenseArn, msOf, productCode } from "./forms.ts";
import { namedBuyer, namedProduct } from "./lookups.ts";
import { invalidMember } from "./problems.ts";

const issued = z
  .object({
    token: z.string().openapi({ description: "As the browser posts it, decoded; in this answer and in no other" }),
    product: productCode,
    buyer: accountId,
    agreement: z.string().optional(),
    license: z.string().optional(),
    issuedAt: instant,
    expiresAt: instant,
  })
  .openapi("IssuedRegistrationToken");
const issue = z
  .strictObject({
    agreement: z.string().max(255).optional(),
    license: licenseArn.optional(),
    product: productCode
      .optional()
      .openapi({ description: "With `customer`: their newest agreement that has not ended" }),
    customer: z.string().max(255).optional().openapi({ description: "Account id or CustomerIdentifier" }),
    issuedAt: instant.optional().openapi({ description: "Business time; in the past it makes an expired token" }),
  })
  .openapi("RegistrationTokenIssue");

const issueRoute = createRoute({
  method: "post",
  path: "/registration-tokens",
  tags: ["Registration tokens"],
  summary: "Issue a registration token for an agreement",
  request: { body: body(issue) },
  responses: { 201: json(issued, "The token"), ...problems },
});

export const addRegistrationTokens: AddResource = (app, parts) => {
  const { catalog, clock, settings, agreements } = parts;
  app.openapi(issueRoute, async (context) => {
    const { issuedAt, ...given } = context.req.valid("json");
    const reference = referenceOf(parts, given);
    const at = msOf(issuedAt) ?? clock.now();
    const token = await acting({ action: "registration-token.issue" }, () => agreements.issueToken(reference, at));
    const row = catalog.token(registrationTokenHash(token));
    if (row === undefined) throw new Error("the token that was issued is not in the catalogue");
    const answer = defined({
      token,
      product: row.productCode,
      buyer: row.buyerAccountId,
      agreement: row.agreementId,
      license: row.licenseArn,
      issuedAt: iso(row.issuedAt),
      expiresAt: iso(row.issuedAt + settings()["token.ttlSec"] * secondMs),
    });
    return context.json(answer, 201);
  });
};

type Given = Omit<z.infer<typeof issue>, "issuedAt">;

/** One of the three ways to name an agreement, whose parts are there. */
function referenceOf({ catalog }: ControlParts, given: Given) {
  const { agreement, license, product, customer } = given;
  const ways = [agreement, license, product ?? customer].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw invalidMember([], "name the agreement in one way: agreement, license, or product and customer");
  if (agreement !== undefined)
    return { agreement: requireFound(catalog.agreement(agreement), "agreement", agreement).id };
  if (license !== undefined) {
    return { agreement: requireFound(catalog.agreementByLicense(licenseTail(license)), "license", license).id };
  }
  if (product === undefined) throw invalidMember("product", "missing; it goes with customer");
  if (customer === undefined) throw invalidMember("customer", "missing; it goes with product");
  return { product: namedProduct(catalog, product).code, customer: namedBuyer(catalog, customer, "customer").id };
}

function requireFound(found: Agreement | undefined, member: string, value: string): Agreement {
  if (found === undefined) throw invalidMember(member, `there is no agreement for '${value}'`);
  return found;
}
