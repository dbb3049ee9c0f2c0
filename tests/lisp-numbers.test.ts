/**
 * Goal: numbers of each kind, data with labels and their texts are the same in the interpreter, compiled to WebAssembly
 * and in native programs for each processor, to the last bit. Method: two programs of the folder `lisp-programs`, whose
 * output is compared.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { CompiledLisp } from "@stratos/lisp";
import { makeLisp, runText } from "../packages/lisp/src/testing/run.ts";
import { runStatic } from "./abi/run-static.ts";
import { EMULATORS, MAIN_TARGETS } from "./support/emulators.ts";
import { nativeLisp } from "./support/native-lisp.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-numbers-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

for (const [name, define] of [
  ["numbers", test],
  ["labels", extendedTest],
] as const)
  define(`${name} are the same everywhere`, async () => {
    const text = readFileSync(new URL(`./lisp-programs/${name}.scm`, import.meta.url), "utf8");
    const { output, error } = runText(text);
    assert.equal(error, null);
    const lines = output.split("\n");
    const compare = (where: string, got: string): void => {
      const other = got.split("\n");
      const at = lines.findIndex((line, index) => line !== other[index]);
      assert.equal(other[at], lines[at], `${where}, line ${at + 1}`);
      assert.equal(other.length, lines.length, where);
    };
    const { lisp, output: compiled } = makeLisp();
    new CompiledLisp(lisp, { wasm: new NodeWasmEngine() }).runProgram(text, `${name}.scm`);
    compare("WebAssembly", compiled());
    const build = nativeLisp();
    const programs = build.buildNative(text, `${name}.scm`, MAIN_TARGETS);
    compare("rv64", (await runStatic(programs.rv64)).output);
    for (const target of MAIN_TARGETS.filter((other) => other !== "rv64")) {
      const emulator = EMULATORS[target];
      if (emulator === null) continue;
      const file = join(folder, target);
      writeFileSync(file, programs[target], { mode: 0o755 });
      const [program, ...options] = [...emulator, file];
      const { stdout, status } = spawnSync(program!, options, { encoding: "utf8", maxBuffer: 1 << 26 });
      assert.equal(status, 0, target);
      compare(target, stdout);
    }
  });
