/**
 * nftables' own tests (`tests/shell`) in Stratos, with the nft that Debian installs, against a committed list of those
 * that are known not to pass:
 *
 *     npm run conformance:nft -- --dir FOLDER [--only PATTERN] [--verbose] [--record]
 *
 * FOLDER is a source tree of nftables, of about the time of Debian's nft (1.0.9 to 1.1.x): nothing of it is in this
 * repository. Tests that take long are left out by the suite's own `-Q`. A test that isn't in the list is expected to
 * pass; `--verbose` shows the ends of what those printed that fail. The last line is `N passed, N failed`: what differs
 * from the list for the worse fails.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { stratos } from "../tests/support/stratos.ts";
import { ensureImage } from "./ensure-image.ts";
import { formatList, isForTheWorse, type Outcome, parseList, recordOutcomes, tallyClasses } from "./ltp-list.ts";
import { recordAllTallies } from "./results.ts";

const IMAGE = "nft-1";
const PACKAGES = [
  ...["nftables", "iptables", "conntrack", "iproute2", "iputils-ping", "netcat-openbsd", "socat", "jq", "procps"],
  ...["python3-minimal", "ethtool", "bridge-utils", "tcpdump", "iperf3"],
];
const LIST = join(import.meta.dirname, "nft-expected.txt");
/** Tests of one guest, and its seconds for each. */
const BATCH = 60,
  SECONDS = 30;
const OUTCOMES = new Map<string, Outcome>([
  ["ok", "pass"],
  ["skipped", "conf"],
  ["failed", "fail"],
]);
const ABOUT = {
  title: "nftables' tests/shell",
  command: "npm run conformance:nft -- --dir FOLDER --record",
  verdicts: ["pass", "conf", "fail", "slow"],
  words: {
    group: "class",
    counted: "tests",
    hasSum: true,
    isSeeded: false,
    meaning:
      "Which tests, and what each class means, stands in [the list](../conformance/nft-expected.txt). `conf`: " +
      "skipped, as the suite finds that the kernel lacks what it wants; `slow`: the guest had not come to it.",
  },
};

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    only: { type: "string" },
    verbose: { type: "boolean" },
    record: { type: "boolean" },
  },
});
if (values.dir === undefined) usage("--dir FOLDER is missing");
const folder = resolve(values.dir);
const cases = join(folder, "tests/shell/testcases");
if (!existsSync(cases)) usage(`${cases} is not there: FOLDER is a source tree of nftables`);
const only = values.only === undefined ? null : new RegExp(values.only);
const names = readdirSync(cases, { recursive: true, encoding: "utf8" })
  .filter((name) => isTest(join(cases, name)) && (only === null || only.test(name)))
  .sort();
if (names.length === 0) usage("no test is left to run");
const list = parseList(readFileSync(LIST, "utf8"));

ensureImage(IMAGE, PACKAGES);
const results = new Map<string, Outcome>();
for (let at = 0; at < names.length; at += BATCH) await runBatch(names.slice(at, at + BATCH));
report();

function usage(problem: string): never {
  console.error(
    `conformance:nft: ${problem}\n` +
      "usage: npm run conformance:nft -- --dir FOLDER [--only PATTERN] [--verbose] [--record]",
  );
  process.exit(2);
}

/** As the suite's own runner finds them. */
function isTest(path: string): boolean {
  const found = statSync(path);
  return found.isFile() && (found.mode & 0o100) !== 0 && !path.includes("/dumps/");
}

async function runBatch(batch: readonly string[]): Promise<void> {
  const seconds = 120 + batch.length * SECONDS;
  const volumes = [`${folder}:/source:ro`, `${join(import.meta.dirname, "guest")}:/guest:ro`];
  const { stdout, stderr } = await stratos(
    [
      ...["run", "-i", IMAGE, "--memory", "1G", "--timeout", String(seconds)],
      ...volumes.flatMap((each) => ["-v", each]),
      ...["--", "bash", "/guest/nft.sh"],
    ],
    { stdin: batch.map((name) => `testcases/${name}\n`).join(""), timeoutMs: (seconds + 60) * 1000 },
  );
  if (values.verbose === true) console.log(stderr);
  for (const [, name, word] of stdout.matchAll(/^(\S+) (ok|skipped|failed)$/gm))
    results.set(name!, OUTCOMES.get(word!)!);
  for (const name of batch) {
    if (!results.has(name)) results.set(name, "slow");
    tell(name);
  }
}

function expectation(name: string): { readonly outcome: Outcome; readonly class: string } {
  return list.expected.get(name) ?? { outcome: "pass", class: "" };
}

/** Only what isn't as the list has it. */
function tell(name: string): void {
  const outcome = results.get(name)!;
  const expected = expectation(name);
  if (outcome === expected.outcome) return;
  const verdict = isForTheWorse(outcome, expected) ? "WORSE " : outcome === "pass" ? "better" : "other ";
  console.log(`${verdict} ${name}: ${outcome}, expected ${expected.outcome}`);
}

function report(): void {
  const bad = names.filter((name) => isForTheWorse(results.get(name)!, expectation(name)));
  if (values.record === true) record();
  console.log(`${names.length - bad.length} passed, ${bad.length} failed`);
  process.exitCode = bad.length === 0 ? 0 : 1;
}

function record(): void {
  recordOutcomes(
    list,
    [...results].map(([name, outcome]) => ({ name, outcome, words: "" })),
  );
  writeFileSync(LIST, formatList(list));
  recordAllTallies("nft", ABOUT, tallyClasses(list));
}
