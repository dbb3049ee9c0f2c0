/** Asks for a passphrase on the terminal, unseen. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readSync, writeSync } from "node:fs";

/** @returns null when there is no terminal, or nothing was typed */
export function promptPassphrase(prompt: string): Uint8Array | null {
  let terminal: number;
  try {
    terminal = openSync("/dev/tty", "r+");
  } catch {
    return null;
  }
  const echo = (on: boolean): void =>
    void spawnSync("stty", [on ? "echo" : "-echo"], { stdio: [terminal, "ignore", "ignore"] });
  try {
    writeSync(terminal, prompt);
    echo(false);
    const bytes = Buffer.alloc(4096);
    const count = readSync(terminal, bytes, 0, bytes.length, null);
    writeSync(terminal, "\n");
    const end = bytes.subarray(0, count).indexOf(10);
    const passphrase = bytes.subarray(0, end < 0 ? count : end);
    return passphrase.length === 0 ? null : passphrase;
  } finally {
    echo(true);
    closeSync(terminal);
  }
}
