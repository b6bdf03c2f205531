import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/postgresForAll.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Files that start whole server processes share two cores with everything else: more workers only make them wait.
    maxWorkers: 2,
  },
});
