/** What a machine's programs ask of its kernel, in words: calls with their arguments and structures, signals, ends. */
export { syscallLine, type TracedCaller } from "./syscall-line.ts";
export { memoryMark } from "./machine-marks.ts";
export { firstThreadDifference, type ThreadDifference, ThreadTrace } from "./thread-comparison.ts";
export { type Difference, TraceComparison, type TracedEvent } from "./trace-comparison.ts";
export { type CallCount, TraceWriter } from "./trace-writer.ts";
