// What a run of the tests came to, from the report that vitest leaves:
//   counts REPORT          passed and failed tests, as two numbers
//   files REPORT           the files in which something failed, a line each
//   failures REPORT        the tests that failed, with the first lines of why
import { readFileSync } from "node:fs";
import { relative } from "node:path";

const linesMax = 12;
const [wanted, file] = process.argv.slice(2);
const { numPassedTests, numFailedTests, success, testResults } = JSON.parse(readFileSync(file, "utf8"));
const failed = testResults.filter(({ status }) => status === "failed");
const place = ({ name }) => relative(process.cwd(), name);

if (wanted === "counts") {
  // A file that cannot be loaded fails without a failed test.
  console.log(numPassedTests, success ? 0 : Math.max(1, numFailedTests));
} else if (wanted === "files") {
  for (const result of failed) console.log(place(result));
} else {
  for (const result of failed) {
    const tests = result.assertionResults.filter(({ status }) => status === "failed");
    if (tests.length === 0) console.log(`FAILED ${place(result)}\n${indented(result.message)}`);
    for (const { fullName, failureMessages } of tests) {
      console.log(`FAILED ${place(result)} > ${fullName}\n${indented(failureMessages.join("\n"))}`);
    }
  }
}

function indented(text) {
  const lines = text.split("\n");
  const shown = lines.length > linesMax ? [...lines.slice(0, linesMax), "…"] : lines;
  return shown.map((line) => `    ${line}`).join("\n");
}
