import { readFileSync } from "node:fs";
import { NodeWasmEngine } from "@stratos/host-node";
import { BareGuest } from "../bare-guest.ts";

/**
 * `node run-elf.ts [--interpret] [--hot N] [--stats] ELF [ARG…]`: runs a static riscv64 program on the processor alone.
 */
const args = process.argv.slice(2);
let translate = true;
let stats = false;
let hotThreshold = 200;
while (args[0]?.startsWith("--") === true) {
  const option = args.shift();
  if (option === "--interpret") translate = false;
  else if (option === "--stats") stats = true;
  else if (option === "--hot") hotThreshold = Number(args.shift());
}
const path = args[0];
if (path === undefined) throw new Error("which ELF?");
const guest = new BareGuest(readFileSync(path), {
  engine: new NodeWasmEngine(),
  translate,
  hotThreshold,
  argv: args,
  nowMs: () => performance.now(),
});
const start = performance.now();
const cpuBefore = process.threadCpuUsage();
guest.run();
const ms = performance.now() - start;
/** Of this thread alone: the host's optimiser works in others. */
const cpuMs = process.threadCpuUsage(cpuBefore).user / 1000;
process.stdout.write(guest.output);
if (guest.failure !== "") console.error(guest.failure);
const { instructions } = guest.processor.statistics;
if (stats) console.error({ ...guest.processor.statistics, ms, cpuMs, nsPerInstruction: (ms * 1e6) / instructions });
process.exitCode = guest.failure === "" ? guest.exitStatus : 125;
