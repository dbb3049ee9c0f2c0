/** Sessions whose programs are compiled, on Node; programs that were built before; how a program has ended. */
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { backtrace, CompiledLisp, ExitRequest, Lisp, type LibraryFinder } from "@stratos/lisp";
import { nodeSystem } from "./node-system.ts";

/** How a program has ended. */
export interface LispEnd {
  /** As it says by (exit); 1 after an error that it does not handle. */
  readonly status: number;
  /** That error, in words for people; null: there was none. */
  readonly failure: string | null;
}

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

/** Runs the program that an image holds. */
export async function runBuilt(
  image: Uint8Array,
  { file, args, findLibrary = () => null, allowJavascript = false }: BuiltOptions,
): Promise<LispEnd> {
  const lisp = new Lisp({ system: nodeSystem([file, ...args], { allowJavascript }), findLibrary });
  return await endOf(lisp, async () => {
    await compiling(lisp, image).runImageWaiting();
    return 0;
  });
}

interface BuiltOptions {
  /** As the program sees itself. */
  readonly file: string;
  readonly args: readonly string[];
  /** For what it evaluates. */
  readonly findLibrary?: LibraryFinder;
  readonly allowJavascript?: boolean;
}

/** Does `work`, in which programs run. @returns how they ended, by the status that they or `work` give */
export async function endOf(lisp: Lisp, work: () => number | Promise<number>): Promise<LispEnd> {
  try {
    return { status: await work(), failure: null };
  } catch (error) {
    if (error instanceof ExitRequest) return { status: error.status, failure: null };
    const words = lisp.describe(error);
    if (words === null) throw error;
    return { status: 1, failure: [words, ...backtrace(error)].join("\n") };
  } finally {
    lisp.flush();
  }
}
