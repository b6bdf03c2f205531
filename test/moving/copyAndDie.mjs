// A copy that ends itself by SIGKILL after so many rows: copyAndDie.mjs ROWS FROM TO
import { pino } from "pino";
import { copyStore } from "../../src/moving/copy.ts";
import { openSource } from "../../src/moving/places.ts";
import { openTarget } from "../../src/openStore.ts";

const [rows, ...places] = process.argv.slice(2);
const [from, to] = places.map((name) => (name.startsWith("postgres:") ? { url: name } : { folder: name }));
const log = pino({ level: "silent" });
const source = await openSource(from, { env: process.env, log });
const target = await openTarget(to);
let seen = 0;
await copyStore(source, target, {
  copied: (count) => {
    seen += count;
    if (seen >= Number(rows)) process.kill(process.pid, "SIGKILL");
  },
});
