/** Whose a folder of work is: a process of this start of the host, which may have been killed since. */
import { readFileSync, readlinkSync, statSync } from "node:fs";
import { isRunning, startOfProcess } from "@stratos/host-node/files";

/** Of work of another pid namespace nobody here can tell; after a day it is forgotten. */
const FORGOTTEN_MS = 24 * 3600 * 1000;

export function ownerText(): string {
  return `${process.pid} ${startOfProcess(process.pid) ?? ""} ${bootId()} ${pidNamespace()}\n`;
}

/** @param path  of the file that holds the owner's text */
export function isForgotten(path: string): boolean {
  let text: string, ageMs: number;
  try {
    text = readFileSync(path, "latin1");
    ageMs = Date.now() - statSync(path).mtimeMs;
  } catch {
    return true;
  }
  const [pid, started, boot, namespace] = text.trim().split(" ");
  if (boot !== bootId()) return true;
  if (namespace !== pidNamespace()) return ageMs > FORGOTTEN_MS;
  return !isRunning(Number(pid)) || (startOfProcess(Number(pid)) ?? "") !== started;
}

const bootId = (): string => readOr(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim());
const pidNamespace = (): string => readOr(() => readlinkSync("/proc/self/ns/pid"));

function readOr(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
