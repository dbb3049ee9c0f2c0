/** Waiting for what other processes do. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** Far beyond what most things take on a quiet host, so that a busy one passes. */
const PATIENCE_SECONDS = 300;
const POLL_MS = 20;

/**
 * Looks again and again until it is so. What one waits for needs the processor, too: it has at least as long between
 * two looks as a look takes.
 *
 * @returns after how many milliseconds
 * @throws AssertionError that names it, after `seconds`
 */
export async function until(
  what: string,
  look: () => boolean | Promise<boolean>,
  seconds = PATIENCE_SECONDS,
): Promise<number> {
  const started = performance.now();
  for (;;) {
    const looked = performance.now();
    if (await look()) break;
    const ended = performance.now();
    if (ended > started + seconds * 1000) assert.fail(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, Math.max(POLL_MS, ended - looked)));
  }
  return performance.now() - started;
}

/** Waits until a process has ended, be it reaped or not. */
export async function untilGone(pid: number): Promise<void> {
  await until(`process ${pid} ends`, () => {
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
    for (const end = performance.now() + PATIENCE_SECONDS * 1000; !this.text.includes(part);) {
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
