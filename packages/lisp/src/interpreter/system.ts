/**
 * What a program may know of the computer that it runs on; the face gives it. Without it there are no files and no
 * time.
 */
import type { JavaScriptHost } from "../javascript/bridge.ts";
import type { ByteSink, Pull } from "./ports.ts";

export interface System {
  /** @throws Error with a reason, where there is no such file or it may not be read */
  readFile(path: string): Uint8Array;
  openInput(path: string): { pull: Pull; close(): void };
  openOutput(path: string, options: { append: boolean }): ByteSink;
  fileExists(path: string): boolean;
  deleteFile(path: string): void;
  readonly standardInput: Pull;
  readonly standardOutput: ByteSink;
  readonly standardError: ByteSink;
  /** Seconds since 1970, with fractions. */
  currentSecond(): number;
  /** Microseconds from an arbitrary beginning; they never go back. */
  currentJiffy(): number;
  /** Waits, or with a virtual clock puts that on. */
  sleep(seconds: number): void;
  /** Time goes on by `sleep` alone. */
  readonly isTimeVirtual: boolean;
  /** Whether standard input has bytes, or its end, without waiting. */
  isInputReady(): boolean;
  /** Chooses between what threads may do; null: they take turns in order. */
  readonly seed: number | null;
  readonly commandLine: readonly string[];
  environmentVariable(name: string): string | undefined;
  environmentVariables(): readonly (readonly [string, string])[];
  /** Null: the program has no JavaScript. */
  readonly javascript: JavaScriptHost | null;
}

/** No files, a clock that only waiting puts on, no environment; what is written is lost. For sandboxes and tests. */
export function closedSystem(overrides: Partial<System> = {}): System {
  const nothing = (path: string): never => {
    throw new Error(`${path}: no files are open to this program`);
  };
  const sink: ByteSink = { write: () => {}, flush: () => {}, close: () => {} };
  let seconds = 0;
  return {
    readFile: nothing,
    openInput: nothing,
    openOutput: nothing,
    fileExists: () => false,
    deleteFile: nothing,
    standardInput: () => null,
    standardOutput: sink,
    standardError: sink,
    currentSecond: () => seconds,
    currentJiffy: () => Math.round(seconds * 1e6),
    sleep: (more) => {
      seconds += more;
    },
    isTimeVirtual: true,
    isInputReady: () => true,
    seed: null,
    commandLine: [],
    environmentVariable: () => undefined,
    environmentVariables: () => [],
    javascript: null,
    ...overrides,
  };
}
