/**
 * What a process that a test starts gets of this one's environment: nothing of the caller's own METERHOUSE_… or AWS_…
 * variables. Where Node keeps what it compiled saves each of them a while: vitest.config.ts.
 */
export const ownEnvironment: Readonly<Record<string, string | undefined>> = {
  PATH: process.env.PATH,
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
};
