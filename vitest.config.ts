import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/postgresForAll.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Many files wait for browsers and for processes that they start: one worker more than the two cores of a small machine.
    maxWorkers: 3,
  },
});
