import { join } from "node:path";
import { defineConfig } from "vitest/config";

// What the tests start as processes of their own: the command line, servers, clients with their SDKs.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "node_modules/.cache/compiled");

const common = {
  testTimeout: 30_000,
  hookTimeout: 30_000,
};
/** They share a Chromium: test/support/chromium.ts. */
const inBrowser = ["test/console/**/*.test.ts", "test/marketplace/pages/browser.test.ts"];
/** They mock modules, or measure a process. */
const apart = [
  "test/wire/sigv4Accepted.test.ts",
  "test/security/comparisons.test.ts",
  "test/reports/exportMemory.test.ts",
];
/** They leave their process as they found it: one process for many of them saves loading the server anew. */
const together = [
  ...["architecture", "audit", "catalog", "cli", "clock", "control", "doctor", "faults", "marketplace", "reports"],
  ...["rules", "security", "vectors", "wire"],
].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    globalSetup: ["test/support/postgresForAll.ts"],
    // Files that start whole server processes share two cores with everything else: more workers only make them wait.
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...common,
          name: "browser",
          include: inBrowser,
          isolate: false,
          // A page on a busy machine shows what came in the background later than in the second that is the default.
          expect: { poll: { timeout: 10_000 } },
        },
      },
      { test: { ...common, name: "together", include: together, exclude: [...inBrowser, ...apart], isolate: false } },
      // SDKs write into the objects that they are given: elsewhere each file has a process of its own.
      {
        test: {
          ...common,
          name: "alone",
          include: ["test/**/*.test.ts"],
          exclude: [...inBrowser, ...together],
        },
      },
      { test: { ...common, name: "apart", include: apart } },
    ],
  },
});
