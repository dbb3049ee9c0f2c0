/**
 * AstraLisp: Scheme (R7RS-small and more). Reads, expands and runs programs; knows nothing of the computer it runs on.
 */
export {
  char,
  Char,
  codesOf,
  Compnum,
  DEFAULT,
  EOF,
  Flonum,
  intern,
  itemsOf,
  list,
  MString,
  NIL,
  Pair,
  Ratnum,
  SchemeSymbol,
  textOf,
  Unique,
  UNSPECIFIED,
} from "./datum/datum.ts";
export type { Datum, Real } from "./datum/datum.ts";
export type { Clause, Core, Global, Unit, Variable } from "./core/core.ts";
export type { Source } from "./datum/source.ts";
export { Condition, SchemeError } from "./datum/condition.ts";
export { syntaxItems, syntaxToDatum } from "./expander/syntax.ts";
export type { Syntax } from "./expander/syntax.ts";
export { FEATURES, Lisp } from "./session.ts";
export { placeText, writeShown } from "./source-texts.ts";
export type { LispOptions } from "./session.ts";
export { CompiledLisp } from "./compiled-session.ts";
export type { ProofCounts } from "./middle/proved-tests.ts";
export { NATIVE_TARGETS } from "./back-native/platforms.ts";
export type { NativeTarget } from "./back-native/platforms.ts";
export { createEngine } from "./engine.ts";
export type { Engine } from "./engine.ts";
export type { EngineStatistics, EngineOptions } from "./engine-options.ts";
export { haveSameRuntime } from "./image/engine-image.ts";
export { HeapFullError } from "./heap/heap.ts";
export type { GcPauses } from "./heap/pause-clock.ts";
export type { FutureOutcome, FutureThreads, RunningFuture, RunningHeap } from "./heap/running-heap.ts";
export type { LibraryFinder } from "./library/library.ts";
export { closedSystem } from "./interpreter/system.ts";
export type { System } from "./interpreter/system.ts";
export type { ByteSink } from "./interpreter/ports.ts";
export { ExitRequest, UncaughtError } from "./interpreter/machine.ts";
export type { MachineLimits } from "./interpreter/machine.ts";
export { IncompleteError, readAll } from "./reader/reader.ts";
export { sourceTextOf } from "./interpreter/source-text.ts";
export { writeText } from "./reader/writer.ts";
export { documentPrograms } from "./programs/document-programs.ts";
export { type FileResult, testPrograms } from "./programs/test-programs.ts";
export { indentationOf } from "./repl/indentation.ts";
export { paintedText } from "./repl/documentation.ts";
export { backtrace, Repl } from "./repl/repl.ts";
export type { ReplResult } from "./repl/repl.ts";
