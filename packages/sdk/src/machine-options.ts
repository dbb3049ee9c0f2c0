/**
 * What is asked of a machine and its programs, as they can be had: how large a number may be, and what fits to what.
 * Names and types are looked at before, where callers give them (check-options.ts).
 */
import { MAX_HARTS } from "@stratos/abi";
import { MEMORY_BYTES_MAX } from "@stratos/machine";
import { MACHINE_MEMORY_MIN } from "@stratos/session";
import { type SandboxLimits, StratosError } from "./api.ts";
import { checkDuration } from "./check-options.ts";

const PAGE = 4096;
/** Room for the changes that a system makes by itself. */
const DISK_BYTES_MIN = 1 << 24;

/** @throws StratosError of kind option */
export function checkMachineOptions(options: {
  memoryBytes: number;
  freeBytes?: number | undefined;
  harts?: number | undefined;
  seed?: number | undefined;
  network?: string | undefined;
  net?: object | undefined;
  ports?: readonly unknown[] | undefined;
  limits?: SandboxLimits | undefined;
  timeoutMs?: number | null | undefined;
  onTimeout?: string | undefined;
}): void {
  const { memoryBytes, harts = 1, seed = 0, network = "none", ports = [], limits = {}, onTimeout = "stop" } = options;
  const most = options.freeBytes ?? MEMORY_BYTES_MAX;
  if (!(memoryBytes >= MACHINE_MEMORY_MIN && memoryBytes <= most && memoryBytes % PAGE === 0))
    throw wrong("memoryBytes", `a multiple of ${PAGE} from ${MACHINE_MEMORY_MIN} to ${most}`);
  if (!(Number.isInteger(harts) && harts >= 1 && harts <= MAX_HARTS)) throw wrong("harts", `1 to ${MAX_HARTS}`);
  if (!(Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff)) throw wrong("seed", "0 to 4294967295");
  if (network !== "none" && network !== "host") throw wrong("network", '"none" or "host"');
  if (options.net !== undefined && options.network !== undefined) throw wrong("net", "either this or network");
  const hasNetwork = network === "host" || options.net !== undefined;
  if (ports.length > 0 && !hasNetwork) throw wrong("ports", 'with them, network: "host" or net');
  const { processes = 16, diskBytes = memoryBytes, cpuMs = 1, outputBytes = 1 } = limits;
  if (!(processes >= 16)) throw wrong("limits.processes", "16 or more");
  if (!(diskBytes >= DISK_BYTES_MIN)) throw wrong("limits.diskBytes", `${DISK_BYTES_MIN} or more`);
  if (!(cpuMs > 0)) throw wrong("limits.cpuMs", "above 0");
  if (!(outputBytes > 0)) throw wrong("limits.outputBytes", "above 0");
  if (onTimeout !== "checkpoint" && onTimeout !== "stop") throw wrong("onTimeout", '"checkpoint" or "stop"');
  checkDuration("timeoutMs", options.timeoutMs ?? undefined);
}

/** A line is the shell's. @throws StratosError of kind option */
export function argvOf(command: string | readonly string[]): readonly string[] {
  const argv = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  if (argv.length === 0 || argv[0] === "") throw wrong("command", "a program");
  if (argv.some((word) => word.includes("\0"))) throw wrong("command", "text without NUL");
  return argv;
}

/** @param expected  completes "… is expected" */
export function wrong(option: string, expected: string): StratosError<"option"> {
  return new StratosError("option", `${option}: ${expected} is expected`, { option });
}
