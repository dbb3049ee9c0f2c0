/**
 * A shell of this computer on a terminal of its own, where who serves has asked for that (`--host-shell`). The terminal
 * is made by script(1) of util-linux, as we have no native code that could: its first line tells the terminal's path,
 * by which stty(1) sets the size. It ends with who watches it.
 */
import { type ChildProcessByStdio, execFile, spawnSync, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { ownUser } from "@stratos/host-node/home";
import type { ProgramEnd, TerminalSize } from "@stratos/sdk/api";

/** Shells at once, of all pages. */
export const HOST_SHELLS_MAX = 8;
/** Bytes that a page was sent and has not shown; then the shell waits. */
const AHEAD_MAX = 1 << 20;
/** Bytes that were typed and that the shell has not taken; a page that sends more has lost it. */
const TYPED_MAX = 1 << 20;
/** Of the first line. */
const PATH_MAX = 256;
const TERMINAL_PATH = /^\/dev\/(?:pts\/)?\w+$/;

interface HostShellViewer {
  show(bytes: Uint8Array): unknown;
  /** So many bytes of what was typed are with the shell. */
  read(count: number): unknown;
  ended(how: Pick<ProgramEnd, "exitCode" | "signal">): unknown;
}

/** Null: this computer has what it takes. @returns words for people */
export function hostShellLack(): string | null {
  const { stdout, error } = spawnSync("script", ["--version"], { encoding: "utf8" });
  const isThere = error === undefined && /util-linux/.test(stdout);
  return isThere ? null : "needs script of util-linux, which makes its terminal";
}

/** Whose shells they are. */
export function hostShellUser(): string {
  return ownUser().name;
}

export class HostShell {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #viewer: HostShellViewer;
  #ahead = 0;
  #typedBytes = 0;
  /** What came before the terminal's path was whole; null: it is known. */
  #head: Buffer | null = Buffer.alloc(0);
  #path = "";
  /** Typed before it is: the terminal would show it before its path. */
  readonly #early: Uint8Array[] = [];
  #size: TerminalSize;
  #isOver = false;

  /** @param size  of its terminal at first */
  constructor(viewer: HostShellViewer, size: TerminalSize) {
    this.#viewer = viewer;
    this.#size = size;
    const { shell: program, home } = ownUser();
    const line = `stty rows ${size.rows} cols ${size.columns}; tty; exec "$STRATOS_SHELL" -l`;
    const env = { ...process.env, TERM: "xterm-256color", SHELL: "/bin/sh", STRATOS_SHELL: program };
    this.#child = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
      ...{ cwd: home, env },
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#child.stdin.on("error", () => {});
    this.#child.stdout.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#child.once("error", () => this.#end({ exitCode: 127, signal: null }));
    this.#child.once("close", (exitCode, signal) => this.#end({ exitCode: exitCode ?? 0, signal }));
  }

  #end(how: Pick<ProgramEnd, "exitCode" | "signal">): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#viewer.ended(how);
  }

  #take(bytes: Buffer): void {
    let shown = bytes;
    if (this.#head !== null) {
      const head = Buffer.concat([this.#head, bytes]);
      const end = head.indexOf("\n");
      if (end < 0 && head.length < PATH_MAX) return void (this.#head = head);
      const path = head.toString("latin1", 0, Math.max(0, end)).trim();
      this.#head = null;
      // What is no path is the shell's, or says why there is none.
      if (TERMINAL_PATH.test(path)) this.#path = path;
      shown = this.#path === "" ? head : head.subarray(end + 1);
      this.resize(this.#size);
      for (const typed of this.#early.splice(0)) this.#write(typed);
    }
    if (shown.length === 0) return;
    this.#ahead += shown.length;
    if (this.#ahead > AHEAD_MAX) this.#child.stdout.pause();
    this.#viewer.show(shown);
  }

  /** The page has shown so much. */
  taken(count: number): void {
    this.#ahead = Math.max(0, this.#ahead - count);
    if (this.#ahead <= AHEAD_MAX / 2) this.#child.stdout.resume();
  }

  type(bytes: Uint8Array): void {
    this.#typedBytes += bytes.length;
    if (this.#typedBytes > TYPED_MAX) this.close();
    else if (this.#head !== null) this.#early.push(bytes);
    else this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    this.#child.stdin.write(bytes, () => {
      this.#typedBytes -= bytes.length;
      this.#viewer.read(bytes.length);
    });
  }

  resize(size: TerminalSize): void {
    this.#size = size;
    if (this.#path === "" || this.#isOver) return;
    const words = ["-F", this.#path, "rows", String(size.rows), "cols", String(size.columns)];
    // One that has ended meanwhile has no size any more.
    execFile("stty", words, () => {});
  }

  /** Its terminal hangs up, as it goes with script, which keeps gentler signals to itself. */
  close(): void {
    this.#child.stdout.resume();
    this.#child.kill("SIGKILL");
  }
}
