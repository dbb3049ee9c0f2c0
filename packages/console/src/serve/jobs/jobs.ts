/**
 * Commands that go on when whoever started them has gone. Each has a folder, which outlives the server:
 *
 *     jobs/NUMBER/job.json    what it is, and how it ended
 *                 job.lock    the server that it runs in
 *                 log         what it has written, standard output and errors
 *
 * A job ends with its server. One that nobody could note the end of is one that says that it runs, in no server.
 */
import type { ChildProcess } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { lockFile, lockOwner } from "@stratos/host-node/file-lock";
import { replaceFile } from "@stratos/host-node/files";
import { Refusal } from "@stratos/volumes/serve";
import { type Commands, killAll } from "./commands.ts";
import { REACH, reached } from "./reach.ts";

export interface Job {
  readonly id: number;
  readonly command: readonly string[];
  /** Who started it. */
  readonly by: string;
  readonly isRunning: boolean;
  readonly startedMs: number;
  /** Null: it has not, or nobody saw it. */
  readonly endedMs: number | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why it ended, where it was not by itself. */
  readonly cause: string | null;
  /** The last line that it has written. */
  readonly progress: string;
  /** As that line tells; null: it does not. */
  readonly percent: number | null;
}

/** At once. */
const RUNNING_MAX = 4;
/** The oldest that have ended make room. */
const KEPT_MAX = 200;
const LOG_MAX = 1 << 24;
/** Of one answer. */
const LOG_PIECE = 1 << 20;
const LINE_MAX = 300;
/** A command that is asked to end undoes what it has begun; after this it is killed. */
const GRACE_MS = 10_000;

interface Running {
  job: Job;
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  logBytes: number;
  cause: string | null;
  grace: NodeJS.Timeout | null;
  /** Something of it could not be written down, and that was told. */
  isDefective: boolean;
}

export class Jobs {
  readonly #folder: string;
  readonly #commands: Commands;
  readonly #onDefect: (words: string) => void;
  readonly #graceMs: number;
  readonly #running = new Map<number, Running>();

  /** @param onDefect  told when what a job does cannot be written down */
  constructor(folder: string, commands: Commands, onDefect: (words: string) => void, graceMs = GRACE_MS) {
    this.#folder = folder;
    this.#commands = commands;
    this.#onDefect = onDefect;
    this.#graceMs = graceMs;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** All, the newest first. */
  list(): Job[] {
    return this.#ids().flatMap((id) => this.#read(id) ?? []);
  }

  /** @throws Refusal */
  get(id: number): Job {
    const job = this.#read(id);
    if (job === null) throw new Refusal(404, `${id}: no such job`);
    return job;
  }

  /** @throws Refusal */
  start(command: readonly string[], by: string): Job {
    if (reached(command) === null)
      throw new Refusal(
        400,
        `stratos ${command.join(" ")}: not to be started from here; these are: ${REACH.join(", ")}`,
      );
    if (this.#running.size >= RUNNING_MAX)
      throw new Refusal(409, `${RUNNING_MAX} jobs are running; wait for one, or cancel it`);
    this.#makeRoom();
    const id = this.#newFolder();
    const job: Job = {
      ...{ id, command, by, isRunning: true, startedMs: Date.now(), endedMs: null },
      ...{ exitCode: null, signal: null, cause: null, progress: "", percent: null },
    };
    let release = (): void => {};
    try {
      release = lockFile(this.#path(id, "job"));
      this.#write(job);
      writeFileSync(this.#path(id, "log"), "", { mode: 0o600 });
      return this.#follow(job, this.#commands.start(command), release);
    } catch (error) {
      release();
      rmSync(join(this.#folder, String(id)), { recursive: true, force: true });
      throw error;
    }
  }

  #follow(job: Job, child: ChildProcess, release: () => void): Job {
    const ended = Promise.withResolvers<void>();
    const running: Running = {
      ...{ job, child, ended: ended.promise, logBytes: 0 },
      ...{ cause: null, grace: null, isDefective: false },
    };
    this.#running.set(job.id, running);
    const note = (bytes: Buffer): void => this.#attempt(running, () => this.#note(running, bytes));
    child.stdout?.on("data", note);
    child.stderr?.on("data", note);
    const end = (exitCode: number | null, signal: string | null, cause: string | null): void => {
      if (!this.#running.delete(job.id)) return;
      if (running.grace !== null) clearTimeout(running.grace);
      const last = { ...running.job, isRunning: false, endedMs: Date.now(), exitCode, signal, cause };
      this.#attempt(running, () => this.#write(last));
      release();
      ended.resolve();
    };
    child.once("error", (error) => end(null, null, `it could not be started: ${error.message}`));
    child.once("close", (exitCode, signal) => end(exitCode, signal, running.cause));
    return job;
  }

  /** A full disk ends neither the job nor the server; it is told once. */
  #attempt(running: Running, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!running.isDefective) this.#onDefect(`job ${running.job.id} cannot be noted: ${(error as Error).message}`);
      running.isDefective = true;
    }
  }

  /** Asks it to end. @throws Refusal */
  cancel(id: number, by: string): void {
    const running = this.#running.get(id);
    if (running !== undefined) return this.#end(running, `cancelled by ${by}`);
    const { isRunning } = this.get(id);
    throw new Refusal(409, isRunning ? `job ${id} runs in another server` : `job ${id} has ended`);
  }

  /** Forgets one that has ended. @throws Refusal */
  remove(id: number): void {
    if (this.get(id).isRunning) throw new Refusal(409, `job ${id} is running`);
    rmSync(join(this.#folder, String(id)), { recursive: true, force: true });
  }

  /** A piece of what it has written. @throws Refusal */
  log(id: number, from: number): Uint8Array {
    this.get(id);
    const file = openSync(this.#path(id, "log"), "r");
    try {
      const length = Math.min(LOG_PIECE, Math.max(0, fstatSync(file).size - from));
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, from));
    } finally {
      closeSync(file);
    }
  }

  /** Ends all of this server. */
  async close(): Promise<void> {
    const all = [...this.#running.values()];
    for (const running of all) this.#end(running, "the server ended");
    await Promise.all(all.map(({ ended }) => ended));
  }

  #end(running: Running, cause: string): void {
    running.cause ??= cause;
    running.child.kill("SIGTERM");
    running.grace ??= setTimeout(() => killAll(running.child), this.#graceMs);
  }

  #note(running: Running, bytes: Buffer): void {
    const kept = bytes.subarray(0, LOG_MAX - running.logBytes);
    const isCut = kept.length < bytes.length && running.logBytes < LOG_MAX;
    appendFileSync(this.#path(running.job.id, "log"), kept);
    if (isCut) appendFileSync(this.#path(running.job.id, "log"), "\n[what it wrote after this is not kept]\n");
    running.logBytes += kept.length;
    const line = bytes
      .subarray(-4 * LINE_MAX)
      .toString()
      .trimEnd()
      .split("\n")
      .at(-1)!;
    if (line === "") return;
    const percent = /(?<!\d)(\d{1,2}|100) %/.exec(line)?.[1];
    running.job = {
      ...running.job,
      progress: line.slice(0, LINE_MAX),
      percent: percent === undefined ? null : Number(percent),
    };
  }

  /** Null: there is none, or its file is none of ours. */
  #read(id: number): Job | null {
    const running = this.#running.get(id);
    if (running !== undefined) return running.job;
    try {
      const job = JSON.parse(readFileSync(this.#path(id, "job.json"), "utf8")) as Job;
      if (!job.isRunning || lockOwner(this.#path(id, "job")) !== null) return job;
      return { ...job, isRunning: false, cause: "nobody noted its end: its server was killed, or the disk was full" };
    } catch {
      return null;
    }
  }

  #write(job: Job): void {
    replaceFile(this.#path(job.id, "job.json"), JSON.stringify(job), { mode: 0o600, flush: false });
  }

  /** The newest first. */
  #ids(): number[] {
    const ids = readdirSync(this.#folder).filter((name) => /^[1-9]\d{0,8}$/.test(name));
    return ids.map(Number).sort((one, other) => other - one);
  }

  #newFolder(): number {
    for (let id = (this.#ids()[0] ?? 0) + 1; ; id++) {
      try {
        mkdirSync(join(this.#folder, String(id)), { mode: 0o700 });
        return id;
      } catch (error) {
        // Another server's, of just now.
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  }

  #makeRoom(): void {
    for (const id of this.#ids().slice(KEPT_MAX - 1))
      if (this.#read(id)?.isRunning !== true) rmSync(join(this.#folder, String(id)), { recursive: true, force: true });
  }

  #path(id: number, name: string): string {
    return join(this.#folder, String(id), name);
  }
}
