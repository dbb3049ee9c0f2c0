/**
 * Progress for people, on stderr: one line that is redrawn on a terminal; when piped, one plain line as each step begins, so
 * that logs stay short.
 */
import { printable } from "@stratos/base";

/** What the display needs of a stream. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export class ProgressDisplay {
  readonly #output: ProgressOutput;
  readonly #nowMs: () => number;
  #step = "";
  #lastDrawMs = -Infinity;
  #isDrawn = false;

  constructor(output: ProgressOutput, nowMs: () => number = () => performance.now()) {
    this.#output = output;
    this.#nowMs = nowMs;
  }

  /** Says how far `step` is. `total` 0: unknown; `unit` "bytes" is shown as MB. */
  update(step: string, done: number, total: number, unit: "bytes" | "items" = "items"): void {
    const isNew = step !== this.#step;
    this.#step = step;
    if (this.#output.isTTY !== true) {
      if (isNew) this.#output.write(`${step} …\n`);
      return;
    }
    const now = this.#nowMs();
    if (!isNew && now - this.#lastDrawMs < REDRAW_MS && done < total) return;
    this.#lastDrawMs = now;
    this.#isDrawn = true;
    const columns = Math.max(20, this.#output.columns ?? 80);
    this.#output.write(`\r${progressLine(step, done, total, unit, columns - 1)}\u001b[K`);
  }

  /** Prints a line above the bar, which may hold what others wrote. */
  note(line: string): void {
    this.clear();
    this.#output.write(`${printable(line)}\n`);
  }

  /** Takes the line away: all is done, or an error is to be printed. */
  clear(): void {
    if (this.#isDrawn) this.#output.write("\r\u001b[K");
    this.#isDrawn = false;
    this.#step = "";
  }
}

const REDRAW_MS = 80;

/** One line of at most `columns` characters. */
export function progressLine(step: string, done: number, total: number, unit: "bytes" | "items", columns: number): string {
  const amount = total > 0 ? `${quantity(done, unit)} of ${quantity(total, unit)}${unit === "bytes" ? " MB" : ""}` : done > 0 ? `${quantity(done, unit)}${unit === "bytes" ? " MB" : ""}` : "";
  const barColumns = Math.min(30, columns - step.length - amount.length - 5);
  if (total <= 0 || barColumns < 5) return `${step} ${amount}`.trimEnd().slice(0, columns);
  const filled = Math.round((Math.min(done, total) / total) * barColumns);
  return `${step} [${"#".repeat(filled)}${".".repeat(barColumns - filled)}] ${amount}`;
}

function quantity(count: number, unit: "bytes" | "items"): string {
  return unit === "bytes" ? (count / 1e6).toFixed(1) : String(count);
}
