/** Goal: regular expressions of astra's utilities match as POSIX says, and each match has a bound. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CompiledLisp } from "./compiled-session.ts";
import { makeLisp } from "./testing/run.ts";
import { findOwnLibrary } from "./testing/own-libraries.ts";
import { runtimeImage } from "./testing/runtime-image.ts";
import { testWasmEngine } from "./testing/wasm-engine.ts";

test("matches are the leftmost-longest ones, and none takes for ever", () => {
  const { lisp, output } = makeLisp({ findLibrary: findOwnLibrary });
  const runner = new CompiledLisp(lisp, { wasm: testWasmEngine, image: runtimeImage() });
  runner.runProgram(readFileSync(join(import.meta.dirname, "testing/regular.scm"), "utf8"), "regular.scm");
  assert.match(output(), /^[1-9]\d* passed, 0 failed\n$/);
});
