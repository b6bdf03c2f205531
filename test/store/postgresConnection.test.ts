/** The ways from a node to its database, where that does not answer. */
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Connections, connect } from "../../src/store/postgres/connection.ts";
import { CommitUnknown, ConnectionLost } from "../../src/store/postgres/errors.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let connections: Connections;
/** Holds two locks that the others wait for. */
let other: pg.Client;

describe("a server that does not answer", () => {
  beforeEach(async () => {
    database = await createDatabase();
    connections = connect(database.url);
    other = new pg.Client({ connectionString: database.url, application_name: "other" });
    await other.connect();
    await other.query("SELECT pg_advisory_lock(1), pg_advisory_lock(2)");
  });

  afterEach(async () => {
    await other.end();
    await connections.end();
    await database.drop();
  });

  test("is given up by the whole of what asks it, and asked on other connections from then on", async () => {
    const before = connections.atOnce("SELECT pg_advisory_lock(1)", [], 60_000);
    let left = (): number => 0;
    const asked = connections.within(50, async (rest) => {
      left = rest;
      expect(left()).toBeGreaterThan(0);
      await connections.query("SELECT pg_advisory_lock(2)");
    });
    await expect(asked).rejects.toThrow(ConnectionLost);
    expect(left).toThrow("did not answer within 50 ms");
    // Behind the one that waits this would wait, too.
    await connections.atOnce("SELECT 1", [], 60_000);
    expect(await connections.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    // What was on its way goes on.
    await other.query("SELECT pg_advisory_unlock(1), pg_advisory_unlock(2)");
    await before;
  });

  test("leaves a whole transaction unknown, and what was sent behind it", async () => {
    const sent = [
      connections.atOnce("SELECT pg_advisory_lock(1)", [], 50),
      connections.atOnce("SELECT 2", [], 60_000),
      connections.atOnce("SELECT 3", [], 60_000),
    ];
    for (const each of await Promise.allSettled(sent)) {
      expect(each).toMatchObject({ status: "rejected", reason: { name: CommitUnknown.name } });
    }
    await connections.atOnce("SELECT 4", [], 60_000);
  });

  test("and one that refuses a transaction takes those behind it", async () => {
    const refused = connections.atOnce("SELECT 1 / 0", [], 60_000);
    const behind = connections.atOnce("SELECT 2", [], 60_000);
    await expect(refused).rejects.toMatchObject({ code: "22012" });
    await behind;
  });
});
