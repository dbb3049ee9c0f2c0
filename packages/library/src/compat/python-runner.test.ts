/**
 * Goal: each piece of code gets its own answer, and what it has defined stays, whatever the code does to the
 * interpreter. Method: the interpreter in the host's Python, and a program that answers by hand.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { INTERPRETER, type PythonProgram, PythonRunner } from "./python-runner.ts";

const failures = { timeOver: () => new Error("time is over"), ended: () => new Error("ended") };
const skip = spawnSync("python3", ["--version"]).status === 0 ? false : "the host has no python3";

/** With the host's Python. */
async function withPython(use: (runner: PythonRunner, begun: () => number) => Promise<void>): Promise<void> {
  const programs: (() => Promise<void>)[] = [];
  const begin = async (): Promise<PythonProgram> => {
    const child = spawn("python3", ["-u", "-c", INTERPRETER]);
    child.stdin.on("error", () => {});
    const kill = async (): Promise<void> => void child.kill("SIGKILL");
    programs.push(kill);
    const write = async (text: Uint8Array | string): Promise<void> => void child.stdin.write(text);
    return { stdin: { write }, stdout: child.stdout, stderr: child.stderr, kill } as PythonProgram;
  };
  try {
    await use(new PythonRunner(begin, failures), () => programs.length);
  } finally {
    for (const kill of programs) await kill();
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("calls at once have one interpreter, in their order, and each its own time", { skip }, () =>
  withPython(async (runner, begun) => {
    await Promise.all([runner.run("x = 1", 0), runner.run("y = 2", 0)]);
    assert.equal((await runner.run("x + y", 0)).text, "3");
    assert.equal(begun(), 1);
    const outcomes = await Promise.allSettled([
      runner.run("while True: pass", 300),
      runner.run("z = 5", 60_000),
      runner.run("z", 60_000),
    ]);
    assert.deepEqual(
      outcomes.map((it) => (it.status === "fulfilled" ? (it.value.text ?? null) : (it.reason as Error).message)),
      ["time is over", null, "5"],
    );
    assert.equal(begun(), 2);
  }),
);

test("children of os.fork answer nothing", { skip }, () =>
  withPython(async (runner) => {
    await runner.run("import os\nchild = os.fork()", 0);
    const answers = [];
    for (const code of ["'second'", "'third'", "os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])"])
      answers.push((await runner.run(code, 0)).text);
    assert.deepEqual(answers, ["'second'", "'third'", "0"]);
  }),
);

test("an exception that cannot be told in words ends nothing", { skip }, () =>
  withPython(async (runner) => {
    await runner.run("kept = 5", 0);
    const code = "class Mute(Exception):\n  def __str__(self): raise ValueError('q')\nraise Mute()";
    const { error } = await runner.run(code, 0);
    assert.deepEqual([error!.name, error!.value], ["Mute", "<exception str() failed>"]);
    assert.equal((await runner.run("kept", 0)).text, "5");
  }),
);

test("bytes and text are written in their order; closing the output ends nothing", { skip }, () =>
  withPython(async (runner) => {
    const code = "import sys\nprint('a')\nsys.stdout.buffer.write('ü\\n'.encode())\nprint('\\ud800ö', end='')";
    assert.deepEqual((await runner.run(code, 0)).logs.stdout, ["a\nü\n\\ud800ö"]);
    const closed = await runner.run("sys.stderr.write('said')\nsys.stdout.close()\nsys.stderr.close()", 0);
    assert.deepEqual([closed.logs.stderr, closed.error], [["said"], undefined]);
    assert.equal((await runner.run("1 + 1", 0)).text, "2");
  }),
);

test("answers to what was not asked are left out", async () => {
  const answer = (number: number, text: string): Uint8Array =>
    bytes(`${JSON.stringify({ number, text, out: "", err: "", error: null })}\n`);
  const runner = new PythonRunner(async () => programOf([answer(7, "other"), answer(1, "own")]), failures);
  assert.equal((await runner.run("1", 0)).text, "own");
});

// Looked through again with each piece, 64 MiB in pieces of 1 KiB take minutes.
extendedTest("the time of a long answer grows with its length", { timeout: 120_000 }, async () => {
  const piece = new Uint8Array(1024).fill(97);
  const head = bytes('{"number":1,"text":null,"err":"","error":null,"out":"');
  const pieces = [head, ...Array.from({ length: 65_536 }, () => piece), bytes('"}\n')];
  const runner = new PythonRunner(async () => programOf(pieces), failures);
  assert.equal((await runner.run("1", 0)).logs.stdout[0]!.length, 64 << 20);
});

/** One that writes these. */
function programOf(pieces: readonly Uint8Array[]): PythonProgram {
  const stream = async function* (from: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
    yield* from;
  };
  const program = {
    stdin: { write: async () => {} },
    stdout: stream(pieces),
    stderr: stream([]),
    kill: async () => {},
  };
  return program as unknown as PythonProgram;
}
