/**
 * Runs programs with tests of SRFI 64, each by itself. The library `(srfi 64)` writes what happens, a line of
 * JSON each, to the file that ASTRALISP_TEST_REPORT names; here that is a file of the program's system alone.
 */
import { byteString, byteStringToUtf8 } from "@stratos/base";
import type { CompiledLisp } from "../compiled-session.ts";
import { ExitRequest } from "../interpreter/machine.ts";
import type { ByteSink } from "../interpreter/ports.ts";
import type { System } from "../interpreter/system.ts";
import type { Lisp } from "../session.ts";

const REPORT_VARIABLE = "ASTRALISP_TEST_REPORT";
const REPORT_PATH = "(report of the tests)";

type Kind = "pass" | "fail" | "xpass" | "xfail" | "skip";

/** A test as the report tells it; values and forms are written as Scheme would. */
interface TestResult {
  readonly kind: Kind;
  readonly name: string;
  /** Names of the groups around it, the outermost first. */
  readonly group: readonly string[];
  readonly file?: string;
  readonly line?: number;
  readonly form?: string;
  readonly expected?: string;
  readonly actual?: string;
  readonly expectedError?: string;
  readonly error?: string;
}

type ReportLine =
  | ({ readonly event: "test" } & TestResult)
  | { readonly event: "begin"; readonly name: string }
  | { readonly event: "end"; readonly name: string }
  | { readonly event: "badCount"; readonly name: string; readonly announced: number; readonly ran: number }
  | { readonly event: "badEnd"; readonly begun: string; readonly ended: string };

export interface FileResult {
  readonly file: string;
  readonly tests: TestResult[];
  /** What else went wrong: an error that nobody handled, a group without end, no test at all. */
  readonly problems: string[];
}

interface TestedPrograms {
  readonly passed: number;
  /** Problems of files among them. */
  readonly failed: number;
  readonly expectedFailures: number;
  readonly skipped: number;
  readonly files: readonly FileResult[];
}

interface TestOptions {
  /** What a program sees of the computer. */
  systemOf(file: string): System;
  makeRunner(file: string, system: System): { readonly lisp: Lisp; readonly runner: Lisp | CompiledLisp };
  /** After each program. */
  onFile(result: FileResult): void;
}

export async function testPrograms(
  programs: readonly { readonly file: string; readonly text: string }[],
  options: TestOptions,
): Promise<TestedPrograms> {
  const results: FileResult[] = [];
  for (const { file, text } of programs) {
    const result = await runTests(file, text, options);
    results.push(result);
    options.onFile(result);
  }
  const count = (...kinds: readonly Kind[]): number =>
    results.reduce((sum, { tests }) => sum + tests.filter(({ kind }) => kinds.includes(kind)).length, 0);
  const problems = results.reduce((sum, result) => sum + result.problems.length, 0);
  return {
    passed: count("pass"),
    failed: count("fail", "xpass") + problems,
    expectedFailures: count("xfail"),
    skipped: count("skip"),
    files: results,
  };
}

async function runTests(file: string, text: string, { systemOf, makeRunner }: TestOptions): Promise<FileResult> {
  const result: FileResult = { file, tests: [], problems: [] };
  const groups: string[] = [];
  const take = (line: ReportLine): void => {
    if (line.event === "begin") groups.push(line.name);
    else if (line.event === "end") groups.pop();
    else if (line.event === "badCount")
      result.problems.push(`${line.name}: ${line.announced} tests were announced, ${line.ran} ran`);
    else if (line.event === "badEnd") result.problems.push(`test-end names ${line.ended}, test-begin ${line.begun}`);
    else if (line.event === "test") {
      const { event: _, ...test } = line;
      result.tests.push(test);
    }
  };
  const own = systemOf(file);
  const { lisp, runner } = makeRunner(file, {
    ...own,
    environmentVariable: (name) => (name === REPORT_VARIABLE ? REPORT_PATH : own.environmentVariable(name)),
    openOutput: (path, options) => (path === REPORT_PATH ? lineSink(take) : own.openOutput(path, options)),
  });
  try {
    await runner.runProgramWaiting(text, file);
  } catch (error) {
    // A program may end itself by (exit) as it likes; its tests say how it went.
    if (!(error instanceof ExitRequest)) {
      const words = lisp.describe(error);
      if (words === null) throw error;
      result.problems.push(words);
    }
  } finally {
    lisp.flush();
  }
  if (result.problems.length === 0) {
    for (const name of groups) result.problems.push(`${name}: test-end is missing`);
    if (result.tests.length === 0) result.problems.push("no test was run");
  }
  return result;
}

/** The library flushes after each line; a line may still come in parts. */
function lineSink(take: (line: ReportLine) => void): ByteSink {
  let rest = "";
  return {
    write: (bytes) => {
      const lines = (rest + byteString(bytes)).split("\n");
      rest = lines.pop()!;
      for (const line of lines) take(JSON.parse(byteStringToUtf8(line)) as ReportLine);
    },
    flush: () => {},
    close: () => {},
  };
}
