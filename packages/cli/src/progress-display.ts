/**
 * Progress for people, on stderr: one line that is redrawn on a terminal, with its part of a hundred and, of bytes, the
 * rate; when piped, one plain line as each step begins, and one for each tenth or each ten seconds while a long one
 * lasts, so that logs stay short and nobody thinks that all has stopped.
 */
import { printable } from "@stratos/base";

/** What the display needs of a stream. */
interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export class ProgressDisplay {
  readonly #output: ProgressOutput;
  readonly #nowMs: () => number;
  /** Those under way, the last ones to be told of last: several may take turns. Bound: STEPS_MAX. */
  readonly #steps = new Map<string, Step>();
  #lastDrawMs = -Infinity;
  #isDrawn = false;
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
    const now = this.#nowMs();
    const known = this.#steps.get(step);
    // Of the same name, and begun anew.
    const isNew = known === undefined || done < known.done;
    const at = isNew ? { begunMs: now, begunDone: done, done, toldMs: now, tenths: 0 } : known;
    at.done = done;
    this.#steps.delete(step);
    this.#steps.set(step, at);
    if (this.#steps.size > STEPS_MAX) this.#steps.delete(this.#steps.keys().next().value!);
    const rate =
      unit === "bytes" && now - at.begunMs >= RATE_AFTER_MS ? (done - at.begunDone) / ((now - at.begunMs) / 1000) : 0;
    if (this.#output.isTTY !== true) {
      const tenths = total > 0 ? Math.floor((10 * Math.min(done, total)) / total) : 0;
      const waitedMs = now - at.toldMs;
      if (isNew) this.#output.write(`${step} …\n`);
      else if (waitedMs >= PLAIN_LINE_MS || (tenths > at.tenths && waitedMs >= PLAIN_TENTH_MS))
        this.#output.write(
          `${progressLine(step, done, total, unit, PLAIN_COLUMNS, { rate, hasBar: false, detail })}\n`,
        );
      else return;
      at.toldMs = now;
      at.tenths = tenths;
      return;
    }
    if (!isNew && now - this.#lastDrawMs < REDRAW_MS && done < total) return;
    this.#lastDrawMs = now;
    this.#setDrawn(true);
    const columns = Math.max(20, this.#output.columns ?? 80);
    this.#output.write(`\r${progressLine(step, done, total, unit, columns - 1, { rate, detail })}\u001b[K`);
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
    this.#takeAway();
    this.#output.write(`${printable(line)}\n`);
  }

  /** Takes the line away: all is done, or an error is to be printed. */
  clear(): void {
    this.#takeAway();
    this.#steps.clear();
  }

  #takeAway(): void {
    if (this.#isDrawn) this.#output.write("\r\u001b[K");
    this.#setDrawn(false);
  }
}

interface Step {
  readonly begunMs: number;
  /** How much was done then. */
  readonly begunDone: number;
  done: number;
  /** Of plain lines: when the last one was written, and how many tenths it told of. */
  toldMs: number;
  tenths: number;
}

const STEPS_MAX = 64;

const REDRAW_MS = 80;
/** Between the lines of one step that are written where nothing can be redrawn. */
const PLAIN_LINE_MS = 10_000;
/** The same for a line that tells of a further tenth. */
const PLAIN_TENTH_MS = 2000;
const PLAIN_COLUMNS = 200;
/** Before, a rate says little. */
const RATE_AFTER_MS = 1000;

/**
 * One line of at most `columns` characters.
 *
 * @param more  `rate` in bytes a second; 0: not known. `detail`: what it is at
 */
export function progressLine(
  step: string,
  done: number,
  total: number,
  unit: "bytes" | "items",
  columns: number,
  { rate = 0, hasBar = true, detail = "" }: { rate?: number; hasBar?: boolean; detail?: string } = {},
): string {
  const speed = rate > 0 ? `, ${(rate / 1e6).toFixed(1)} MB/s` : "";
  const at = detail === "" ? "" : `, ${printable(detail)}`;
  const count =
    total > 0
      ? `${Math.floor((Math.min(done, total) / total) * 100)} %, ${quantity(done, unit)} of ${quantity(total, unit)}`
      : done > 0
        ? quantity(done, unit)
        : "";
  const amount = count === "" ? at.slice(2) : `${count}${unit === "bytes" ? ` MB${speed}` : ""}${at}`;
  const barColumns = Math.min(30, columns - step.length - amount.length - 5);
  if (!hasBar) return `${step}: ${amount}`.slice(0, columns);
  if (total <= 0 || barColumns < 5) return `${step} ${amount}`.trimEnd().slice(0, columns);
  const filled = Math.round((Math.min(done, total) / total) * barColumns);
  return `${step} [${"#".repeat(filled)}${".".repeat(barColumns - filled)}] ${amount}`;
}

function quantity(count: number, unit: "bytes" | "items"): string {
  return unit === "bytes" ? (count / 1e6).toFixed(1) : String(count);
}
