/** Who and what a record of a batch is about: every combination of the members that say so (SPEC B-10 to B-19). */
import { describe, expect, test } from "vitest";
import { type BatchDraft, batchDraft, decide, errorOf, type RecordDraft, recordDraft } from "./batchDraft.ts";
import { account, agreement, buyerId, licenseArn, licenseOf, product, productCode, refusal, rivalId } from "./facts.ts";

type Given = "set" | "" | "absent";
interface Combination {
  readonly code: Given;
  readonly identifier: Given;
  readonly account: boolean;
  readonly licence: boolean;
  readonly product: "legacy" | "new";
}

const given = ["set", "", "absent"] as const;
const combinations: readonly Combination[] = given.flatMap((code) =>
  given.flatMap((identifier) =>
    [true, false].flatMap((account) =>
      [true, false].flatMap((licence) =>
        (["legacy", "new"] as const).map((product) => ({ code, identifier, account, licence, product })),
      ),
    ),
  ),
);

const validation = "ValidationException";
type Expected = { readonly error: string } | { readonly bookedUnder: "agmt-legacy" | "agmt-licence" };
type Cell<T> = T | "any";

/** The rows of SPEC C.5, in its order of checks; the first that fits holds. An empty CustomerIdentifier is absent (B-22). */
const rows: readonly {
  readonly rule: string;
  readonly code: Cell<Given>;
  readonly identifier: Cell<boolean>;
  readonly account: Cell<boolean>;
  readonly licence: Cell<boolean>;
  readonly product: Cell<"legacy" | "new">;
  readonly expected: Expected;
}[] = [
  {
    rule: "B-12",
    code: "any",
    identifier: true,
    account: true,
    licence: "any",
    product: "any",
    expected: { error: validation },
  },
  {
    rule: "B-13",
    code: "any",
    identifier: false,
    account: false,
    licence: "any",
    product: "any",
    expected: { error: validation },
  },
  {
    rule: "B-17",
    code: "any",
    identifier: true,
    account: false,
    licence: true,
    product: "any",
    expected: { error: validation },
  },
  {
    rule: "B-16",
    code: "absent",
    identifier: "any",
    account: "any",
    licence: false,
    product: "any",
    expected: { error: validation },
  },
  {
    rule: "B-15",
    code: "set",
    identifier: false,
    account: true,
    licence: true,
    product: "new",
    expected: { error: validation },
  },
  {
    rule: "B-18",
    code: "",
    identifier: "any",
    account: "any",
    licence: "any",
    product: "any",
    expected: { error: "InvalidProductCodeException" },
  },
  {
    rule: "B-21",
    code: "set",
    identifier: true,
    account: false,
    licence: false,
    product: "new",
    expected: { error: "InvalidCustomerIdentifierException" },
  },
  {
    rule: "B-10",
    code: "set",
    identifier: true,
    account: false,
    licence: false,
    product: "legacy",
    expected: { bookedUnder: "agmt-legacy" },
  },
  {
    rule: "B-11",
    code: "set",
    identifier: false,
    account: true,
    licence: false,
    product: "any",
    expected: { bookedUnder: "agmt-legacy" },
  },
  {
    rule: "B-15",
    code: "set",
    identifier: false,
    account: true,
    licence: true,
    product: "legacy",
    expected: { bookedUnder: "agmt-licence" },
  },
  {
    rule: "B-14",
    code: "absent",
    identifier: false,
    account: true,
    licence: true,
    product: "any",
    expected: { bookedUnder: "agmt-licence" },
  },
];

function fits<T>(cell: Cell<T>, value: T): boolean {
  return cell === "any" || cell === value;
}

function rowOf(one: Combination) {
  const found = rows.find(
    (row) =>
      fits(row.code, one.code) &&
      fits(row.identifier, one.identifier === "set") &&
      fits(row.account, one.account) &&
      fits(row.licence, one.licence) &&
      fits(row.product, one.product),
  );
  if (found === undefined) throw new Error(`no row for ${JSON.stringify(one)}`);
  return found;
}

/** The draft, with the facts that the catalogue would give for it. */
function draftOf(one: Combination): BatchDraft {
  const sold = product({ concurrentAgreementsOnly: one.product === "new" });
  const { customerIdentifier } = account();
  const draft = recordDraft();
  const record: RecordDraft["record"] = {
    ...draft.record,
    CustomerIdentifier: { set: customerIdentifier, "": "", absent: undefined }[one.identifier],
    CustomerAWSAccountId: one.account ? buyerId : undefined,
    LicenseArn: one.licence ? licenseArn : undefined,
  };
  const isKnown = one.code === "set" || (one.code === "absent" && one.licence);
  return {
    productCode: { set: productCode, "": "", absent: undefined }[one.code],
    product: isKnown ? sold : undefined,
    records: [
      {
        record,
        buyer: one.identifier === "set" || one.account ? account() : undefined,
        agreements: !one.licence && isKnown ? [agreement({ id: "agmt-legacy" })] : [],
        licensed: one.licence ? agreement({ id: "agmt-licence", licenseArn }) : undefined,
      },
    ],
  };
}

describe("identity combinations, all of them", () => {
  test("B-10 to B-18: every row of the table is met by some combination", () => {
    expect(combinations).toHaveLength(72);
    expect(new Set(combinations.map(rowOf))).toEqual(new Set(rows));
  });

  test.each(combinations.map((one) => ({ ...one, rule: rowOf(one).rule })))(
    "$rule: ProductCode $code, CustomerIdentifier $identifier, account $account, licence $licence, $product product",
    (one) => {
      const { expected } = rowOf(one);
      const draft = draftOf(one);
      if ("error" in expected) expect(errorOf(draft)).toBe(expected.error);
      else expect(decide(draft).map((outcome) => outcome?.agreement.id)).toEqual([expected.bookedUnder]);
    },
  );
});

describe("identities of a whole request", () => {
  test("B-6: an empty list asks for nothing and gets nothing", () => {
    expect(decide({ productCode: undefined, product: undefined, records: [] })).toEqual([]);
    expect(decide({ productCode, product: product(), records: [] })).toEqual([]);
  });

  test("B-6: with a ProductCode, the code is checked all the same", () => {
    expect(errorOf({ productCode: "nope", product: undefined, records: [] })).toBe("InvalidProductCodeException");
  });

  test("B-15: who does not own a new product does not learn that it is one", () => {
    const sold = product({ concurrentAgreementsOnly: true, sellerAccountId: rivalId });
    expect(errorOf({ productCode, product: sold, records: [recordDraft("license")] })).toBe(
      "InvalidProductCodeException",
    );
  });

  test("B-16: one record without a licence is enough to leave a request without ProductCode unidentified", () => {
    const draft = batchDraft(["license", "account", "license"]);
    draft.productCode = undefined;
    const found = refusal(() => decide(draft));
    expect(found?.name).toBe(validation);
    expect(found?.message).toContain("UsageRecords[1]");
  });

  test("B-19: licences of one product may share a call, those of two may not", () => {
    const second = agreement({ id: "agmt-2", licenseArn: licenseOf(2) });
    const draft = batchDraft(["license", "license"]);
    draft.productCode = undefined;
    draft.records[1] = { ...recordDraft("license"), licensed: second };
    draft.records[1].record.LicenseArn = licenseOf(2);
    expect(decide(draft).map((outcome) => outcome?.agreement.id)).toEqual(["agmt-1", "agmt-2"]);
    draft.records[1].licensed = { ...second, productCode: "another" };
    expect(errorOf(draft)).toBe("InvalidLicenseException");
  });

  test("J-19: both kinds of identifier in one request, one in each record", () => {
    const draft = batchDraft(["customerIdentifier", "account"]);
    expect(errorOf(draft)).toBeUndefined();
    expect(errorOf(draft, { strictIdentifiers: true })).toBe(validation);
    for (const alone of ["customerIdentifier", "account"] as const) {
      expect(errorOf(batchDraft([alone, alone]), { strictIdentifiers: true })).toBeUndefined();
    }
  });

  test("B-22: an empty CustomerIdentifier beside an account id is no second identity", () => {
    const draft = batchDraft(["account"]);
    if (draft.records[0]) draft.records[0].record.CustomerIdentifier = "";
    expect(errorOf(draft, { strictIdentifiers: true })).toBeUndefined();
  });
});
