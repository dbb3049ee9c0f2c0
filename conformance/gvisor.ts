/**
 * Test programs of gVisor's system calls in Stratos, against a committed list of the tests that are known not to pass,
 * and why:
 *
 *     npm run conformance:gvisor -- --dir FOLDER [--only PATTERN] [--limit SECONDS] [--memory SIZE] [--record]
 *
 * FOLDER holds the programs of `test/syscalls/linux`, built for riscv64: CONTRIBUTING.md says how. Nothing of gVisor is
 * in this repository. A test that isn't in the list is expected to pass. The last line is `N passed, N failed`: what
 * differs from the list for the worse fails; what is better is named, so that the list can be mended.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { stratos } from "../tests/support/stratos.ts";
import { ensureImage } from "./ensure-image.ts";
import { parseTests, testedOf, type TestResult } from "./gvisor-tests.ts";
import { type Expectation, formatList, isForTheWorse, parseList, recordOutcomes } from "./ltp-list.ts";

const IMAGE = "gvisor-1";
const PACKAGES = ["iproute2", "netbase", "procps"];
const LIST = join(import.meta.dirname, "gvisor-expected.txt");

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    only: { type: "string", default: "" },
    limit: { type: "string", default: "300" },
    memory: { type: "string", default: "3G" },
    record: { type: "boolean" },
  },
});
if (values.dir === undefined) {
  console.error(
    "usage: npm run conformance:gvisor -- --dir FOLDER [--only PATTERN] [--limit SECONDS] [--memory SIZE] [--record]",
  );
  process.exit(2);
}
const folder = resolve(values.dir);
const only = new RegExp(values.only);
const list = parseList(readFileSync(LIST, "utf8"));
const programs = readdirSync(folder)
  .filter((name) => name.endsWith("_test") && only.test(name))
  .sort();

ensureImage(IMAGE, PACKAGES);
const results: TestResult[] = [];
for (const program of programs) results.push(...(await run(program)));
report();

/** Each in a guest of its own: what one leaves behind reaches no other. */
async function run(program: string): Promise<TestResult[]> {
  const seconds = Number(values.limit) + 60;
  const guest = ["--harts", "8", "--memory", values.memory, "-v", `${folder}:/gvisor:ro`];
  const script = ["-v", `${join(import.meta.dirname, "guest")}:/guest:ro`, "-e", `LIMIT=${values.limit}`];
  const { stdout } = await stratos(
    ["run", "-i", IMAGE, ...guest, ...script, "--timeout", String(seconds), "--", "bash", "/guest/gvisor.sh"],
    { stdin: `${program}\n`, timeoutMs: (seconds + 60) * 1000 },
  );
  const [, output = "", status = "137"] = /^=== begin \S+\n([^]*?)(?:^=== end \S+ (\d+)$|(?![^]))/m.exec(stdout) ?? [];
  const told = parseTests(program, output, Number(status));
  for (const each of told) tell(each);
  return told;
}

function expectation(name: string): Expectation {
  return list.expected.get(name) ?? { outcome: "pass", class: "" };
}

/** What it can't test here, by its own word, is no failure. */
function isWorse({ name, outcome }: TestResult): boolean {
  return outcome !== "conf" && isForTheWorse(outcome, expectation(name));
}

/** Only what isn't as the list has it. */
function tell(result: TestResult): void {
  const { name, outcome, words } = result;
  const expected = expectation(name).outcome;
  if (outcome === expected || outcome === "conf") return;
  console.log(`${isWorse(result) ? "WORSE " : "better"} ${name}: ${outcome}, expected ${expected}: ${words}`);
}

function report(): void {
  const skipped = results.filter(({ outcome }) => outcome === "conf").length;
  console.log(`${programs.length} programs, ${results.length} tests, ${skipped} of which cannot test here`);
  if (values.record === true) {
    recordOutcomes(
      list,
      results
        .filter(({ outcome }) => outcome !== "conf")
        .map(({ name, outcome, words }) => ({ name, outcome, words: testedOf(words) })),
    );
    list.passing.clear();
    writeFileSync(LIST, formatList(list));
  }
  const failed = values.record === true ? 0 : results.filter(isWorse).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || results.length === 0 ? 1 : 0;
}
