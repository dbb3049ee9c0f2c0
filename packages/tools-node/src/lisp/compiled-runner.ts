/** Sessions whose programs are compiled, on Node; programs that were built before; how a program has ended. */
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { backtrace, CompiledLisp, ExitRequest, Lisp, type LibraryFinder } from "@stratos/lisp";
import { formatSize } from "@stratos/operation";
import { NodeFutureThreads } from "./future-threads.ts";
import { nodeSystem } from "./node-system.ts";

/** How a program has ended. */
export interface LispEnd {
  /** As it says by (exit); 1 after an error that it does not handle. */
  readonly status: number;
  /** That error, in words for people; null: there was none. */
  readonly failure: string | null;
  /** Of the collector, when it was asked for. */
  readonly report?: string;
}

/** A compiled program's heap: half of it may be in use at a time. */
const MEMORY_BYTES = 2 * 1024 ** 3;

/** Beside this file: as source, or as the bundler leaves it. */
const FUTURE_THREAD = new URL("./future-thread.ts", import.meta.url);

/** What a command line says of the heap. */
export interface HeapOptions {
  /** Bytes that may be in use. */
  readonly heap?: number;
  /** Bytes that are made between two collections. */
  readonly nursery?: number;
  /** Tells at the end what was collected, on standard error. */
  readonly gcReport?: boolean;
}

/** Of the memory only what is used is taken; a host that does not promise as much gives the usual half GiB. */
export function compiling(
  lisp: Lisp,
  image: Uint8Array | null,
  { heap, nursery, gcReport }: HeapOptions = {},
  futureThread = FUTURE_THREAD,
): CompiledLisp {
  const { seed, commandLine } = lisp.system;
  const options = {
    // A program that ends, ends its threads of futures, whatever they do.
    wasm: new NodeWasmEngine({ isInterruptible: true }),
    image,
    futures: seed === null ? new NodeFutureThreads(futureThread, { image, commandLine }) : null,
    ...(nursery === undefined ? {} : { usedNurseryBytes: nursery }),
    ...(gcReport === true ? { now: () => performance.now() } : {}),
  };
  if (heap !== undefined) return new CompiledLisp(lisp, { ...options, heapBytes: heap });
  try {
    return new CompiledLisp(lisp, { ...options, memoryBytes: MEMORY_BYTES });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return new CompiledLisp(lisp, options);
  }
}

/** Lines for people. */
export function gcReport({ engine }: CompiledLisp): string {
  const { minorCount, majorCount, markCount, oldBytes, pauses } = engine.statistics;
  const { count, totalMs, longestMs, oldBytesMax } = pauses!;
  return (
    `gc: ${minorCount} minor and ${majorCount} major collections, the old generation marked ${markCount} times\n` +
    `gc: ${totalMs.toFixed(1)} ms in ${count} pauses, the longest ${longestMs.toFixed(1)} ms\n` +
    `gc: old generation ${formatSize(oldBytes)}, at most ${formatSize(Math.max(oldBytes, oldBytesMax))}\n`
  );
}

/** Runs the program that an image holds. */
export async function runBuilt(
  image: Uint8Array,
  { file, args, findLibrary = () => null, allowJavascript = false, heap = {}, futureThread }: BuiltOptions,
): Promise<LispEnd> {
  const lisp = new Lisp({ system: nodeSystem([file, ...args], { allowJavascript }), findLibrary });
  const session = compiling(lisp, image, heap, futureThread);
  const end = await endOf(lisp, async () => {
    await session.runImageWaiting();
    return 0;
  });
  return heap.gcReport === true ? { ...end, report: gcReport(session) } : end;
}

interface BuiltOptions {
  /** As the program sees itself. */
  readonly file: string;
  readonly args: readonly string[];
  /** For what it evaluates. */
  readonly findLibrary?: LibraryFinder;
  readonly allowJavascript?: boolean;
  readonly heap?: HeapOptions;
  /** The script of threads in which futures run, which calls `serveFutures`; default: of the command line. */
  readonly futureThread?: URL;
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
