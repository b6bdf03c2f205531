/** Licences, each with the agreement that holds it: after a renewal that kept it, the newest. */
import { createRoute, z } from "@hono/zod-openapi";
import { licenseTail } from "../api/identifiers.ts";
import { agreementState } from "../rules/agreements.ts";
import { stateForm } from "./agreements.ts";
import { type AddResource, json, problems } from "./app.ts";
import { accountId, licenseArn, productCode } from "./forms.ts";
import { page, pageMembers, pageOf } from "./paging.ts";

const license = z
  .object({ arn: licenseArn, agreement: z.string(), product: productCode, buyer: accountId, state: stateForm })
  .openapi("License");

const listRoute = createRoute({
  method: "get",
  path: "/licenses",
  tags: ["Agreements"],
  summary: "List licences",
  request: {
    query: z.strictObject({
      product: productCode.optional(),
      buyer: accountId.optional(),
      state: stateForm.optional(),
      ...pageMembers,
    }),
  },
  responses: { 200: json(pageOf(license, "LicensePage"), "A page of licences"), ...problems },
});

export const addLicenses: AddResource = (app, { catalog, clock, settings }) => {
  app.openapi(listRoute, (context) => {
    const { product, buyer, state, ...paging } = context.req.valid("query");
    const now = clock.now();
    const rows = catalog.all().agreements.flatMap((row) => {
      const { id, licenseArn: arn, productCode: code, buyerAccountId } = row;
      if (arn === undefined || catalog.agreementByLicense(licenseTail(arn))?.id !== id) return [];
      if ((product !== undefined && code !== product) || (buyer !== undefined && buyerAccountId !== buyer)) return [];
      const own = agreementState(row, now, settings());
      if (state !== undefined && own !== state) return [];
      return [{ arn, agreement: id, product: code, buyer: buyerAccountId, state: own }];
    });
    return context.json(
      page(rows, paging, ({ arn }) => arn),
      200,
    );
  });
};
