/**
 * What V8 is told in a process of Stratos' own: its flags hold for all code in the process, so one of somebody else's
 * is left as it is.
 *
 * V8's check of the stack at each WebAssembly call and loop is left away: translated code bounds its own depth
 * (packages/riscv, DEPTH_LIMIT) and its own time, and runs 2 to 4 % faster without. On Node's command line the flag
 * would cost more than that in a short run: Node brings its own modules compiled, and V8 takes nothing that was made
 * under other flags.
 */
const FLAG = "no-wasm-stack-checks";
/** The releases that are known to have it; another would tell the user that it doesn't know it. */
const IS_KNOWN = process.versions.v8.startsWith("13.6.");

let isOwn = false;
let isSet = false;

/** Said by the program of each process that is ours, before it makes an engine. */
export function ownProcess(): void {
  isOwn = true;
}

/** For engines, as late as they can: what is loaded of Node before has its compiled code. */
export function leaveStackChecks(): void {
  if (!isOwn || isSet || !IS_KNOWN) return;
  isSet = true;
  process.getBuiltinModule("node:v8").setFlagsFromString(`--${FLAG}`);
}

/** With these another process finds the machine code that this one keeps, and makes what this one finds. */
export function ownFlags(): string[] {
  return isOwn && IS_KNOWN ? [`--${FLAG}`] : [];
}
