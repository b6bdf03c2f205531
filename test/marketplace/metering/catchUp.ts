/**
 * A process that catches up, to be killed in the middle: `node catchUp.ts <data file> <now>`. Prints a line when it
 * begins and one when nothing is due any more.
 */
import { settingsSchema } from "../../../src/api/settings.ts";
import { createRegisteredUsage } from "../../../src/marketplace/metering/registeredUsage.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { testSealer } from "../../store/engines.ts";

const [file = "", now = ""] = process.argv.slice(2);
const store = openSqliteStore({ file, sealer: testSealer });
console.log("begins");
await createRegisteredUsage({ store, settings: () => settingsSchema.parse({}) }).runDue(Number(now));
await store.close();
console.log("done");
