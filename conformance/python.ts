/**
 * CPython's own regression tests (Debian's libpython3.13-testsuite) in Stratos and, on the same root, under qemu-user:
 *
 *     npm run conformance:python -- [--sample | --all | NAME …] [--timeout SECONDS] [--only-ours] [--use RESOURCES]
 *     [--match PATTERN] [--record]
 *
 * A test counts against us when it passes there and fails here. Without names the modules of `SYSTEM_MODULES` run, with
 * `--sample` the few that CI runs, in one machine: python's start costs more than they do. RESOURCES and PATTERN are
 * regrtest's `-u` and `-m`. The last line is `N passed, N failed`, counted in tests of ours that qemu-user does not
 * fail.
 */
import { parseArgs } from "node:util";
import { ensureJudgeOfImage, judge } from "../tests/support/judge.ts";
import { stratosRun, type Result } from "../tests/support/stratos.ts";
import { ensurePythonTests, PYTHON_TESTS } from "../tests/support/test-image.ts";
import { recordRows, type Outcome } from "./results.ts";

/** What the page says of this suite. */
const ABOUT = {
  title: "CPython's own tests (Debian's libpython3.13-testsuite)",
  command: "npm run conformance:python -- --record",
};

/** Fast, and each leans on another part of the machine or kernel. */
const SAMPLE = ["test_float", "test_fcntl", "test_select"];

const SYSTEM_MODULES = [
  ...SAMPLE,
  "test_int",
  "test_thread",
  "test_math",
  "test_struct",
  "test_tempfile",
  "test_posix",
  "test_mmap",
  "test_os",
  "test_subprocess",
  "test_threading",
  "test_queue",
  "test_threadsignals",
  "test_socket",
  "test_selectors",
  "test_poll",
  "test_epoll",
  "test_pty",
  "test_tty",
  "test_io",
  "test_fileio",
  "test_file",
  "test_shutil",
  "test_pathlib",
  "test_glob",
  "test_stat",
  "test_resource",
  "test_time",
  "test_datetime",
  "test_sqlite3",
  "test_decimal",
  "test_json",
  "test_re",
  "test_unicode",
  "test_bytes",
  "test_dict",
  "test_list",
  "test_set",
  "test_sort",
  "test_generators",
  "test_exceptions",
  "test_complex",
  "test_cmath",
  "test_statistics",
  "test_random",
  "test_hashlib",
  "test_zlib",
  "test_gzip",
  "test_bz2",
  "test_lzma",
  "test_tarfile",
  "test_zipfile",
  "test_ctypes",
  "test_array",
  "test_memoryview",
  "test_pickle",
  "test_marshal",
  "test_import",
  "test_importlib",
  "test_cmd_line",
  "test_faulthandler",
  "test_fork1",
  "test_wait3",
  "test_wait4",
  "test_popen",
  "test_posixpath",
  "test_pwd",
  "test_grp",
  "test_ssl",
  "test_asyncio",
  "test_concurrent_futures",
  "test_multiprocessing_fork",
  "test_multiprocessing_spawn",
  "test_sched",
  "test_locale",
  "test_ioctl",
  "test_kqueue",
  "test_openpty",
  "test_readline",
  "test_signal",
  "test_eintr",
  "test_largefile",
  "test_mailbox",
  "test_strtod",
  "test_fractions",
  "test_numeric_tower",
  "test_urllib",
  "test_httpservers",
  "test_socketserver",
];

interface ModuleResult {
  ran: number;
  failed: Set<string>;
  status: number;
  seconds: number;
  tail: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "boolean" },
    all: { type: "boolean" },
    timeout: { type: "string", default: "900" },
    "only-ours": { type: "boolean" },
    use: { type: "string" },
    match: { type: "string" },
    record: { type: "boolean" },
  },
});
const timeoutMs = Number(values.timeout) * 1000;

const tests = await ensurePythonTests();
if (values["only-ours"] !== true) await ensureJudgeOfImage();
const SHARE = ["-v", `${tests}:${PYTHON_TESTS}:ro`];
const names =
  positionals.length > 0
    ? positionals
    : values.sample
      ? [SAMPLE.join(" ")]
      : values.all
        ? await allModules()
        : [...new Set(SYSTEM_MODULES)];
let passed = 0;
let failed = 0;
for (const name of names) {
  const ours = await inStratos(name);
  const theirs = values["only-ours"] ? null : await underQemu(name);
  const worse = [...ours.failed].filter((test) => theirs === null || !theirs.failed.has(test));
  // A module that never came to its end has no summary: it counts as one failure, unless the peer has none either.
  const broke = ours.ran < 0 && (theirs === null || theirs.ran >= 0);
  const bad = worse.length + (broke ? 1 : 0);
  failed += bad;
  passed += Math.max(0, ours.ran - ours.failed.size);
  const peer =
    theirs === null ? "" : `  qemu: ran ${theirs.ran}, failed ${theirs.failed.size}, ${theirs.seconds.toFixed(1)} s`;
  console.log(
    `${bad === 0 ? "ok    " : "FAILED"} ${name.padEnd(28)} ran ${ours.ran}, failed ${ours.failed.size}, ` +
      `${ours.seconds.toFixed(1)} s${peer}`,
  );
  for (const test of worse) console.log(`         worse than qemu-user: ${test}`);
  if (broke) console.log(ours.tail.replaceAll(/^/gm, "         "));
  if (values.record)
    recordRows("python", ABOUT, [
      {
        name,
        stratos: outcome(ours),
        qemu: theirs === null ? null : outcome(theirs),
        worse: broke ? [...worse, "came to no end"] : worse,
      },
    ]);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function command(name: string): string[] {
  return [
    "sh",
    "-c",
    `cd /tmp && exec python3 -m test -v --timeout ${Math.floor(timeoutMs / 1000)}` +
      `${values.use === undefined ? "" : ` -u ${values.use}`}` +
      `${values.match === undefined ? "" : ` -m '${values.match}'`} ${name} 2>&1`,
  ];
}

async function inStratos(name: string): Promise<ModuleResult> {
  const started = Date.now();
  return parse(
    await stratosRun(["--timeout", String(timeoutMs / 1000), ...SHARE, "--", ...command(name)], {
      timeoutMs: timeoutMs + 60_000,
    }),
    started,
  );
}

async function underQemu(name: string): Promise<ModuleResult> {
  const started = Date.now();
  return parse(await judge(command(name), { timeoutMs, suite: tests, suiteAt: PYTHON_TESTS }), started);
}

function outcome(result: ModuleResult): Outcome {
  return { ran: result.ran, failed: result.failed.size, seconds: Math.round(result.seconds) };
}

/** unittest's summary: `FAIL: name (where)`, `ERROR: …`, `Ran N tests`; regrtest's `total tests: run=N`. */
function parse(result: Result, started: number): ModuleResult {
  const text = result.stdout;
  const failures = new Set<string>();
  for (const match of text.matchAll(/^(?:FAIL|ERROR): (\S+ \([^)]*\)|\S+)/gm)) failures.add(match[1]!);
  const total = /^Total tests: run=([\d,]+)/m.exec(text);
  let ran = total === null ? -1 : Number(total[1]!.replaceAll(",", ""));
  // A module that is skipped as a whole says so in the result; that single tests are skipped says nothing about the
  // end.
  if (total === null && /^Result: (?:SUCCESS|NO TESTS RAN)/m.test(text)) ran = 0;
  return {
    ran,
    failed: failures,
    status: result.status,
    seconds: (Date.now() - started) / 1000,
    tail: text.slice(-1500) + result.stderr.slice(-500),
  };
}

/** Every module of the suite, as regrtest lists them. */
async function allModules(): Promise<string[]> {
  const listed = await stratosRun([...SHARE, "--", "python3", "-m", "test", "--list-tests"]);
  return listed.stdout.split("\n").filter((line) => line.startsWith("test"));
}
