/** Waiting for what other processes do. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** Far beyond what anything takes here on a quiet host, so that a busy one passes. */
const PATIENCE_MS = 120_000;

/** Looks again and again until there is something. @throws AssertionError that names it */
export async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !(await look());) {
    if (performance.now() > end) assert.fail(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until a process has ended, be it reaped or not. */
export function untilGone(pid: number): Promise<void> {
  return until(`process ${pid} ends`, () => {
    try {
      return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
    } catch {
      return true;
    }
  });
}

/** Text that a stream has given so far. */
export class Heard {
  text = "";
  #changed: () => void = () => {};

  constructor(stream: NodeJS.ReadableStream) {
    stream.on("data", (bytes: Buffer) => {
      this.text += bytes.toString("latin1");
      this.#changed();
    });
  }

  /** @throws AssertionError with what was heard instead */
  async includes(part: string): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; !this.text.includes(part);) {
      const left = end - performance.now();
      if (left <= 0) assert.fail(`no ${JSON.stringify(part)} in ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
