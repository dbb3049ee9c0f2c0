/** Python of `runCode`: what one piece of code defines the next one finds. */
import type { Program } from "@stratos/sdk/public";

/** What `runCode` gives back. */
export interface Execution {
  /** Of the last expression; undefined: there is none, or it is None. */
  readonly text: string | undefined;
  readonly logs: { readonly stdout: readonly string[]; readonly stderr: readonly string[] };
  readonly error: { readonly name: string; readonly value: string; readonly traceback: string } | undefined;
}

/** A program that runs `python3 -u -c INTERPRETER`. */
export type PythonProgram = Pick<Program, "stdout" | "stderr"> & {
  readonly stdin: Pick<Program["stdin"], "write">;
  kill(signal: "SIGKILL"): Promise<void>;
};

/**
 * A Python that keeps what was defined: it reads a line of JSON for each piece of code, `[number, code]`, and answers
 * with one. Programs that the code starts have other descriptors, so what they write never stands between two answers;
 * a child of `os.fork` ends with the code that made it, and answers nothing. What the code writes as bytes and as text
 * keeps its order, and is there after the code has closed it.
 */
export const INTERPRETER = `
import ast, contextlib, io, json, os, sys, traceback
asked, told = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
scope, own = {"__name__": "__main__"}, os.getpid()
os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
os.dup2(2, 1)
class Kept(io.BytesIO):
    def close(self):
        pass
def stream():
    kept = Kept()
    return kept, io.TextIOWrapper(kept, encoding="utf-8", errors="backslashreplace", write_through=True)
def described(raised):
    error = {"name": type(raised).__name__}
    for key, make in ("value", lambda: str(raised)), ("traceback", traceback.format_exc):
        try:
            error[key] = make()
        except BaseException:
            error[key] = "<exception str() failed>"
    return error
for line in asked:
    number, code = json.loads(line)
    (out, out_text), (err, err_text), text, error = stream(), stream(), None, None
    with contextlib.redirect_stdout(out_text), contextlib.redirect_stderr(err_text):
        try:
            tree = ast.parse(code, "<code>")
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "<code>", "exec"), scope)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "<code>", "eval"), scope)
                text = None if value is None else repr(value)
        except BaseException as raised:
            error = described(raised)
    if os.getpid() != own:
        os._exit(0 if error is None else 1)
    out, err = (kept.getvalue().decode("utf-8", "replace") for kept in (out, err))
    told.write(json.dumps({"number": number, "text": text, "out": out, "err": err, "error": error}) + "\\n")
    told.flush()
`;

/** Runs one piece of code after the other, by a Python that is begun when there is none. */
export class PythonRunner {
  readonly #begin: () => Promise<PythonProgram>;
  readonly #fail: PythonFailures;
  #python: Python | null = null;
  /** Settles when the code before it has. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(begin: () => Promise<PythonProgram>, fail: PythonFailures) {
    this.#begin = begin;
    this.#fail = fail;
  }

  /** @param timeoutMs  from when its turn has come; 0: no limit. After a failure what was defined is gone */
  run(code: string, timeoutMs: number): Promise<Execution> {
    const execution = this.#turn.then(() => this.#runNow(code, timeoutMs));
    this.#turn = execution.catch(() => {});
    return execution;
  }

  async #runNow(code: string, timeoutMs: number): Promise<Execution> {
    this.#python ??= new Python(await this.#begin(), this.#fail);
    try {
      return await this.#python.run(code, timeoutMs);
    } catch (error) {
      this.#python = null;
      throw error;
    }
  }
}

/** Failures as their reader knows them. */
interface PythonFailures {
  timeOver(): Error;
  ended(): Error;
}

class Python {
  readonly #program: PythonProgram;
  readonly #fail: PythonFailures;
  readonly #answers: AsyncIterator<string>;
  #number = 0;

  constructor(program: PythonProgram, fail: PythonFailures) {
    this.#program = program;
    this.#fail = fail;
    this.#answers = linesOf(program.stdout);
    // What is written past the interpreter is for nobody, and must not hold it back.
    drain(program.stderr).catch(() => {});
  }

  async run(code: string, timeoutMs: number): Promise<Execution> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeOver = new Promise<never>((_, reject) => {
      if (timeoutMs > 0) timer = setTimeout(() => reject(this.#fail.timeOver()), timeoutMs);
    });
    try {
      return await Promise.race([this.#exchange(code), timeOver]);
    } catch (error) {
      await this.#program.kill("SIGKILL").catch(() => {});
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #exchange(code: string): Promise<Execution> {
    const asked = ++this.#number;
    await this.#program.stdin.write(`${JSON.stringify([asked, code])}\n`);
    for (;;) {
      const { value, done } = await this.#answers.next();
      if (done === true) throw this.#fail.ended();
      const { number, text, out, err, error } = JSON.parse(value) as {
        number: number;
        text: string | null;
        out: string;
        err: string;
        error: Execution["error"] | null;
      };
      if (number !== asked) continue;
      const logs = { stdout: out === "" ? [] : [out], stderr: err === "" ? [] : [err] };
      return { text: text ?? undefined, logs, error: error ?? undefined };
    }
  }
}

async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let begun: string[] = [];
  for await (const bytes of stream) {
    const [rest = "", ...next] = decoder.decode(bytes, { stream: true }).split("\n");
    begun.push(rest);
    for (const text of next) {
      yield begun.join("");
      begun = [text];
    }
  }
}

async function drain(stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of stream) void bytes;
}
