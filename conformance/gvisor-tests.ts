/** What googletest says of the tests of one program. */
import type { Outcome } from "./ltp-list.ts";

export interface TestResult {
  /** `PROGRAM:SUITE.TEST`; `PROGRAM:` is the program as a whole. */
  readonly name: string;
  readonly outcome: Outcome;
  readonly words: string;
}

const ENDS: ReadonlyMap<string, Outcome> = new Map([
  ["OK", "pass"],
  ["FAILED", "fail"],
  ["SKIPPED", "conf"],
]);

/** What was tested, without the place and the values: for the list. */
export function testedOf(words: string): string {
  return words
    .replace(/\S+: Failure ?/g, "")
    .replace(/^Value of: /, "")
    .replace(/,? ?(Expected|Actual|actual):.*$/, "");
}

/**
 * @param output  lines of its log, as guest/gvisor.sh leaves them
 * @param status  with which it ended, 124 and 137: its time was over
 * @returns one each for the tests that began; the one that ended the program is "slow" or "brok", and one for the
 *   program itself where it has not even begun one
 */
export function parseTests(program: string, output: string, status: number): TestResult[] {
  const results: TestResult[] = [];
  let running: string | null = null;
  let words: string[] = [];
  for (const line of output.split("\n")) {
    const [, mark, name] = /^\[ +(RUN|OK|FAILED|SKIPPED) +\] ([\w/]+\.[\w/]+)/.exec(line) ?? [];
    if (mark === undefined || name === undefined) {
      if (running !== null && line !== "") words.push(line.trim());
    } else if (mark === "RUN") {
      running = name;
      words = [];
    } else if (name === running) {
      results.push({ name: `${program}:${name}`, outcome: ENDS.get(mark)!, words: words.slice(0, 4).join(" ") });
      running = null;
    }
  }
  const isOver = status === 124 || status === 137;
  // Of one that ends the program by itself the status tells (fault_test).
  if (running !== null && status === 0) results.push({ name: `${program}:${running}`, outcome: "pass", words: "" });
  else if (running !== null || (results.length === 0 && status !== 0))
    results.push({ name: `${program}:${running ?? ""}`, outcome: isOver ? "slow" : "brok", words: words.join(" ") });
  return results;
}
