/**
 * Progress for people, on stderr: one line that is redrawn on a terminal; when piped, a plain line as each step begins, and then one for each tenth
 * of it or each ten seconds, so that logs stay short and nobody thinks that it hangs.
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
  /** Of plain lines: when the last one was written, and how many tenths it told of. */
  #lastLineMs = 0;
  #tenths = 0;
  /** Leaves the terminal as it was when a signal or a command ends the process. */
  readonly #clearAtEnd = (): void => this.clear();
  readonly #clearAtInterrupt = (): void => {
    this.clear();
    // Nobody else is there to end the process: it ends as it would have.
    if (process.listenerCount("SIGINT") === 0) process.kill(process.pid, "SIGINT");
  };

  constructor(output: ProgressOutput, nowMs: () => number = () => performance.now()) {
    this.#output = output;
    this.#nowMs = nowMs;
  }

  /** Says how far `step` is. `total` 0: unknown; `unit` "bytes" is shown as MB. `detail`: what it is at. */
  update(step: string, done: number, total: number, unit: "bytes" | "items" = "items", detail = ""): void {
    const isNew = step !== this.#step;
    this.#step = step;
    const now = this.#nowMs();
    if (this.#output.isTTY !== true) {
      this.#writeLine(step, isNew, now, done, total, unit, detail);
      return;
    }
    if (!isNew && now - this.#lastDrawMs < REDRAW_MS && done < total) return;
    this.#lastDrawMs = now;
    this.#setDrawn(true);
    const columns = Math.max(20, this.#output.columns ?? 80);
    this.#output.write(`\r${progressLine(step, done, total, unit, columns - 1, detail)}\u001b[K`);
  }

  #writeLine(step: string, isNew: boolean, now: number, done: number, total: number, unit: "bytes" | "items", detail: string): void {
    const tenths = total > 0 ? Math.floor((10 * Math.min(done, total)) / total) : 0;
    const waitedMs = now - this.#lastLineMs;
    if (!isNew && waitedMs < LINE_MS && (tenths <= this.#tenths || waitedMs < TENTH_MS)) return;
    this.#lastLineMs = now;
    this.#tenths = tenths;
    const amount = amountText(done, total, unit);
    const percent = total > 0 ? ` (${Math.floor((100 * Math.min(done, total)) / total)} %)` : "";
    this.#output.write(isNew ? `${step} …\n` : `${step}: ${amount}${percent}${detail === "" ? "" : `, ${printable(detail)}`}\n`);
  }

  #setDrawn(isDrawn: boolean): void {
    if (isDrawn === this.#isDrawn) return;
    this.#isDrawn = isDrawn;
    if (this.#output !== process.stderr) return;
    if (isDrawn) process.on("exit", this.#clearAtEnd).once("SIGINT", this.#clearAtInterrupt);
    else process.off("exit", this.#clearAtEnd).off("SIGINT", this.#clearAtInterrupt);
  }

  /** Prints a line above the bar, which may hold what others wrote. */
  note(line: string): void {
    this.clear();
    this.#output.write(`${printable(line)}\n`);
  }

  /** Takes the line away: all is done, or an error is to be printed. */
  clear(): void {
    if (this.#isDrawn) this.#output.write("\r\u001b[K");
    this.#setDrawn(false);
    this.#step = "";
  }
}

const REDRAW_MS = 80;
/** When piped, a line comes at least so often; and one for a tenth, when the last is so long ago. */
const LINE_MS = 10_000;
const TENTH_MS = 2000;

/** One line of at most `columns` characters. */
export function progressLine(step: string, done: number, total: number, unit: "bytes" | "items", columns: number, detail = ""): string {
  const amount = amountText(done, total, unit);
  const more = detail === "" ? "" : `, ${printable(detail)}`;
  const barColumns = Math.min(30, columns - step.length - amount.length - more.length - 5);
  if (total <= 0 || barColumns < 5) return `${step} ${amount}${more}`.trimEnd().slice(0, columns);
  const filled = Math.round((Math.min(done, total) / total) * barColumns);
  return `${step} [${"#".repeat(filled)}${".".repeat(barColumns - filled)}] ${amount}${more}`;
}

function amountText(done: number, total: number, unit: "bytes" | "items"): string {
  return total > 0 ? `${quantity(done, unit)} of ${quantity(total, unit)}${unit === "bytes" ? " MB" : ""}` : done > 0 ? `${quantity(done, unit)}${unit === "bytes" ? " MB" : ""}` : "";
}

function quantity(count: number, unit: "bytes" | "items"): string {
  return unit === "bytes" ? (count / 1e6).toFixed(1) : String(count);
}
