/** The runtime, compiled once for the engines of all tests of a process: that takes longer than most programs. */
import { CompiledLisp } from "../compiled-session.ts";
import { ALL_PASSES, type Passes } from "../middle/simplify.ts";
import { makeLisp } from "./run.ts";
import { testWasmEngine } from "./wasm-engine.ts";

const images = new Map<string, Uint8Array>();

/** @returns an image for engines that compile by these passes; others make nothing of it */
export function runtimeImage(passes: Passes = ALL_PASSES): Uint8Array {
  const key = JSON.stringify(passes);
  const image =
    images.get(key) ?? new CompiledLisp(makeLisp().lisp, { wasm: testWasmEngine, passes }).engine.saveImage();
  images.set(key, image);
  return image;
}
