/**
 * Programs that a desktop has started. They are the server's, not the page's: who loads it again has the same
 * terminals.
 */
import { concatBytes, fromBase64, toBase64 } from "@stratos/base";
import { ControlStrings } from "@stratos/base/control-strings";
import type { Program, TerminalSize } from "@stratos/sdk/api";
import type { DesktopMachine } from "./desktop-machine.ts";

/** Of what a terminal has shown, the last bytes are kept: pictures are long. */
const KEPT_BYTES = 1 << 20;
/** Of these, before they are joined. */
const PIECES_MAX = 1024;
const TERMINALS_MAX = 32;
const APPLICATIONS_MAX = 64;

export class TooMany extends Error {}

/** The last of what came, in pieces; it begins with no part of a picture (control-strings.ts). */
export class KeptBytes {
  readonly #max: number;
  #pieces: Uint8Array[] = [];
  #count = 0;
  /** Of what is given up. */
  #before = new ControlStrings();

  constructor(max: number = KEPT_BYTES) {
    this.#max = max;
  }

  add(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.#count += bytes.length;
    if (this.#count <= 2 * this.#max && this.#pieces.length < PIECES_MAX) return;
    // Seldom: a program that writes letter by letter makes many pieces.
    const all = concatBytes(this.#pieces);
    const cut = Math.max(0, all.length - this.#max);
    this.#before.take(all.subarray(0, cut));
    this.#pieces = [all.slice(cut)];
    this.#count = all.length - cut;
  }

  bytes(): Uint8Array {
    const all = concatBytes(this.#pieces);
    const cut = Math.max(0, all.length - this.#max);
    const strings = this.#before.copy();
    strings.take(all.subarray(0, cut));
    return all.subarray(cut + strings.rest(all.subarray(cut)));
  }
}

export interface TerminalViewer {
  show(bytes: Uint8Array): void;
  resized(size: TerminalSize): void;
  /** What comes from here on is new. */
  live(): void;
  ended(words: string): void;
  /** Null: it takes more. */
  readonly busy: Promise<void> | null;
}

const NOTHING = new Uint8Array(0);

interface KeptTerminal {
  readonly id: number;
  readonly title: string;
  readonly pid: number;
  readonly size: TerminalSize;
  /** In base64. */
  readonly shown: string;
}

/** What a desktop that goes on from a saved machine needs to have the programs that run there. */
export interface KeptPrograms {
  readonly last: number;
  readonly terminals: readonly KeptTerminal[];
  readonly applications: readonly {
    readonly id: number;
    readonly title: string;
    readonly pid: number;
    readonly output: string;
  }[];
}

export class DesktopTerminal {
  readonly id: number;
  readonly title: string;
  size: TerminalSize;
  readonly #program: Program;
  readonly #kept = new KeptBytes();
  readonly #viewers = new Set<TerminalViewer>();
  #end: string | null = null;
  /** Nobody has answered what it asked. */
  #isNew: boolean;

  /** @param shown  what it has written before */
  constructor(id: number, title: string, program: Program, size: TerminalSize, shown: Uint8Array = NOTHING) {
    this.id = id;
    this.title = title;
    this.size = size;
    this.#program = program;
    this.#kept.add(shown);
    this.#isNew = shown.length === 0;
    void this.#follow();
  }

  get pid(): number {
    return this.#program.pid;
  }

  keep(): KeptTerminal {
    const { id, title, size, pid } = this;
    return { id, title, size, pid, shown: toBase64(this.#kept.bytes()) };
  }

  get isOver(): boolean {
    return this.#end !== null;
  }

  async #follow(): Promise<void> {
    let words = "";
    try {
      for await (const bytes of this.#program.stdout) {
        this.#kept.add(bytes);
        for (const viewer of this.#viewers) viewer.show(bytes);
        // The program waits for the slowest.
        for (const viewer of this.#viewers) await viewer.busy;
      }
      const { exitCode, signal } = await this.#program.wait();
      words = signal ?? (exitCode === 0 ? "" : String(exitCode));
    } catch (error) {
      words = (error as Error).message;
    }
    this.#end = words;
    for (const viewer of this.#viewers) viewer.ended(words);
  }

  /** Shows what is kept, and what comes. @returns what ends that */
  watch(viewer: TerminalViewer): () => void {
    viewer.resized(this.size);
    if (this.#isNew) viewer.live();
    this.#isNew = false;
    viewer.show(this.#kept.bytes());
    viewer.live();
    if (this.#end !== null) viewer.ended(this.#end);
    this.#viewers.add(viewer);
    return () => void this.#viewers.delete(viewer);
  }

  type(bytes: Uint8Array): void {
    if (!this.isOver) this.#program.stdin.write(bytes).catch(() => {});
  }

  resize(size: TerminalSize): void {
    if (size.columns === this.size.columns && size.rows === this.size.rows) return;
    this.size = size;
    if (!this.isOver) this.#program.resize(size);
    for (const viewer of this.#viewers) viewer.resized(size);
  }

  async close(): Promise<void> {
    if (!this.isOver) await this.#program.kill("SIGHUP").catch(() => {});
  }
}

/** A program of the launcher, and what it has written. */
interface DesktopApplication {
  readonly id: number;
  readonly title: string;
  readonly pid: number;
  readonly output: KeptBytes;
  /** Null: it runs. */
  end: string | null;
  readonly ended: Promise<void>;
}

export class DesktopPrograms {
  readonly #machine: DesktopMachine;
  /** By which programs find the display and the bus. */
  environment: Readonly<Record<string, string>> = {};
  readonly terminals = new Map<number, DesktopTerminal>();
  readonly applications: DesktopApplication[] = [];
  #last = 0;

  constructor(machine: DesktopMachine) {
    this.#machine = machine;
  }

  /** Numbers of the programs that terminals have. */
  get shells(): readonly number[] {
    return [...this.terminals.values()].map(({ pid }) => pid);
  }

  get #options(): { readonly env: Record<string, string>; readonly cwd: string; readonly user: string } {
    const { uid, home } = this.#machine.user;
    return { env: { ...this.environment }, cwd: home === "" ? "/" : home, user: String(uid) };
  }

  /** @param command  absent: the user's shell. @throws StratosError, TooMany */
  async openTerminal(
    title: string,
    size: TerminalSize,
    command?: readonly string[],
    folder?: string,
  ): Promise<DesktopTerminal> {
    for (const [id, terminal] of this.terminals) if (terminal.isOver) this.terminals.delete(id);
    if (this.terminals.size >= TERMINALS_MAX) throw new TooMany(`${TERMINALS_MAX} terminals are open: close one`);
    const argv = command ?? [this.#machine.user.shell || "/bin/sh", "-l"];
    const options = { ...this.#options, ...(folder === undefined ? {} : { cwd: folder }), tty: size };
    // A folder that is gone, or may not be entered, is no reason to have no shell.
    const program = await this.#machine.box.spawn(argv, options).catch((error: unknown) => {
      if (options.cwd === "/" || (error as { kind?: string }).kind !== "cwd") throw error;
      return this.#machine.box.spawn(argv, { ...options, cwd: "/" });
    });
    const terminal = new DesktopTerminal(++this.#last, title, program, size);
    this.terminals.set(terminal.id, terminal);
    return terminal;
  }

  /** @param environment  besides the display's. @throws StratosError, TooMany */
  async launch(
    title: string,
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<DesktopApplication> {
    const running = this.applications.filter(({ end }) => end === null);
    if (running.length >= APPLICATIONS_MAX) throw new TooMany(`${APPLICATIONS_MAX} programs run: close one`);
    const options = this.#options;
    const env = { ...options.env, ...environment };
    const program = await this.#machine.box.spawn(command, { ...options, env });
    program.stdin.end();
    const application = this.#add(++this.#last, title, program);
    while (this.applications.length > APPLICATIONS_MAX) {
      const over = this.applications.findIndex(({ end }) => end !== null);
      if (over < 0) break;
      this.applications.splice(over, 1);
    }
    return application;
  }

  #add(id: number, title: string, program: Program): DesktopApplication {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const output = new KeptBytes(1 << 16);
    const application: DesktopApplication = { id, title, pid: program.pid, output, end: null, ended };
    this.applications.push(application);
    void this.#follow(application, program).then(resolve);
    return application;
  }

  /** Those that run. */
  keep(): KeptPrograms {
    return {
      last: this.#last,
      terminals: [...this.terminals.values()].filter(({ isOver }) => !isOver).map((terminal) => terminal.keep()),
      applications: this.applications
        .filter(({ end }) => end === null)
        .map(({ id, title, pid, output }) => ({ id, title, pid, output: toBase64(output.bytes()) })),
    };
  }

  /** They run in the machine, which goes on, and nobody listens to them yet. @throws StratosError */
  goOn({ last, terminals, applications }: KeptPrograms): void {
    const { box } = this.#machine;
    this.#last = last;
    for (const { id, title, pid, size, shown } of terminals)
      this.terminals.set(id, new DesktopTerminal(id, title, box.attach(pid), size, fromBase64(shown)));
    for (const { id, title, pid, output } of applications)
      this.#add(id, title, box.attach(pid)).output.add(fromBase64(output) ?? NOTHING);
  }

  async #follow(application: DesktopApplication, program: Program): Promise<void> {
    const take = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const bytes of stream) application.output.add(bytes);
    };
    try {
      await Promise.all([take(program.stdout), take(program.stderr)]);
      const { exitCode, signal } = await program.wait();
      application.end = signal ?? String(exitCode);
    } catch (error) {
      application.end = (error as Error).message;
    }
  }
}
