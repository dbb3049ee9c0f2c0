/** Sessions whose programs are compiled, on Node; programs that were built before; what went wrong, in words. */
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { backtrace, CompiledLisp, ExitRequest, Lisp, type LibraryFinder } from "@stratos/lisp";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { nodeSystem } from "./node-system.ts";

/** A compiled program's heap: half of it may be in use at a time. */
const MEMORY_BYTES = 2 * 1024 ** 3;

/** Of the memory only what is used is taken; a host that does not promise as much gives the usual half GiB. */
export function compiling(lisp: Lisp, image: Uint8Array | null): CompiledLisp {
  const wasm = new NodeWasmEngine();
  try {
    return new CompiledLisp(lisp, { wasm, image, memoryBytes: MEMORY_BYTES });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return new CompiledLisp(lisp, { wasm, image });
  }
}

/** Runs the program that an image holds. @returns the exit status; what went wrong has been told */
export async function runBuilt(
  image: Uint8Array,
  { file, args, findLibrary = () => null }: BuiltOptions,
): Promise<number> {
  const lisp = new Lisp({ system: nodeSystem([file, ...args]), findLibrary });
  return await reporting(lisp, () => {
    compiling(lisp, image).runImage();
    return EXIT_SUCCESS;
  });
}

interface BuiltOptions {
  /** As the program sees itself. */
  readonly file: string;
  readonly args: readonly string[];
  /** For what it evaluates. */
  readonly findLibrary?: LibraryFinder;
}

/** Does `work`, whose failures in programs are told. @returns the exit status that the program or `work` gave */
export async function reporting(lisp: Lisp, work: () => number | Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ExitRequest) return error.status;
    lisp.flush();
    const words = lisp.describe(error);
    if (words === null) throw error;
    // Node's own streams take longer to come up than a short program to run.
    lisp.system.standardError.write(Buffer.from(`stratos: ${[words, ...backtrace(error)].join("\n")}\n`));
    return EXIT_FAILURE;
  } finally {
    lisp.flush();
  }
}
