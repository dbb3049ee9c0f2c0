/**
 * Random expressions, evaluated here, by Guile and by Chez Scheme:
 *
 *     npm run conformance:lisp-peers -- [--seed N] [--count N] [--record]
 *
 * An expression counts as failed when both peers agree with each other and not with us; where they differ from each
 * other, nothing is counted. `--record` keeps the answers of the first ones for the test without peers. The last line
 * is `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { closedSystem, Lisp } from "@stratos/lisp";
import { programOf, randomExpression } from "../packages/lisp/src/testing/random-program.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "2000" },
    record: { type: "boolean" },
  },
});
const BATCH = 500;
const RECORDED = 300;
const RECORD = join(import.meta.dirname, "../packages/lisp/src/testing/peer-answers.json");
const random = new SeededRandom(Number(values.seed));
const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-"));
let passed = 0,
  failed = 0,
  open = 0;
const recorded: [expression: string, answer: string][] = [];
for (let left = Number(values.count); left > 0; left -= BATCH) {
  const expressions = Array.from({ length: Math.min(BATCH, left) }, () => randomExpression(random));
  const program = programOf(expressions);
  const mine = ours(program),
    guile = peer(
      "guile",
      ["--no-auto-compile"],
      "(use-modules (srfi srfi-34) (srfi srfi-11) (rnrs base))\n(define exact inexact->exact) (define inexact " +
        `exact->inexact)\n${program}`,
    ),
    chez = peer("chezscheme", ["--script"], program);
  for (const [index, expression] of expressions.entries()) {
    const [a, b, c] = [mine[index], guile[index], chez[index]];
    if (b !== c) {
      open++;
      continue;
    }
    if (recorded.length < RECORDED && c !== "err") recorded.push([expression, `${c}`]);
    if (a === b) passed++;
    else {
      failed++;
      console.log(`FAILED ${expression}\n  ours  ${a}\n  peers ${b}`);
    }
  }
}
rmSync(folder, { recursive: true });
if (values.record) writeFileSync(RECORD, `${JSON.stringify(recorded, null, 1)}\n`);
console.log(`seed ${values.seed}; the peers differ from each other on ${open}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function ours(program: string): string[] {
  const parts: string[] = [];
  const lisp = new Lisp({
    system: closedSystem({
      standardOutput: {
        write: (bytes) => void parts.push(Buffer.from(bytes).toString()),
        flush: () => {},
        close: () => {},
      },
    }),
  });
  lisp.runProgram(program, "random.scm");
  return parts.join("").split("\n");
}

function peer(command: string, args: readonly string[], program: string): string[] {
  const file = join(folder, `${command}.scm`);
  writeFileSync(file, program);
  const { stdout, error } = spawnSync(command, [...args, file], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: 300_000,
  });
  if (error !== undefined) throw new Error(`${command}: ${error.message} (apt-get install guile-3.0 chezscheme)`);
  return stdout.split("\n");
}
