/**
 * The terminal of this process: its second screen, its keys, one by one, and its size. It is left as it was found,
 * however the process ends but by SIGKILL.
 */
import { writeSync } from "node:fs";
import { constants } from "node:os";
import { emitKeypressEvents } from "node:readline";
import { type Key, keysOf } from "./key.ts";
import type { Size } from "./screen.ts";

/** Alternate screen, no cursor, no wrapping at the right edge, pasted text is told from keys. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h";
const LEAVE = "\x1b[?2004l\x1b[?7h\x1b[0m\x1b[?25h\x1b[?1049l";
/** A lone Escape is told from the beginning of a sequence by what follows within that time; a slow line needs it. */
const ESCAPE_MS = 60;
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Of the shell's convention: 128 and the signal's number. */
const SIGNAL_BASE = 128;

interface TerminalEvents {
  readonly onKey: (key: Key) => void;
  readonly onResize: () => void;
  /** It was given back, after it had been stopped or lent: what it shows is unknown. */
  readonly onReturn: () => void;
  /** Its end is asked for by a signal. */
  readonly onEnd: (status: number) => void;
}

/** @returns why there is no terminal to show anything on; null: there is */
export function terminalLack(): string | null {
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true)
    return "needs a terminal; standard input or standard output is none";
  if (process.env["TERM"] === "dumb") return "needs a terminal that can move its cursor; TERM is dumb";
  return null;
}

export class Terminal {
  readonly #events: TerminalEvents;
  #isEntered = false;
  readonly #leave = (): void => this.#exit();
  readonly #signals: (readonly [NodeJS.Signals, () => void])[];
  readonly #onKeypress: (text: string | undefined, key: Parameters<typeof keysOf>[1]) => void;

  constructor(events: TerminalEvents) {
    this.#events = events;
    this.#signals = ENDING.map((name) => [name, () => events.onEnd(SIGNAL_BASE + constants.signals[name])] as const);
    this.#onKeypress = (text, key) => {
      for (const pressed of keysOf(text, key)) {
        if (pressed.name === "ctrl-z") this.stop();
        else events.onKey(pressed);
      }
    };
  }

  get size(): Size {
    return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
  }

  open(): void {
    emitKeypressEvents(process.stdin, { escapeCodeTimeout: ESCAPE_MS } as never);
    for (const [name, handler] of this.#signals) process.on(name, handler);
    process.on("SIGCONT", this.#onContinue);
    process.on("exit", this.#leave);
    // Before Node tells of the defect, which else the second screen would take with it.
    process.on("uncaughtExceptionMonitor", this.#leave);
    process.stdout.on("resize", this.#events.onResize);
    process.stdin.on("keypress", this.#onKeypress);
    this.#enter();
  }

  close(): void {
    this.#exit();
    for (const [name, handler] of this.#signals) process.off(name, handler);
    process.off("SIGCONT", this.#onContinue);
    process.off("exit", this.#leave);
    process.off("uncaughtExceptionMonitor", this.#leave);
    process.stdout.off("resize", this.#events.onResize);
    process.stdin.off("keypress", this.#onKeypress);
    process.stdin.pause();
  }

  write(text: string): void {
    if (this.#isEntered) process.stdout.write(text);
  }

  /** Lends the terminal, as it was found, to another program of this process's group. */
  async lend(work: () => Promise<void>): Promise<void> {
    this.#exit();
    process.stdin.pause();
    process.stdin.off("keypress", this.#onKeypress);
    try {
      await work();
    } finally {
      process.stdin.on("keypress", this.#onKeypress);
      this.#enter();
      this.#events.onReturn();
    }
  }

  /** As a shell's job: it goes on with SIGCONT. */
  stop(): void {
    this.#exit();
    process.kill(0, "SIGTSTP");
  }

  readonly #onContinue = (): void => {
    if (this.#isEntered) return;
    this.#enter();
    this.#events.onReturn();
  };

  #enter(): void {
    process.stdin.setRawMode(true);
    process.stdin.resume();
    this.#isEntered = true;
    process.stdout.write(ENTER);
  }

  #exit(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    try {
      // Whatever ends us now, this is written.
      writeSync(process.stdout.fd, LEAVE);
      process.stdin.setRawMode(false);
    } catch {
      // The terminal has gone, and we with it.
    }
  }
}
