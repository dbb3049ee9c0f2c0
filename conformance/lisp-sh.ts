/**
 * Other shells' own tests, by astra where it is called `sh`, inside Stratos, and by Debian's dash beside it:
 *
 *     npm run conformance:lisp-sh -- [ash] [mksh] [yash --yash FOLDER] [--filter TEXT] [--limit SECONDS] [--dash]
 *     [--record]
 *
 * busybox's ash_test and mksh's check.t come from the Debian mirror, with pinned hashes; of yash, which not every
 * mirror has, FOLDER is a checkout (its `tests/*-p.tst`, without those of single signals, which are some seven thousand
 * cases that take hours). Nothing of them is kept here. Many ask for what is busybox's, mksh's or ksh's own, so that no
 * other shell passes them: what is known not to pass stands with its reason in `lisp/sh-expected.txt`, one of them on a
 * line; a test that fails and does not stand there is a failure, one that stands there and passes is told. `--dash`
 * runs Debian's dash as well, for the row beside; without it that row stays. The last line is `N passed, N failed`.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { astraProgram } from "@stratos/tools-node/lisp";
import { isWhole, refuseUnknown } from "../tests/support/known-names.ts";
import { stratos } from "../tests/support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "../tests/support/test-image.ts";
import { expectedFailures, fetchSource, rowOf, type SuiteSource } from "./lisp/suite.ts";
import { recordRows, type Row } from "./results.ts";

const CROSS_COMPILER = "riscv64-linux-gnu-gcc";
const ABOUT = {
  title: "AstraLisp's shell: other shells' own tests",
  command: "npm run conformance:lisp-sh -- ash mksh yash --yash FOLDER --dash --record",
};
const EXPECTED = join(import.meta.dirname, "lisp/sh-expected.txt");

interface Suite {
  readonly name: string;
  /** Null: a folder is given. */
  readonly source: SuiteSource | null;
  /** C programs that tests start. */
  readonly helpers: readonly string[];
  readonly list: (source: string) => string[];
}

const SUITES: readonly Suite[] = [
  {
    name: "ash",
    source: {
      path: "pool/main/b/busybox/busybox_1.37.0.orig.tar.bz2",
      sha256: "3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4",
    },
    helpers: ["shell/ash_test/recho.c", "shell/ash_test/zecho.c", "shell/ash_test/printenv.c"],
    // `many_ifs` goes through 6856 cases in the shell, for minutes.
    list: (source) => {
      const tests = join(source, "shell/ash_test");
      return readdirSync(tests, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".tests"))
        .map((name) => name.slice(0, -".tests".length))
        .filter((name) => existsSync(join(tests, `${name}.right`)) && !name.endsWith("/many_ifs"));
    },
  },
  {
    name: "mksh",
    source: {
      path: "pool/main/m/mksh/mksh_59c.orig.tar.gz",
      sha256: "77ae1665a337f1c48c61d6b961db3e52119b38e58884d1c89684af31f87bc506",
    },
    helpers: [],
    list: (source) => {
      const tests = readFileSync(join(source, "check.t"), "latin1");
      return [...new Set([...tests.matchAll(/^name: (\S+)$/gm)].map((match) => match[1]!))];
    },
  },
  {
    name: "yash",
    source: null,
    helpers: ["tests/resetsig.c", "tests/ptwrap.c", "tests/checkfg.c"],
    list: (source) =>
      readdirSync(join(source, "tests")).filter((name) => name.endsWith("-p.tst") && !/^sig[a-z]+\d/.test(name)),
  },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    yash: { type: "string" },
    filter: { type: "string" },
    limit: { type: "string", default: "60" },
    dash: { type: "boolean" },
    record: { type: "boolean" },
  },
});
const names = SUITES.map(({ name }) => name);
refuseUnknown(positionals, names, isWhole);
if (positionals.includes("yash") && values.yash === undefined) {
  console.error("yash: --yash FOLDER, a checkout of it, is missing");
  process.exit(2);
}

let passed = 0;
let failed = 0;
await ensureTestImage();
const shell = join(TEST_HOME, "suites", "astra.rv64");
mkdirSync(join(TEST_HOME, "suites"), { recursive: true });
writeFileSync(shell, astraProgram().compile(), { mode: 0o755 });
for (const suite of SUITES) {
  const isMeant = positionals.length === 0 ? suite.source !== null || values.yash !== undefined : true;
  if (isMeant && (positionals.length === 0 || positionals.includes(suite.name))) await runSuite(suite);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function runSuite(suite: Suite): Promise<void> {
  const folder = prepare(suite);
  const all = suite.list(join(folder, "source")).sort();
  const tests = all.filter((name) => values.filter === undefined || name.includes(values.filter));
  const known = expectedFailures(EXPECTED, suite.name);
  const { outcome, seconds } = await runBy("/suite/bin/astra", suite, folder, tests);
  const bad = [...outcome].filter(([, status]) => status !== 0 && status !== 77).map(([name]) => name);
  const news = bad.filter((name) => !known.has(name));
  const mended = [...known.keys()].filter((name) => outcome.get(name) === 0);
  console.log(
    `${news.length === 0 ? "ok    " : "FAILED"} ${suite.name.padEnd(6)} ran ${outcome.size}, failed ${bad.length}, ` +
      `of these ${bad.length - news.length} as known, ${seconds.toFixed(0)} s`,
  );
  for (const name of news) console.log(`         failed: ${name}`);
  for (const name of mended) console.log(`         passes, though it is known not to: ${name}`);
  passed += outcome.size - bad.length;
  failed += news.length;
  const rows: Row[] = [rowOf(`${suite.name} by astra`, outcome.size, bad.length, seconds, news)];
  if (values.dash) {
    const dash = await runBy("/usr/bin/dash", suite, folder, tests);
    const refused = [...dash.outcome].filter(([, status]) => status !== 0 && status !== 77).length;
    console.log(`         by dash: ran ${dash.outcome.size}, failed ${refused}, ${dash.seconds.toFixed(0)} s`);
    rows.push(rowOf(`${suite.name} by dash`, dash.outcome.size, refused, dash.seconds, []));
  }
  if (values.record && values.filter === undefined) recordRows("lisp-sh", ABOUT, rows);
}

async function runBy(
  program: string,
  suite: Suite,
  folder: string,
  tests: readonly string[],
): Promise<{ outcome: Map<string, number>; seconds: number }> {
  const started = performance.now();
  const options = ["-v", `${folder}:/suite`, "-e", `LIMIT=${values.limit}`, "-e", "LOGS=/suite/log"];
  const command = ["bash", "/suite/lisp-sh.sh", suite.name, program];
  rmSync(join(folder, "log"), { force: true });
  const { stdout } = await stratos(["run", "-i", TEST_IMAGE, ...options, "--", ...command], {
    stdin: tests.map((name) => `${name}\n`).join(""),
    timeoutMs: 7_200_000,
  });
  const outcome = new Map([...stdout.matchAll(/^=== (\S+) (\d+)$/gm)].map((match) => [match[1]!, Number(match[2])]));
  return { outcome, seconds: (performance.now() - started) / 1000 };
}

/** The suite's folder, as the guest sees it: source, programs that tests start, the shell. */
function prepare(suite: Suite): string {
  const folder = join(TEST_HOME, "suites", `sh-${suite.name}`);
  const source = join(folder, "source");
  mkdirSync(join(folder, "bin"), { recursive: true });
  if (suite.source !== null) fetchSource(suite.source, folder);
  else if (!existsSync(source)) execFileSync("cp", ["-r", resolve(values.yash!), source]);
  mkdirSync(join(folder, "helpers"), { recursive: true });
  for (const helper of suite.helpers) {
    const program = join(folder, "helpers", basename(helper, ".c"));
    if (!existsSync(program))
      execFileSync(CROSS_COMPILER, ["-static", "-O1", "-w", "-o", program, join(source, helper)]);
  }
  copyFileSync(join(import.meta.dirname, "guest/lisp-sh.sh"), join(folder, "lisp-sh.sh"));
  copyFileSync(shell, join(folder, "bin/astra"));
  return folder;
}
