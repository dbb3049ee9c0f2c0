/**
 * A built program with its runtime, for Node without Stratos: the entry of `dist/lisp-runtime.mjs`, in which `stratos
 * lisp build -o OUT.mjs` puts the program's file, as base64, in the place of the text below.
 */
import { EXIT_BROKEN_PIPE } from "../broken-pipe.ts";
import { runBuilt, unpackProgram, WITH_JAVASCRIPT } from "@stratos/tools-node/lisp";
import { statusOfEnd } from "./ended.ts";

const PROGRAM = "@@ASTRALISP-PROGRAM@@";

const [, file = "program", ...args] = process.argv;
try {
  const allowJavascript = PROGRAM.startsWith(WITH_JAVASCRIPT);
  const text = PROGRAM.slice(allowJavascript ? WITH_JAVASCRIPT.length : 0);
  const image = unpackProgram(Buffer.from(text, "base64"), file);
  if (image === null) throw new Error(`${file}: is a damaged program; build it again from its source`);
  process.exit(statusOfEnd(await runBuilt(image, { file, args, allowJavascript })));
} catch (error) {
  if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(EXIT_BROKEN_PIPE);
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
