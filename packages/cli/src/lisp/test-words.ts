/** What `stratos lisp test` says of a program. */
import type { FileResult } from "@stratos/lisp";

export function failuresText({ file, tests, problems }: FileResult): string {
  const lines: string[] = [];
  for (const test of tests) {
    if (test.kind !== "fail" && test.kind !== "xpass") continue;
    const name = [...test.group, ...(test.name === "" ? [] : [test.name])].join(": ");
    const place = `${test.file ?? file}${test.line === undefined ? "" : `:${test.line}`}`;
    lines.push(`${place}: ${name}${test.kind === "xpass" ? " passed, though it was expected to fail" : " failed"}`);
    const rows: readonly (readonly [string, string | undefined])[] = [
      ["form:          ", test.form],
      ["expected:      ", test.expected],
      ["expected error:", test.expectedError],
      ["actual:        ", test.actual],
      ["error:         ", test.error],
    ];
    for (const [title, value] of rows) if (value !== undefined) lines.push(`  ${title} ${value}`);
  }
  for (const problem of problems) lines.push(problem.startsWith(`${file}:`) ? problem : `${file}: ${problem}`);
  return lines.map((line) => `${line}\n`).join("");
}
