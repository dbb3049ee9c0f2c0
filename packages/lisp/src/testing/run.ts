/** Runs programs for tests, with their output as a text. */
import { codesOf, textOf } from "../datum/datum.ts";
import { utf8Decode, utf8Encode } from "../interpreter/utf8.ts";
import { closedSystem, type System } from "../interpreter/system.ts";
import { Lisp, type LispOptions } from "../session.ts";

interface Ran {
  readonly output: string;
  /** In words, with its place; null: none. */
  readonly error: string | null;
}

export interface RunOptions extends Omit<LispOptions, "system"> {
  readonly files?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly system?: Partial<System>;
}

export function makeLisp({ files = {}, input = "", system = {}, ...options }: RunOptions = {}): {
  lisp: Lisp;
  output: () => string;
} {
  const parts: string[] = [];
  let rest: string | null = input;
  const sink = {
    write: (bytes: Uint8Array) => void parts.push(textOf(utf8Decode(bytes))),
    flush: () => {},
    close: () => {},
  };
  const lisp = new Lisp({
    ...options,
    system: closedSystem({
      standardOutput: sink,
      standardError: sink,
      standardInput: () => {
        const text = rest;
        rest = null;
        return text === null ? null : utf8Encode(codesOf(text));
      },
      readFile: (path) => {
        if (files[path] === undefined) throw new Error(`${path}: no such file`);
        return utf8Encode(codesOf(files[path]));
      },
      ...system,
    }),
  });
  return { lisp, output: () => parts.join("") };
}

export function runText(text: string, options: RunOptions = {}): Ran {
  const { lisp, output } = makeLisp(options);
  try {
    lisp.runProgram(text, "test.scm");
    return { output: output(), error: null };
  } catch (error) {
    const words = lisp.describe(error);
    if (words === null) throw error;
    return { output: output(), error: words };
  }
}

/** What an expression writes. */
export function written(expression: string, options: RunOptions = {}): string {
  const { output, error } = runText(`(write ${expression})`, options);
  return error === null ? output : `error: ${error.split("\n")[0]!}`;
}
