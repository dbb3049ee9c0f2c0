/**
 * A built program with its runtime, for Node without Stratos: the entry of `dist/lisp-runtime.mjs`, in which `stratos
 * lisp build -o OUT.mjs` puts the program's file, as base64, in the place of the text below. It is the script of the
 * program's threads, too.
 */
import { isMainThread } from "node:worker_threads";
import { EXIT_BROKEN_PIPE } from "../broken-pipe.ts";
import { runBuilt, serveFutures, unpackProgram, WITH_JAVASCRIPT } from "@stratos/tools-node/lisp";
import { statusOfEnd } from "./ended.ts";

const PROGRAM = "@@ASTRALISP-PROGRAM@@";

/** @returns the exit status */
async function run(): Promise<number> {
  const [, file = "program", ...args] = process.argv;
  const allowJavascript = PROGRAM.startsWith(WITH_JAVASCRIPT);
  const text = PROGRAM.slice(allowJavascript ? WITH_JAVASCRIPT.length : 0);
  const image = unpackProgram(Buffer.from(text, "base64"), file);
  if (image === null) throw new Error(`${file}: is a damaged program; build it again from its source`);
  return statusOfEnd(await runBuilt(image, { file, args, allowJavascript, futureThread: new URL(import.meta.url) }));
}

if (isMainThread) {
  try {
    process.exit(await run());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(EXIT_BROKEN_PIPE);
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
} else serveFutures();
