/** Runs the command line as a user does, in a process of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { NODE_FLAGS } from "@stratos/engine-node/node-flags";
import { freshBundle } from "../../tools/launch/bundle-state.mjs";

export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The command of a clone. */
export const cloneLauncher: readonly string[] = [process.execPath, join(repository, "stratos.mjs")];
const bundle = freshBundle(repository);
/** What it becomes, for a Node of the caller's choice. */
export const nodeArguments: readonly string[] = [
  ...NODE_FLAGS,
  bundle ?? join(repository, "packages", "cli", "src", "main.ts"),
];
/** What it becomes: two fifths of a short command's time are the way there. */
export const launcher: readonly string[] = bundle === null ? cloneLauncher : [process.execPath, ...nodeArguments];

export interface Result {
  /** As latin1, so that bytes compare. */
  readonly stdout: string;
  readonly stderr: string;
  /** −1: ended by a signal. */
  readonly status: number;
}

export interface RunInput {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

/** Of one command; a host that does twenty other things besides takes minutes for what takes seconds. */
const TIMEOUT_MS = 600_000;

export async function stratos(args: readonly string[], input: RunInput = {}): Promise<Result> {
  const { TEST_HOME } = await import("./test-image.ts");
  return run([...launcher, ...args], { ...input, env: { STRATOS_HOME: TEST_HOME, ...input.env } });
}

/** `stratos run` in the test image. */
export async function stratosRun(args: readonly string[], input: RunInput = {}): Promise<Result> {
  const { TEST_IMAGE } = await import("./test-image.ts");
  return stratos(["run", "-i", TEST_IMAGE, ...args], input);
}

export function run(command: readonly string[], input: RunInput = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = start(command, input);
    const stdout: Buffer[] = [],
      stderr: Buffer[] = [];
    child.stdout!.on("data", (bytes: Buffer) => void stdout.push(bytes));
    child.stderr!.on("data", (bytes: Buffer) => void stderr.push(bytes));
    // A program that does not read its input is no failure.
    child.stdin!.on("error", () => {});
    child.stdin!.end(input.stdin ?? "");
    const timer = setTimeout(() => child.kill("SIGKILL"), input.timeoutMs ?? TIMEOUT_MS);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({
        stdout: Buffer.concat(stdout).toString("latin1"),
        stderr: Buffer.concat(stderr).toString("latin1"),
        status: code ?? -1,
      });
    });
  });
}

/**
 * What runs keep is made by processes that outlive them: tests that are about it ask for it. What a home has is used
 * (`ensureTranslations` of test-image.ts).
 */
function cacheSetting(home: string | undefined): string {
  return home !== undefined && existsSync(join(home, "translations")) ? "fill" : "1";
}

export function start(command: readonly string[], input: RunInput = {}): ChildProcess {
  const [program, ...args] = command;
  const env = { ...process.env, ...input.env };
  return spawn(program!, args, {
    stdio: "pipe",
    env: { ...env, STRATOS_NO_CACHE: input.env?.["STRATOS_NO_CACHE"] ?? cacheSetting(env["STRATOS_HOME"]) },
    ...(input.cwd === undefined ? {} : { cwd: input.cwd }),
  });
}
