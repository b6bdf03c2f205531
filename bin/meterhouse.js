#!/usr/bin/env node
// Written so that any Node can read it: an old one must get to the line that says what it lacks.
var major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(
    "meterhouse needs Node.js 24 or newer; this is " +
      process.version +
      ". Install it from your package manager, or run `npx -p node@26 -p meterhouse meterhouse`.",
  );
  process.exit(1);
} else {
  import("../dist/main.js").catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
