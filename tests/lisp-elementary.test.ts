/**
 * Goal: exp, log, sin and their like of doubles give the same bits in the interpreter (and so in WebAssembly, which
 * asks it) and in native programs for each processor, with an error below one unit in the last place. Method: one
 * program writes results of seeded arguments, of each size and near the places where the functions are difficult; its
 * texts, which tell doubles exactly, are compared. The judge of the error is glibc's long double.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sampleCount } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import type { NativeTarget } from "@stratos/lisp";
import * as elementary from "../packages/lisp/src/number/elementary.ts";
import { runText } from "../packages/lisp/src/testing/run.ts";
import { EMULATORS } from "./support/emulators.ts";
import { nativeLisp } from "./support/native-lisp.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-elementary-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const random = new SeededRandom(1234);
const view = new DataView(new ArrayBuffer(8));
const unit = (): number => random.below(2 ** 30) / 2 ** 30 + random.below(2 ** 22) / 2 ** 52;
function anyDouble(): number {
  view.setUint32(0, random.below(2 ** 16) * 65536 + random.below(2 ** 16));
  view.setUint32(4, random.below(2 ** 16) * 65536 + random.below(2 ** 16));
  return view.getFloat64(0);
}
const SPECIAL = [
  0,
  -0,
  1,
  -1,
  0.5,
  2,
  1e-300,
  5e-324,
  1e300,
  709.78,
  -745.1,
  Infinity,
  -Infinity,
  NaN,
  1e22,
  2 ** 1023,
];
const arguments_ = (count: number): number[] => [
  ...SPECIAL,
  ...Array.from({ length: count }, () => anyDouble()),
  ...Array.from({ length: count }, () => unit() * 2 - 1),
  ...Array.from({ length: count }, () => unit() * 1400 - 700),
  ...Array.from({ length: count }, () => 1 + (unit() - 0.5) * 1e-3),
  ...Array.from({ length: count }, () => (random.below(1e6) * Math.PI) / 2),
];

const scheme = (x: number): string =>
  Object.is(x, -0)
    ? "-0.0"
    : x === Infinity
      ? "+inf.0"
      : x === -Infinity
        ? "-inf.0"
        : x !== x
          ? "+nan.0"
          : /[.e]/.test(String(x))
            ? String(x)
            : `${x}.0`;

test("the same bits in the interpreter and on each processor", () => {
  const xs = arguments_(sampleCount(20, 0.3));
  const pairs = Array.from({ length: sampleCount(80, 0.3) }, (_, i) => [
    i % 2 === 0 ? unit() * 20 : anyDouble(),
    i % 4 < 2 ? unit() * 60 - 30 : anyDouble(),
  ]);
  const exact = `0 1 -1 1/3 2/7 ${2n ** 1100n} 4 1/4 ${2n ** 140n}`;
  const all = [...pairs, ...SPECIAL.flatMap((x) => SPECIAL.map((y) => [x, y]))];
  const data = all.map((pair) => `(${pair.map((x) => scheme(x!)).join(" ")})`).join("\n");
  const text = `(import (scheme base) (scheme inexact) (scheme write))
(define (try f . l)
  (write (guard (e (#t 'none)) (let ((y (apply f l))) (if (and (real? y) (= y y)) y 'none))))
  (newline))
(for-each
  (lambda (f) (for-each (lambda (x) (try f x)) '(${xs.map(scheme).join(" ")} ${exact})))
  (list exp log sin cos tan asin acos atan sqrt))
(for-each
  (lambda (p)
    (for-each (lambda (f) (try f (car p) (cadr p))) (list expt atan log))
    (for-each (lambda (n) (try expt (car p) n) (try expt n (cadr p))) '(0 1 -1 3 -7 1/2 2/3 4 9/4 ${2n ** 70n})))
  '(${data}))
(for-each (lambda (p) (try expt (car p) (cadr p)) (try atan (car p) (cadr p)))
  '((2 10) (2/3 -5) (0 0) (0 5) (0 -1) (0 0.0) (0 2.5) (1 1/2) (4 1/2) (8 1/3) (-8 1/3) (9/4 3/2) (0 1) (1 1)
    (-1 -1)))
`;
  const { output: expected } = runText(text);
  const native = nativeLisp();
  const targets = (Object.keys(EMULATORS) as NativeTarget[]).filter((target) => {
    const words = EMULATORS[target];
    return words !== null && (words.length === 0 || spawnSync(words[0]!, ["--version"]).error === undefined);
  });
  const programs = native.buildNative(text, "elementary.scm", targets);
  for (const target of targets) {
    const file = join(folder, target);
    writeFileSync(file, programs[target], { mode: 0o755 });
    const [command, ...words] = [...EMULATORS[target]!, file];
    const { stdout, stderr } = spawnSync(command!, words, { encoding: "utf8", maxBuffer: 2 ** 26 });
    assert.equal(stderr, "", target);
    const [own, judge] = [stdout.split("\n"), expected.split("\n")];
    assert.equal(own.length, judge.length);
    for (const [line, result] of own.entries()) assert.equal(result, judge[line], `${target}, result ${line}`);
  }
});

const JUDGE = `
#include <math.h>
#include <stdio.h>
#include <string.h>
int main(void) {
  char name[16]; double x, y, result;
  while (scanf("%15s %la %la %la", name, &x, &y, &result) == 4) {
    long double t = !strcmp(name, "exp") ? expl(x) : !strcmp(name, "log") ? logl(x) : !strcmp(name, "sin") ? sinl(x)
      : !strcmp(name, "cos") ? cosl(x) : !strcmp(name, "tan") ? tanl(x) : !strcmp(name, "asin") ? asinl(x)
      : !strcmp(name, "acos") ? acosl(x) : !strcmp(name, "atan") ? atanl(x) : !strcmp(name, "power") ? powl(x, y)
      : atan2l(x, y);
    double nearest = (double)t;
    if (isnan(nearest) || isinf(nearest) || isinf(result) || isnan(result)) {
      if (isnan(nearest) != isnan(result) || (!isnan(nearest) && nearest != result && fabsl(t) < 1.797e308L))
        printf("%s %a %a: %a, not %La\\n", name, x, y, result, t);
      continue;
    }
    double ulp = nextafter(fabs(nearest), INFINITY) - fabs(nearest);
    if (fabsl(t - result) >= ulp * 0.75L) printf("%s %a %a: %a, not %La\\n", name, x, y, result, t);
  }
  return 0;
}`;

test("errors are below three quarters of a unit in the last place", (t) => {
  if (process.arch !== "x64" || spawnSync("gcc", ["--version"]).error !== undefined)
    return t.skip("a C compiler and long doubles of 64 bits judge");
  writeFileSync(join(folder, "judge.c"), JUDGE);
  const compiled = spawnSync("gcc", ["-O1", "-o", join(folder, "judge"), join(folder, "judge.c"), "-lm"]);
  assert.equal(compiled.status, 0, String(compiled.stderr));
  const hex = (x: number): string => {
    if (x !== x) return "nan";
    if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
    view.setFloat64(0, x);
    const [high, low] = [view.getUint32(0), view.getUint32(4)];
    const e = (high >>> 20) & 0x7ff;
    const digits = (BigInt(high & 0xfffff) << 32n) + BigInt(low);
    const [whole, power] = e === 0 ? [0, -1022] : [1, e - 1023];
    return `${high >>> 31 ? "-" : ""}0x${whole}.${digits.toString(16).padStart(13, "0")}p${power}`;
  };
  const lines: string[] = [];
  for (const name of ["exp", "log", "sin", "cos", "tan", "asin", "acos", "atan"] as const)
    for (const x of arguments_(1500)) lines.push(`${name} ${hex(x)} 0x0p0 ${hex(elementary[name](x))}`);
  for (let i = 0; i < 6000; i += 1) {
    const x = i % 2 === 0 ? unit() * 10 : Math.abs(anyDouble());
    const y = i % 4 < 2 ? unit() * 200 - 100 : ((unit() - 0.5) * 1400) / Math.log(x);
    lines.push(`power ${hex(x)} ${hex(y)} ${hex(elementary.power(x, y))}`);
    const [a, b] = i % 2 === 0 ? [unit() - 0.5, unit() - 0.5] : [anyDouble(), anyDouble()];
    lines.push(`atan2 ${hex(a)} ${hex(b)} ${hex(elementary.atan2(a, b))}`);
  }
  const { stdout } = spawnSync(join(folder, "judge"), [], {
    input: lines.join("\n"),
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  assert.equal(stdout.split("\n").slice(0, 10).join("\n"), "");
});
