/**
 * Goal: the SRFIs that are written in Scheme do what their documents say. Method: their examples as tests of SRFI 64
 * (testing/srfi/N.scm), on both engines. (Chibi's suites: `npm run conformance:lisp-r7rs -- --srfi all`.)
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { CompiledLisp } from "./compiled-session.ts";
import { findOwnLibrary } from "./testing/own-libraries.ts";
import { makeLisp } from "./testing/run.ts";
import { runtimeImage } from "./testing/runtime-image.ts";
import { testWasmEngine } from "./testing/wasm-engine.ts";

const suites = join(import.meta.dirname, "testing/srfi");

for (const name of readdirSync(suites)) {
  const text = readFileSync(join(suites, name), "utf8");
  for (const engine of ["interpreter", "wasm"]) {
    const isLong = name === "115.scm" && engine === "interpreter";
    (isLong ? extendedTest : test)(`SRFI ${name.slice(0, -4)} does what its document says (${engine})`, () => {
      const { lisp, output } = makeLisp({ findLibrary: findOwnLibrary });
      const runner = engine === "wasm" ? new CompiledLisp(lisp, { wasm: testWasmEngine, image: runtimeImage() }) : lisp;
      runner.runProgram(text, name);
      assert.match(output(), /^[1-9]\d* passed, 0 failed\n$/);
    });
  }
}
