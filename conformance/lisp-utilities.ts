/**
 * Others' tests of utilities, by astra's inside Stratos, and beside them by others' on this computer:
 *
 *     npm run conformance:lisp-utilities -- [busybox] [awk] [--only NAME,…] [--sample] [--peers] [--record]
 *
 * busybox' testsuite (of the utilities that astra has) and onetrue-awk's programs and mended bugs come from the Debian
 * mirror, with pinned hashes; nothing of them is kept here. What is known not to pass stands with its reason in
 * `lisp/utilities-expected.txt`; a test that fails and does not stand there is a failure, one that stands there and
 * passes is told. `--record` writes that list anew (what is new in it has the class `new`, to be given a reason), and
 * the rows of docs/conformance.md. `--peers` runs busybox, GNU's programs and original-awk of this computer as well.
 * `--sample` takes a fixed few utilities, as CI does. The last line is `N passed, N failed`.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { astraProgram } from "@stratos/tools-node/lisp";
import { isWhole, refuseUnknown } from "../tests/support/known-names.ts";
import { stratos } from "../tests/support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "../tests/support/test-image.ts";
import { expectedFailures, fetchSource, rowOf, type SuiteSource } from "./lisp/suite.ts";
import { recordRows, type Row } from "./results.ts";

const ABOUT = {
  title: "AstraLisp's utilities: busybox' and onetrue-awk's tests",
  command: "npm run conformance:lisp-utilities -- --peers --record",
};
const EXPECTED = join(import.meta.dirname, "lisp/utilities-expected.txt");
const SCRIPT = join(import.meta.dirname, "guest/lisp-utilities.sh");
const SAMPLE = ["sed", "sort", "cut", "uniq", "tr", "wc", "expr", "head", "tail"];

interface Suite {
  readonly name: string;
  readonly source: SuiteSource;
  /** Programs of this computer: empty: those of the PATH. */
  readonly peers: readonly (readonly [name: string, program: string])[];
}
const SUITES: readonly Suite[] = [
  {
    name: "busybox",
    source: {
      path: "pool/main/b/busybox/busybox_1.37.0.orig.tar.bz2",
      sha256: "3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4",
    },
    peers: [
      ["busybox", "/usr/bin/busybox"],
      ["GNU", ""],
    ],
  },
  {
    name: "awk",
    source: {
      path: "pool/main/o/original-awk/original-awk_2022-09-12.orig.tar.gz",
      sha256: "25e0846d5a4a20e90304bee282b068f65966406178a1e737fa0ac6744aef71d9",
    },
    peers: [["gawk", "/usr/bin/gawk"]],
  },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    sample: { type: "boolean" },
    peers: { type: "boolean" },
    record: { type: "boolean" },
  },
});
refuseUnknown(
  positionals,
  SUITES.map(({ name }) => name),
  isWhole,
);
const isPart = values.only !== undefined || values.sample === true;

let passed = 0;
let failed = 0;
await ensureTestImage();
const program = astraProgram();
const binary = program.compile();
const utilities = values.sample === true ? SAMPLE : (values.only?.split(",") ?? program.utilities);
const recorded: string[] = [];
const meant = SUITES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
for (const suite of meant) await runSuite(suite);
if (values.record && !isPart) writeExpected();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function runSuite(suite: Suite): Promise<void> {
  const folder = join(TEST_HOME, "suites", `utilities-${suite.name}`);
  fetchSource(suite.source, folder);
  if (suite.name === "awk") writeRight(folder);
  mkdirSync(join(folder, "bin"), { recursive: true });
  copyFileSync(SCRIPT, join(folder, "lisp-utilities.sh"));
  writeFileSync(join(folder, "bin/astra"), binary, { mode: 0o755 });
  rmSync(join(folder, "log"), { force: true });
  const started = performance.now();
  const command = ["bash", "/suite/lisp-utilities.sh", suite.name, "/suite/bin/astra"];
  const { stdout } = await stratos(
    ["run", "-i", TEST_IMAGE, "-v", `${folder}:/suite`, "-e", "LOGS=/suite/log", "--", ...command],
    { stdin: utilities.map((name) => `${name}\n`).join(""), timeoutMs: 3_600_000 },
  );
  const seconds = (performance.now() - started) / 1000;
  const outcome = outcomeOf(stdout);
  const known = expectedFailures(EXPECTED, suite.name);
  const bad = [...outcome].filter(([, isGood]) => !isGood).map(([name]) => name);
  const news = bad.filter((name) => !known.has(name));
  console.log(
    `${news.length === 0 ? "ok    " : "FAILED"} ${suite.name.padEnd(8)} ran ${outcome.size}, failed ${bad.length}, ` +
      `of these ${bad.length - news.length} as known, ${seconds.toFixed(0)} s`,
  );
  for (const name of news) console.log(`         failed: ${name}`);
  for (const name of known.keys())
    if (outcome.get(name) === true) console.log(`         passes, though it is known not to: ${name}`);
  passed += outcome.size - bad.length;
  failed += news.length;
  recorded.push(...bad.map((name) => `${suite.name} ${name} ${known.get(name) ?? "new"}`));
  const rows: Row[] = [rowOf(`${suite.name}: astra`, outcome.size, bad.length, seconds, news)];
  if (values.peers) for (const [name, at] of suite.peers) rows.push(peerRow(suite, folder, name, at));
  if (values.record && !isPart) recordRows("lisp-utilities", ABOUT, rows);
}

function peerRow(suite: Suite, folder: string, name: string, at: string): Row {
  const work = mkdtempSync(join(tmpdir(), "stratos-utilities-"));
  const started = performance.now();
  try {
    const output = execFileSync("sh", [SCRIPT, suite.name, ...(at === "" ? [] : [at])], {
      input: utilities.map((one) => `${one}\n`).join(""),
      env: { ...process.env, SUITE: folder, WORK: join(work, "work") },
      stdio: ["pipe", "pipe", "ignore"],
      encoding: "latin1",
    });
    const outcome = outcomeOf(output);
    const bad = [...outcome.values()].filter((isGood) => !isGood).length;
    console.log(`         by ${name}: ran ${outcome.size}, failed ${bad}`);
    return rowOf(`${suite.name}: ${name} on the host`, outcome.size, bad, (performance.now() - started) / 1000, []);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** By a name without blanks: UTILITY:TEST. Of several of one name all have to pass. */
function outcomeOf(output: string): Map<string, boolean> {
  const outcome = new Map<string, boolean>();
  for (const [, status, utility, test] of output.matchAll(/^=== ([01]) (\S+) (.*)$/gm)) {
    const name = `${utility}:${test!.trim().replace(/\s+/g, "_")}`;
    outcome.set(name, status === "0" && outcome.get(name) !== false);
  }
  return outcome;
}

/** What onetrue-awk's programs are to print is what another awk of this computer prints. */
function writeRight(folder: string): void {
  const right = join(folder, "right"),
    tests = join(folder, "source/testdir");
  mkdirSync(right, { recursive: true });
  for (const name of readdirSync(tests).filter((one) => /^[pt]\./.test(one))) {
    const input = name.startsWith("p.") ? "test.countries" : "test.data";
    const command = `original-awk -f ${name} ${input} > "$1" 2> /dev/null < /dev/null; true`;
    execFileSync("sh", ["-c", command, "sh", join(right, name)], { cwd: tests, env: { ...process.env, LC_ALL: "C" } });
  }
}

function writeExpected(): void {
  const head = readFileSync(EXPECTED, "utf8")
    .split("\n")
    .filter((line) => !meant.some(({ name }) => line.startsWith(`${name} `)));
  writeFileSync(EXPECTED, `${head.join("\n").trim()}\n${recorded.sort().join("\n")}\n`);
}
