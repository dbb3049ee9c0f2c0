/**
 * Goal: types of C are laid out, and values of them pass, as C's compilers have it on x86-64 and riscv64. Method:
 * random types and functions in C and in Lisp; both print what they see.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "@stratos/base";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { runText } from "../packages/lisp/src/testing/run.ts";
import { extendedTest } from "@stratos/base/testing";
import { C_HEAD, CaseMaker, LISP_HEAD, type CType } from "./support/foreign-cases.ts";
import { ForeignPrograms, ON_HOST, WITHOUT_HOST } from "./support/foreign-programs.ts";

const programs = new ForeignPrograms();
test.after(() => programs.remove());
const seed = Date.now() % 1_000_000;
const LISP_IMPORTS = "(import (scheme base) (scheme write) (stratos foreign) (stratos base))\n";

test("sizes, alignments and offsets are those of C's compilers", () => {
  const maker = new CaseMaker(new SeededRandom(seed), "t");
  while (maker.aggregates.length < 240) maker.struct(2, 7);
  const { c, lisp } = maker.declarations();
  const offsets = ({ parts }: CType, of: (index: number) => string): string =>
    parts.map((_, index) => of(index)).join(" ");
  const prints = maker.aggregates.map((type) => {
    const fields = offsets(type, (index) => `printf(" %zu", offsetof(${type.c}, f${index}));`);
    return `printf("%zu %zu", sizeof(${type.c}), _Alignof(${type.c})); ${fields} puts("");`;
  });
  const shows = maker.aggregates.map((type) => {
    const fields = offsets(type, (index) => `(foreign-offsetof ${type.lisp} 'f${index})`);
    return `(show (foreign-sizeof ${type.lisp}) (foreign-alignof ${type.lisp}) ${fields})`;
  });
  const source = join(programs.folder, "layout.c");
  const program = join(programs.folder, "layout");
  writeFileSync(source, `${C_HEAD}\n${c}\nint main(void) {\n${prints.join("\n")}\nreturn 0; }\n`);
  const show = "(define (show x . l) (display x) (for-each (lambda (x) (display ' ) (display x)) l) (newline))";
  const { output, error } = runText(`${LISP_IMPORTS}${show.replace("' ", '" "')}\n${lisp}\n${shows.join("\n")}`, {
    findLibrary: folderFinder([ownLibraryFolder()]),
  });
  assert.equal(error, null);
  assert.ok(output.split("\n").length > 240);
  if (ON_HOST) {
    execFileSync("gcc", ["-w", "-o", program, source]);
    assert.equal(output, execFileSync(program, { encoding: "utf8" }), `seed ${seed}`);
  }
  execFileSync("riscv64-linux-gnu-gcc", ["-w", "-static", "-o", program, source]);
  assert.equal(output, execFileSync("qemu-riscv64-static", [program], { encoding: "utf8" }), `seed ${seed}`);
});

const FUNCTIONS = 30;
const CALLBACKS = 16;
const VARIADIC = 10;

/** A library in C, the program in Lisp that calls it, and what that must print. */
function makeCases(): { readonly source: string; readonly program: string; readonly expected: string } {
  const maker = new CaseMaker(new SeededRandom(seed + 1), "s");
  const c: string[] = [];
  const lisp: string[] = [];
  const expected: string[] = [];
  const anyType = (): CType => (maker.below(3) === 0 ? maker.scalar() : maker.struct(1, 1 + maker.below(5)));
  const many = (count: number): CType[] => Array.from({ length: count }, anyType);
  for (let index = 0; index < FUNCTIONS + CALLBACKS; index++) {
    const types = many(maker.below(9));
    const result = maker.below(8) === 0 ? null : anyType();
    const parameters = types.map((type, at) => `${type.c} a${at}`).join(", ") || "void";
    const resultC = result?.c ?? "void";
    const resultLisp = result?.lisp ?? "void";
    const values = types.map((type, at) => maker.filled(type, `a${at}`));
    const shows = types.map((type, at) => maker.shown(type, `a${at}`));
    const own = result === null ? null : maker.filled(result, "r");
    const shownResult = result === null ? null : maker.shown(result, "r");
    const body = own === null ? "" : `${resultC} r; ${own.c}`;
    const names = types.map(({ lisp: name }) => name).join(" ");
    const line = [...values.flatMap(({ texts }) => texts), "|", ...(own?.texts ?? [])].join(" ");
    expected.push(`${index}: ${line}`);
    if (index < FUNCTIONS) {
      const give = own === null ? "" : "return r;";
      c.push(`${resultC} case${index}(${parameters}) { begin(); ${shows.map((s) => s.c).join(" ")} ${body} ${give} }`);
      lisp.push(
        `(let ((r ((foreign-procedure lib "case${index}" (${names}) ${resultLisp}) ` +
          `${values.map((value) => value.lisp).join("\n")})))
          (display "${index}: ") (display (foreign->string out)) (display "| ") ${shownResult?.lisp ?? ""} (newline))`,
      );
      continue;
    }
    const locals = types.map((type, at) => `${type.c} a${at}; ${values[at]!.c}`).join(" ");
    const call = `f(${types.map((_, at) => `a${at}`).join(", ")});`;
    const receive = shownResult === null ? call : `${resultC} r = ${call} ${shownResult.c}`;
    c.push(`void case${index}(${resultC} (*f)(${parameters})) { begin(); ${locals} ${receive} }`);
    lisp.push(
      `(display "${index}: ")
       ((foreign-procedure lib "case${index}" ((callback (${names}) ${resultLisp})) void)
        (lambda (${types.map((_, at) => `a${at}`).join(" ")})
          ${shows.map((s) => s.lisp).join(" ")} (display "| ") ${own?.lisp ?? ""}))
       (display (foreign->string out)) (newline)`,
    );
  }
  for (let index = 0; index < VARIADIC; index++) {
    const fixed = many(1 + maker.below(3));
    const more = many(maker.below(9)).map((type) => (type.kind === "union" ? maker.scalar() : type));
    const values = [...fixed, ...more].map((type, at) => maker.filled(type, `a${at}`));
    const shows = [...fixed, ...more].map((type, at) => maker.shown(type, `a${at}`));
    // What variadic arguments become: C17 §6.5.2.2.
    const promoted = (type: CType): string =>
      type.c === "float" ? "double" : /char|short|_Bool/.test(type.c) && type.kind === "scalar" ? "int" : type.c;
    const takes = more.map((type, at) => `${type.c} a${fixed.length + at} = va_arg(l, ${promoted(type)});`);
    c.push(
      `void many${index}(${fixed.map((type, at) => `${type.c} a${at}`).join(", ")}, ...) { va_list l; begin(); ` +
        `va_start(l, a${fixed.length - 1}); ${takes.join(" ")} ${shows.map((s) => s.c).join(" ")} va_end(l); }`,
    );
    const names = (types: readonly CType[]): string => types.map(({ lisp: name }) => name).join(" ");
    lisp.push(
      `((foreign-procedure lib "many${index}" (${names(fixed)} ... ${names(more)}) void) ` +
        `${values.map((value) => value.lisp).join("\n")})
       (display (foreign->string out)) (newline)`,
    );
    expected.push(values.flatMap(({ texts }) => texts).join(" "));
  }
  const declarations = maker.declarations();
  return {
    source: `${C_HEAD}\n${declarations.c}\n${c.join("\n")}\n`,
    program: `${LISP_IMPORTS}${LISP_HEAD}\n${declarations.lisp}
      (define lib (foreign-open LIBRARY)) (define out (foreign-symbol lib "out"))\n${lisp.join("\n")}`,
    expected: expected.join("\n"),
  };
}

const plain = (text: string): string => text.replace(/ +/g, " ").replace(/ $/gm, "").trim();

extendedTest("arguments, results, callbacks and variadic calls by value on x86-64", { skip: WITHOUT_HOST }, () => {
  const { source, program, expected } = makeCases();
  const library = programs.library(source, "gcc");
  const built = programs.build(program.replace("LIBRARY", JSON.stringify(library)), ["x86_64"]);
  const { output } = programs.onHost(built.x86_64);
  assert.deepEqual(plain(output).split("\n"), plain(expected).split("\n"), `seed ${seed}`);
});

extendedTest("the same on the machine", async () => {
  const { source, program, expected } = makeCases();
  const library = programs.library(source, "riscv64-linux-gnu-gcc");
  const built = programs.build(program.replace("LIBRARY", '"/lib/cases.so"'), ["rv64"]);
  const { output } = await programs.onMachine(built.rv64, { "lib/cases.so": readFileSync(library) });
  assert.deepEqual(plain(output).split("\n"), plain(expected).split("\n"), `seed ${seed}`);
});
