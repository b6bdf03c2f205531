// A rotation that ends itself by SIGKILL at the nth time it comes to a step: rotateAndDie.mjs STEP N DATADIR [DATABASE]
import { pino } from "pino";
import { rotateMasterKey } from "../../src/moving/rotate.ts";

const [step, times, dataDir, database] = process.argv.slice(2);
let seen = 0;
const log = pino({ level: "silent" });
await rotateMasterKey({ dataDir, database, env: process.env, log }, (now) => {
  if (now !== step) return;
  seen += 1;
  if (seen === Number(times)) process.kill(process.pid, "SIGKILL");
});
