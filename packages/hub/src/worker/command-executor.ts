/**
 * Tasks of kind `command`: a program, run in the task's folder.
 *
 *     {"argv":["make","-j2"], "environment":{"CC":"gcc"}, "files":{"hello.c":"…"}, "artefacts":["hello"]}
 */
import { spawn } from "node:child_process";
import { mkdirSync, existsSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { Execution, ExecutionResult, Executor } from "./executor.ts";
import { noteProcessGroup } from "./process-groups.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

interface CommandPayload {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  readonly artefacts: readonly string[];
}

export const commandExecutor: Executor = {
  kind: "command",
  execute: async (execution): Promise<ExecutionResult> => {
    const payload = readPayload(execution.run.payload);
    if (typeof payload === "string") return { failure: { class: "build", message: payload } };
    for (const [name, text] of Object.entries(payload.files)) {
      const path = join(execution.folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    const failure = await runProgram(execution, payload);
    if (failure !== null) return { failure };
    const missing = payload.artefacts.find((name) => !existsSync(join(execution.folder, name)));
    if (missing !== undefined)
      return { failure: { class: "build", message: `${missing}: the command left no such file` } };
    return {
      result: { status: 0 },
      artefacts: payload.artefacts.map((name) => ({
        name,
        path: join(execution.folder, name),
        role: "output",
        media: "application/octet-stream",
      })),
    };
  },
};

/** @returns what is wrong with it, in words */
function readPayload(payload: Readonly<Record<string, unknown>>): CommandPayload | string {
  const isTexts = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((entry) => typeof entry === "string");
  const isTextRecord = (value: unknown): value is Record<string, string> =>
    typeof value === "object" && value !== null && isTexts(Object.values(value));
  const { argv, environment = {}, files = {}, artefacts = [] } = payload;
  if (!isTexts(argv) || argv.length === 0) return "payload.argv: expected a program and its arguments";
  if (!isTextRecord(environment)) return "payload.environment: expected texts by name";
  if (!isTextRecord(files)) return "payload.files: expected texts by name";
  if (!isTexts(artefacts)) return "payload.artefacts: expected names of files";
  const outside = [...Object.keys(files), ...artefacts].find(
    (name) => name === "" || name.startsWith("/") || normalize(name).startsWith(".."),
  );
  if (outside !== undefined) return `${outside}: leaves the task's folder`;
  return { argv, environment, files, artefacts };
}

/**
 * Runs a program in the run's folder, in a process group that ends with it.
 *
 * @param onOutput  takes standard output; without it, both streams go to the run's log
 * @returns null when its status was 0
 */
export function runProgram(
  execution: Execution,
  { argv, environment }: Pick<CommandPayload, "argv" | "environment">,
  onOutput: (bytes: Uint8Array) => Promise<void> = (bytes) => execution.log(bytes),
): Promise<NonNullable<ExecutionResult["failure"]> | null> {
  return new Promise((resolve) => {
    // A group of its own, so that what it starts ends with it.
    const child = spawn(argv[0]!, argv.slice(1), {
      cwd: execution.folder,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH,
        LC_ALL: "C.UTF-8",
        TZ: "UTC",
        HOME: execution.folder,
        STRATOS_TASK: String(execution.run.task),
        ...environment,
      },
    });
    if (child.pid !== undefined) noteProcessGroup(execution.folder, child.pid);
    const killGroup = (signal: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // It has ended.
      }
    };
    let killer: NodeJS.Timeout | null = null;
    const stop = (): void => {
      killGroup("SIGTERM");
      killer = setTimeout(() => killGroup("SIGKILL"), execution.graceMs);
    };
    if (execution.signal.aborted) stop();
    else execution.signal.addEventListener("abort", stop, { once: true });
    const drain = async (stream: AsyncIterable<unknown>, take: (bytes: Uint8Array) => Promise<void>): Promise<void> => {
      for await (const piece of stream) await take(piece as Uint8Array);
    };
    const drains = [drain(child.stdout, onOutput), drain(child.stderr, (bytes) => execution.log(bytes))];
    child.once("error", (error) => resolve({ class: "build", message: `${argv[0]!}: ${error.message}` }));
    child.once("exit", () => {
      // What it left running would keep the pipes open.
      if (killer !== null) clearTimeout(killer);
      killGroup("SIGKILL");
    });
    child.once("close", (status, signal) => {
      execution.signal.removeEventListener("abort", stop);
      void Promise.allSettled(drains).then(() => {
        if (signal !== null) resolve({ class: "killed", message: `ended by ${signal}` });
        else resolve(status === 0 ? null : { class: "build", message: `exit status ${status}` });
      });
    });
  });
}
