/**
 * Programs of the Linux Test Project in Stratos, against a committed list of those that are known not to pass, and why:
 *
 *     npm run conformance:ltp -- --dir FOLDER [--only PATTERN] [--jobs N] [--limit SECONDS] [--memory SIZE] [--record]
 *
 * FOLDER is an installed LTP for riscv64 (`make install` with `--prefix`, or a DESTDIR with `testcases/bin`):
 * CONTRIBUTING.md says how one gets it. Nothing of LTP is in this repository. Every program runs once, without
 * arguments and with tmpfs for "all file systems" (LTP_SINGLE_FS_TYPE). A program that isn't in the list is expected to
 * pass. The last line is `N passed, N failed`: what differs from the list for the worse fails; what is better than the
 * list is named, so that the list can be mended.
 */
import { existsSync, openSync, readdirSync, readFileSync, readSync, closeSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { stratos } from "../tests/support/stratos.ts";
import { ensureImage } from "./ensure-image.ts";
import {
  type Expectation,
  formatList,
  isForTheWorse,
  type Outcome,
  outcomeOf,
  parseList,
  recordOutcomes,
  tallyClasses,
} from "./ltp-list.ts";
import { recordAllTallies } from "./results.ts";

const IMAGE = "ltp-3";
const PACKAGES = [
  "acl",
  "attr",
  "bc",
  "e2fsprogs",
  "iproute2",
  "kmod",
  "libacl1",
  "libaio1t64",
  "libcap2",
  "libkeyutils1",
  "libmnl0",
  "libnuma1",
  "libssl3t64",
  "libtirpc3t64",
  "netbase",
  "parted",
  "procps",
  "quota",
  "util-linux",
  "util-linux-extra",
];
const LIST = join(import.meta.dirname, "ltp-expected.txt");
/** Programs in one guest: what one leaves behind reaches few others. */
const BATCH = 40;
const ABOUT = {
  title: "Linux Test Project",
  command: "npm run conformance:ltp -- --dir FOLDER --record",
  verdicts: ["pass", "conf", "fail", "brok", "warn", "slow"],
  words: {
    group: "class",
    counted: "programs",
    hasSum: true,
    isSeeded: false,
    meaning:
      "Which programs, and what each class means, stands in [the list](../conformance/ltp-expected.txt). `conf`: " +
      "LTP itself says that it cannot test; `brok`: it could not begin; `slow`: it had not ended after its time.",
  },
};

interface Result {
  readonly name: string;
  readonly outcome: Outcome;
  readonly seconds: number;
  readonly words: string;
}

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    only: { type: "string" },
    jobs: { type: "string", default: "1" },
    limit: { type: "string", default: "120" },
    memory: { type: "string", default: "2G" },
    record: { type: "boolean" },
  },
});
if (values.dir === undefined) usage("--dir FOLDER is missing");
const folder = resolve(values.dir);
const programs = join(folder, "testcases/bin");
if (!existsSync(programs)) usage(`${programs} is not there: FOLDER is what LTP's "make install" wrote`);
const list = parseList(readFileSync(LIST, "utf8"));
const only = values.only === undefined ? null : new RegExp(values.only);
const names = readdirSync(programs)
  .filter(
    (name) =>
      isProgram(join(programs, name)) &&
      list.expected.get(name)?.outcome !== "helper" &&
      (only === null || only.test(name)),
  )
  .sort();
if (names.length === 0) usage("no program is left to run");

ensureImage(IMAGE, PACKAGES);
const waiting: string[][] = [];
for (let at = 0; at < names.length; at += BATCH) waiting.push(names.slice(at, at + BATCH));
const results: Result[] = [];
await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, work));
report();

function usage(problem: string): never {
  console.error(
    `conformance:ltp: ${problem}\nusage: npm run conformance:ltp -- --dir FOLDER [--only PATTERN] [--jobs N] ` +
      "[--limit SECONDS] [--memory SIZE] [--record]",
  );
  process.exit(2);
}

/** ELF; scripts of LTP's shell library are no programs of system calls, and some of its parts are folders. */
function isProgram(path: string): boolean {
  if (!statSync(path).isFile()) return false;
  const bytes = Buffer.alloc(4);
  const file = openSync(path, "r");
  readSync(file, bytes, 0, 4, 0);
  closeSync(file);
  return bytes.toString("latin1") === "\x7fELF";
}

/** Takes batches until none is left. */
async function work(): Promise<void> {
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
    const done = await runBatch(batch);
    results.push(...done);
    for (const result of done) tell(result);
    // The guest ended in the midst of a program: it is named, and the others get another guest.
    const rest = batch.slice(done.length);
    if (rest.length === 0) continue;
    const lost: Result = {
      name: rest[0]!,
      outcome: "slow",
      seconds: 0,
      words: "the guest ended, or ran out of time, with this program",
    };
    results.push(lost);
    tell(lost);
    if (rest.length > 1) waiting.unshift(rest.slice(1));
  }
}

async function runBatch(batch: readonly string[]): Promise<Result[]> {
  const seconds = batch.length * 20 + Number(values.limit) * 3;
  const output = (
    await stratos(
      [
        "run",
        "-i",
        IMAGE,
        "--harts",
        "2",
        "--memory",
        values.memory,
        "-v",
        `${folder}:/ltp:ro`,
        "-v",
        `${join(import.meta.dirname, "guest")}:/guest:ro`,
        "-e",
        `LIMIT=${values.limit}`,
        "--timeout",
        String(seconds),
        "--",
        "bash",
        "/guest/ltp.sh",
      ],
      { stdin: batch.map((name) => `${name}\n`).join(""), timeoutMs: (seconds + 60) * 1000 },
    )
  ).stdout;
  const done: Result[] = [];
  for (const [, name, words, status, took] of output.matchAll(/^=== begin (\S+)\n([^]*?)^=== end \1 (\d+) (\d+)$/gm)) {
    done.push({
      name: name!,
      outcome: outcomeOf(Number(status)),
      seconds: Number(took),
      words: words!.trim().replaceAll("\n", " | "),
    });
  }
  return done;
}

function expectation(name: string): Expectation {
  return list.expected.get(name) ?? { outcome: "pass", class: "" };
}

/** Only what isn't as the list has it. */
function tell(result: Result): void {
  const { name, outcome, seconds, words } = result;
  const expected = expectation(name).outcome;
  if (outcome === expected) return;
  const verdict = isWorse(result) ? "WORSE " : outcome === "pass" ? "better" : "other ";
  console.log(`${verdict} ${name}: ${outcome}, expected ${expected} (${seconds} s)${words === "" ? "" : `: ${words}`}`);
}

function isWorse({ name, outcome }: Result): boolean {
  return isForTheWorse(outcome, expectation(name));
}

function report(): void {
  const bad = results.filter(isWorse);
  const better = results.filter(({ name, outcome }) => outcome === "pass" && expectation(name).outcome !== "pass");
  const counts = new Map<Outcome, number>();
  for (const { outcome } of results) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  console.log(
    [...counts]
      .sort()
      .map(([outcome, count]) => `${outcome} ${count}`)
      .join(", "),
  );
  if (better.length > 0)
    console.log(
      `better than the list: ${better
        .map(({ name }) => name)
        .sort()
        .join(" ")}`,
    );
  if (values.record === true) record();
  console.log(`${results.length - bad.length} passed, ${bad.length} failed`);
  process.exitCode = bad.length === 0 ? 0 : 1;
}

function record(): void {
  recordOutcomes(list, results);
  writeFileSync(LIST, formatList(list));
  // Of the whole list, whatever ran now: a class that has no program any more has no row.
  recordAllTallies("ltp", ABOUT, tallyClasses(list));
}
