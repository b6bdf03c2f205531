import { defineConfig } from "vitest/config";

const common = {
  testTimeout: 30_000,
  hookTimeout: 30_000,
};
/** Many small files that leave their process as they found it: one process for many saves loading the server anew. */
const together = ["architecture", "audit", "catalog", "control", "doctor", "rules", "wire"].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);
/** It mocks a module. */
const mocking = "test/wire/sigv4Accepted.test.ts";

export default defineConfig({
  test: {
    globalSetup: ["test/support/postgresForAll.ts"],
    // Files that start whole server processes share two cores with everything else: more workers only make them wait.
    maxWorkers: 2,
    projects: [
      { test: { ...common, name: "together", include: together, exclude: [mocking], isolate: false } },
      // SDKs write into the objects that they are given: elsewhere each file has a process of its own.
      {
        test: {
          ...common,
          name: "alone",
          include: ["test/**/*.test.ts", mocking],
          exclude: together.filter((one) => !one.includes("wire")).concat("test/wire/!(sigv4Accepted).test.ts"),
        },
      },
    ],
  },
});
