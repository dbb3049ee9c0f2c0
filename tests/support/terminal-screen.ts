/**
 * A person who looks at a terminal: a command on a pseudo-terminal of script(1), the screen as xterm.js would show it,
 * keys, and the window's size.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import xterm from "@xterm/headless";
import { until } from "./until.ts";

interface Size {
  readonly rows: number;
  readonly columns: number;
}

const PATIENCE_SECONDS = 120;
const SIZE: Size = { rows: 24, columns: 80 };

export class TerminalScreen {
  readonly #child: ChildProcess;
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  readonly #folder = mkdtempSync(join(tmpdir(), "stratos-terminal-"));
  readonly #ended: Promise<number>;
  /** All that was written. */
  #bytes = "";
  #hasEnded = false;

  /** @param around  shell commands before and after the one that is looked at, on the same terminal */
  constructor(
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
    { size = SIZE, after = "" }: { readonly size?: Size; readonly after?: string } = {},
  ) {
    const { rows, columns } = size;
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 1000 });
    const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const script =
      `tty > ${this.#folder}/tty; stty rows ${rows} columns ${columns}; ` +
      (after === "" ? `exec ${quoted}` : `${quoted}; status=$?; ${after}; exit $status`);
    this.#child = spawn("script", ["-qec", script, "/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, TERM: "xterm-256color", LC_ALL: "C.UTF-8", ...environment },
    });
    this.#child.stdin!.on("error", () => {});
    this.#child.stdout!.on("data", (bytes: Buffer) => {
      this.#bytes += bytes.toString("latin1");
      this.#terminal.write(bytes);
    });
    this.#ended = new Promise((resolve) =>
      this.#child.on("close", (code) => {
        this.#hasEnded = true;
        resolve(code ?? -1);
      }),
    );
  }

  /** What it shows, row by row, without the spaces at their ends. */
  get text(): string {
    const { buffer, rows } = this.#terminal;
    const lines = Array.from({ length: rows }, (_, row) =>
      buffer.active.getLine(buffer.active.viewportY + row)!.translateToString(true),
    );
    return lines.join("\n").trimEnd();
  }

  /** All bytes that were written, as latin1. */
  get written(): string {
    return this.#bytes;
  }

  get isAlternate(): boolean {
    return this.#terminal.buffer.active.type === "alternate";
  }

  /** Of a cell: whether it is in a colour of its own, or inverse. */
  look(row: number, column: number): { readonly hasColour: boolean; readonly isInverse: boolean } {
    const cell = this.#terminal.buffer.active.getLine(row)!.getCell(column)!;
    return { hasColour: !cell.isFgDefault() || !cell.isBgDefault(), isInverse: cell.isInverse() !== 0 };
  }

  type(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  /** As a window manager does it: the foreground group gets SIGWINCH. */
  resize({ rows, columns }: Size): void {
    this.#terminal.resize(columns, rows);
    const tty = readFileSync(join(this.#folder, "tty"), "utf8").trim();
    execFileSync("stty", ["-F", tty, "rows", String(rows), "columns", String(columns)]);
  }

  /** Waits until the screen shows it. */
  async shows(pattern: RegExp): Promise<string> {
    await until(
      `the screen shows ${String(pattern)}`,
      () => {
        if (pattern.test(this.text)) return true;
        assert.ok(!this.#hasEnded, `it ended before ${String(pattern)}; it showed:\n${this.text}`);
        return false;
      },
      PATIENCE_SECONDS,
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}; it shows:\n${this.text}`, { cause: error });
    });
    return this.text;
  }

  /** Presses keys once the screen shows something. */
  async press(keys: string, then: RegExp): Promise<string> {
    this.type(keys);
    return this.shows(then);
  }

  ended(): Promise<number> {
    return this.#ended;
  }

  /** Its process, once it runs. */
  pidOf(pattern: string): number {
    const tty = readFileSync(join(this.#folder, "tty"), "utf8").trim().replace("/dev/", "");
    const found = execFileSync("ps", ["-t", tty, "-o", "pid=,args="], { encoding: "utf8" });
    const line = found.split("\n").find((each) => each.includes(pattern) && !each.includes("sh -c"));
    assert.ok(line !== undefined, `${pattern} runs: ${found}`);
    return Number(line.trim().split(" ")[0]);
  }

  close(): void {
    this.#child.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
