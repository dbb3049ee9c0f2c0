/**
 * Programs of AstraLisp that were compiled ahead (`stratos lisp build`), as one file:
 *
 *     #!/usr/bin/env -S stratos lisp
 *     ASTRAPRG · u32 sum of the rest (host-node) · image: runtime, program and their heap (lisp/src/image/)
 *
 * or, named `….mjs`, as a module that Node runs by itself: `dist/lisp-runtime.mjs` with that file in it.
 */
import { wordSum } from "@stratos/host-node/word-sum";
import { OperationError } from "@stratos/operation";

const FIRST_LINE = "#!/usr/bin/env -S stratos lisp\n";
const MAGIC = "ASTRAPRG";
const NEWLINE = 0x0a;

export function packProgram(image: Uint8Array): Uint8Array {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(wordSum(image));
  return Buffer.concat([Buffer.from(FIRST_LINE + MAGIC, "latin1"), sum, image]);
}

/**
 * @param name  the file, for the error
 * @returns the image; null: these bytes are no built program
 * @throws OperationError  damaged
 */
export function unpackProgram(bytes: Buffer, name: string): Uint8Array | null {
  const first = bytes.subarray(0, 256);
  const start = first.toString("latin1", 0, 2) === "#!" ? first.indexOf(NEWLINE) + 1 : 0;
  const end = start + MAGIC.length;
  if (bytes.toString("latin1", start, end) !== MAGIC) return null;
  const image = bytes.subarray(end + 4);
  if (bytes.length < end + 4 || bytes.readUInt32LE(end) !== wordSum(image))
    throw new OperationError("program", name, "is a damaged program; build it again from its source");
  return image;
}
