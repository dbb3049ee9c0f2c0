/**
 * What V8 is told in a process of Stratos' own: its flags hold for all code in the process, so one of somebody else's
 * is left as it is. Translated code bounds its own depth (packages/riscv, DEPTH_LIMIT) and its own time, so V8's check
 * of the stack at each WebAssembly call and loop is left away (2 to 4 % faster); and it says which of its branches are
 * hardly ever taken, so that V8 puts what they lead to out of the way (docs/decisions/0078-hinted-branches.md).
 *
 * On Node's command line these flags would cost more than that in a short run: Node brings its own modules compiled,
 * and V8 takes nothing that was made under other flags.
 */
import { ENGINE_FLAGS } from "./engine-flags.ts";

/** The releases that are known to have them; another would tell the user that it doesn't know them. */
const IS_KNOWN = process.versions.v8.startsWith("13.6.");

let isOwn = false;
let isSet = false;

/** Said by the program of each process that is ours, before it makes an engine. */
export function ownProcess(): void {
  isOwn = true;
}

/**
 * For engines, as late as they can: what is loaded of Node before has its compiled code.
 * @param isInterruptible  code that is compiled from here on looks whether its thread is to end, which V8 does with its
 *                         check of the stack
 */
export function setEngineFlags(isInterruptible = false): void {
  if (!isOwn || isSet || !IS_KNOWN) return;
  isSet = true;
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  for (const { engine } of ENGINE_FLAGS)
    if (!isInterruptible || engine !== "--no-wasm-stack-checks") setFlagsFromString(engine);
}

/** With these another process finds the machine code that this one keeps, and makes what this one finds. */
export function ownFlags(): string[] {
  return isOwn && IS_KNOWN ? ENGINE_FLAGS.map(({ engine }) => engine) : [];
}
