/**
 * What a seeded run of a program leaves behind, as marks: of its machine (memory, registers, kernel, clock), and of
 * what it printed. In Node, and bundled for a page: both import it, with the library's own `Sandbox`.
 */
import type { Sandbox as SandboxClass, SandboxOptions } from "@stratos/sdk/public";

export interface FinalProgram {
  readonly name: string;
  /** For `bash -c`, in an empty folder. */
  readonly script: string;
  readonly stdin?: string;
  /** Programs to be put into /t, by the names of their C sources below `tests`. */
  readonly sources?: readonly string[];
}

export interface FinalState {
  /** SHA-256 of the saved machine, of its kernel and of its memory: hexadecimal. */
  readonly machine: string;
  /** SHA-256 of output, errors and status. */
  readonly output: string;
}

/** A final state with what was saved: for who goes on from it, or looks where two differ. */
export interface SavedState extends FinalState {
  readonly saved: Uint8Array;
}

type Box = Awaited<ReturnType<typeof SandboxClass.create>>;

const SEED = 7;
const MEMORY_BYTES = 256 << 20;
/** With init. */
const ALONE = 1;
/** For what stays for ever there is no state to wait for. */
const LOOKS_MAX = 250,
  LOOK_MS = 20;

/**
 * @param executables  those of `sources`, by name
 * @param patience  how many times longer than usual the program may take
 * @param isWatched  it is asked what runs, which must leave no trace
 */
export async function finalState(
  sandboxes: typeof SandboxClass,
  options: SandboxOptions,
  program: FinalProgram,
  executables: ReadonlyMap<string, Uint8Array>,
  { patience = 1, isWatched = false }: { readonly patience?: number; readonly isWatched?: boolean } = {},
): Promise<SavedState> {
  const box = await sandboxes.create({ memoryBytes: MEMORY_BYTES, seed: SEED, ...options });
  try {
    for (const folder of ["/tmp/work", "/t"]) await box.fs.mkdir(folder);
    for (const [name, bytes] of executables) await box.fs.write(`/t/${name}`, bytes, { mode: 0o755 });
    const output = await ran(box, program, patience);
    await untilAlone(box, patience);
    if (isWatched && (await box.processes()).length === 0) throw new Error("it has no process");
    return await savedState(box, output);
  } finally {
    await box.close();
  }
}

/** What a program leaves asleep goes on, as time passes at once. */
async function untilAlone(box: Box, patience: number): Promise<void> {
  for (let looks = 0; looks < LOOKS_MAX * patience && (await box.stats()).processes > ALONE; looks++)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

async function ran(box: Box, { script, stdin = "" }: FinalProgram, patience = 1): Promise<string> {
  const { stdoutBytes, stderrBytes, exitCode, signal } = await box.run(["bash", "-c", script], {
    stdin,
    cwd: "/tmp/work",
    timeoutMs: 600_000 * patience,
  });
  const parts = [stdoutBytes, stderrBytes, new TextEncoder().encode(`${exitCode} ${signal}`)];
  return sha256(new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer()));
}

/**
 * Goes on from `state` with two programs, and is saved between them.
 *
 * @param state  null: a machine that begins
 */
export async function goOn(
  sandboxes: typeof SandboxClass,
  options: SandboxOptions,
  program: FinalProgram,
  state: Uint8Array | null,
): Promise<SavedState> {
  const from = state === null ? { seed: SEED } : { state };
  const box = await sandboxes.create({ memoryBytes: MEMORY_BYTES, ...options, ...from });
  try {
    await box.fs.mkdir("/tmp/work", { parents: true });
    return await savedState(box, await ran(box, program));
  } finally {
    await box.close();
  }
}

async function savedState(box: Box, output: string): Promise<SavedState> {
  const saved = await box.save();
  const [state, pages] = partsOfMachine(saved);
  return { machine: `${await sha256(state)} ${await sha256(pages)}`, output, saved };
}

/**
 * Of what was saved (sdk's saved-sandbox.ts, machine's saved-machine.ts) what is not the machine's comes first, whose
 * volume has a name of its own each time; and then the shape, with what the run has cost.
 */
export function partsOfMachine(saved: Uint8Array): readonly [state: Uint8Array, pages: Uint8Array] {
  const view = new DataView(saved.buffer, saved.byteOffset);
  const shape = 16 + view.getUint32(12, true) + 16;
  const state = shape + 12 + view.getFloat64(shape, true);
  const end = state + 12 + view.getFloat64(state, true);
  return [saved.subarray(state + 12, end), saved.subarray(end)];
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
