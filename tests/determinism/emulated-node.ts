/**
 * Programs in a Node for another processor, emulated: one process of it, in whose own thread all sandboxes run, since
 * to start a process and to read the modules takes it half a minute.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { TEST_HOME, TEST_IMAGE } from "../support/test-image.ts";
import type { FinalProgram, FinalState, SavedState } from "./final-state.ts";

/** What the process has, beside the library: it answers each line with one. */
const PROGRAM = `
const { readFileSync, writeFileSync } = process.getBuiltinModule("node:fs");
const { createInterface } = process.getBuiltinModule("node:readline");
const { Sandbox } = await import("stratos");
const { finalState } = await import("./states.ts");
const options = { image: process.env.IMAGE, isolation: "shared", codeCache: false, spare: false };
for await (const line of createInterface({ input: process.stdin })) {
  const { program, executables, file, patience } = JSON.parse(line);
  const built = new Map(executables.map(([name, path]) => [name, new Uint8Array(readFileSync(path))]));
  try {
    const { saved, ...value } = await finalState(Sandbox, options, program, built, { patience });
    writeFileSync(file, saved);
    console.log(JSON.stringify({ value }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error?.stack ?? error) }));
  }
}`;

/** How much slower than here a program may be. */
const PATIENCE = 12;
/** The emulator itself may end: V8's code and the emulator's threads now and then do not get on. */
const TRIES = 3;

export class EmulatedNode {
  readonly #command: readonly string[];
  readonly #project: string;
  #child: ChildProcess | null = null;
  #answers: AsyncIterator<string> | null = null;
  #lines: Interface | null = null;
  #count = 0;

  /** @param project  where the library is installed */
  constructor(command: readonly string[], project: string) {
    this.#command = command;
    this.#project = project;
  }

  async final(program: FinalProgram, executables: ReadonlyMap<string, Uint8Array>): Promise<SavedState> {
    const file = join(this.#project, "emulated.state");
    const folder = join(this.#project, `emulated-${++this.#count}`);
    mkdirSync(folder);
    const written = [...executables].map(([name, bytes]) => {
      writeFileSync(join(folder, name), bytes);
      return [name, join(folder, name)];
    });
    const request = JSON.stringify({ program, executables: written, file, patience: PATIENCE });
    const line = await this.#ask(request);
    const { value, error } = JSON.parse(line) as { readonly value?: FinalState; readonly error?: string };
    if (value === undefined) throw new Error(error);
    return { ...value, saved: new Uint8Array(readFileSync(file)) };
  }

  async #ask(request: string): Promise<string> {
    for (let tries = 1; ; tries++) {
      if (this.#child === null) this.#start();
      this.#child!.stdin!.write(`${request}\n`);
      const { value, done } = await this.#answers!.next();
      if (done !== true) return value;
      const { exitCode, signalCode } = this.#child!;
      await this.close();
      if (tries === TRIES) throw new Error(`the emulated Node is gone ${tries} times: ${exitCode ?? signalCode}`);
      console.log(`the emulated Node is gone (${exitCode ?? signalCode}): once more`);
    }
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    this.#lines?.close();
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  #start(): void {
    writeFileSync(join(this.#project, "emulated.mjs"), PROGRAM);
    writeFileSync(join(this.#project, "states.ts"), readFileSync(join(import.meta.dirname, "final-state.ts")));
    const [command, ...before] = this.#command as readonly [string, ...string[]];
    const child = spawn(command, [...before, "emulated.mjs"], {
      cwd: this.#project,
      env: { ...process.env, STRATOS_HOME: TEST_HOME, IMAGE: TEST_IMAGE },
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin.on("error", () => {});
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }
}
