/** A folder of the host (`-v`) by way of HostAnswers: recorded, or replayed without the folder. */
import { EIO, ENOENT } from "@stratos/abi";
import { crc32c } from "@stratos/base";
import type { HostFile, HostFileTree, HostStat, HostUsage } from "@stratos/host";
import type { HostAnswers } from "./host-answers.ts";
import type { Answer } from "./recording-format.ts";

export class AnsweredFolder implements HostFileTree {
  readonly readOnly: boolean;
  readonly isRecorded = true;
  readonly #name: string;
  /** The one file of it that is shown, which `#name` is the name of. */
  readonly #file: string | undefined;
  readonly #answers: HostAnswers;
  readonly #host: HostFileTree | null;
  #opened = 0;
  /** Files that are not closed yet. */
  readonly #files = new Set<AnsweredFile>();

  /**
   * @param options.name  what questions call it, or the one file of it that is shown
   * @param options.host  the folder itself; null while replaying
   */
  constructor(
    answers: HostAnswers,
    options: { name: string; file: string | undefined; isReadOnly: boolean; host: HostFileTree | null },
  ) {
    this.#answers = answers;
    this.readOnly = options.isReadOnly;
    this.#name = options.name;
    this.#file = options.file;
    this.#host = options.host;
  }

  /**
   * The folder of a fork of a replay, with other answers.
   *
   * @returns with what the fork has in the place of this one and of its open files
   */
  fork(answers: HostAnswers): ReadonlyMap<object, object> {
    const { readOnly: isReadOnly } = this;
    const fork = new AnsweredFolder(answers, { name: this.#name, file: this.#file, isReadOnly, host: null });
    fork.#opened = this.#opened;
    return new Map<object, object>([
      [this, fork],
      ...Array.from(this.#files, (file): [object, object] => [file, (file.twin = fork.#openFile(file.name, null))]),
    ]);
  }

  #openFile(name: string, host: HostFile | null): AnsweredFile {
    const file = new AnsweredFile(this.#answers, name, { host, onClose: () => this.#files.delete(file) });
    this.#files.add(file);
    return file;
  }

  #ask<A extends Answer>(what: string, paths: readonly string[], ask: (host: HostFileTree) => A): A | number {
    const question = [what, ...paths.map((path) => this.#path(path))].join(" ");
    return this.#answers.answer<A | number>(question, () => ask(this.#host!), -EIO);
  }

  #path(path: string): string {
    return JSON.stringify(path === "" || path === this.#file ? this.#name : `${this.#name}/${path}`);
  }

  lstat(path: string): HostStat | number {
    // Who sees one file sees nothing of the folder around it, where others come and go.
    if (path === "" && this.#file !== undefined) return -ENOENT;
    return this.#ask("lstat", [path], (host) => steadyStat(host.lstat(path)));
  }

  list(path: string): string[] | number {
    // Its reader sorts it in place.
    const names = this.#ask<readonly string[] | number>("list", [path], (host) => host.list(path));
    return typeof names === "number" ? names : [...names];
  }

  readlink(path: string): string | number {
    return this.#ask("readlink", [path], (host) => host.readlink(path));
  }

  open(path: string, flags: number, mode: number): HostFile | number {
    let file: HostFile | null = null;
    const failed = this.#ask(`open(${flags}, ${mode})`, [path], (host) => {
      const opened = host.open(path, flags, mode);
      if (typeof opened === "number") return opened;
      file = opened;
      return 0;
    });
    return failed < 0 ? failed : this.#openFile(`${++this.#opened} ${this.#path(path)}`, file);
  }

  mkdir(path: string, mode: number): number {
    return this.#ask(`mkdir(${mode})`, [path], (host) => host.mkdir(path, mode));
  }

  rmdir(path: string): number {
    return this.#ask("rmdir", [path], (host) => host.rmdir(path));
  }

  unlink(path: string): number {
    return this.#ask("unlink", [path], (host) => host.unlink(path));
  }

  symlink(target: string, path: string): number {
    return this.#ask(`symlink(${JSON.stringify(target)})`, [path], (host) => host.symlink(target, path));
  }

  link(source: string, target: string): number {
    return this.#ask("link", [source, target], (host) => host.link(source, target));
  }

  rename(source: string, target: string): number {
    return this.#ask("rename", [source, target], (host) => host.rename(source, target));
  }

  chmod(path: string, mode: number): number {
    return this.#ask(`chmod(${mode})`, [path], (host) => host.chmod(path, mode));
  }

  chown(path: string, uid: number, gid: number): number {
    return this.#ask(`chown(${uid}, ${gid})`, [path], (host) => host.chown(path, uid, gid));
  }

  utimes(path: string, atimeMs: number, mtimeMs: number): number {
    return this.#ask(`utimes(${atimeMs}, ${mtimeMs})`, [path], (host) => host.utimes(path, atimeMs, mtimeMs));
  }

  usage(): HostUsage | null {
    const question = `usage ${this.#path("")}`;
    return this.#answers.answer<HostUsage | null>(question, () => this.#host!.usage(), null);
  }
}

class AnsweredFile implements HostFile {
  readonly #answers: HostAnswers;
  readonly name: string;
  readonly #host: HostFile | null;
  readonly #onClose: () => void;
  /** Of the fork that is being made. */
  twin: AnsweredFile | null = null;

  constructor(answers: HostAnswers, name: string, options: { host: HostFile | null; onClose: () => void }) {
    this.#answers = answers;
    this.name = name;
    this.#host = options.host;
    this.#onClose = options.onClose;
  }

  #ask<A extends Answer>(what: string, ask: (host: HostFile) => A): A | number {
    return this.#answers.answer<A | number>(`${what} of file ${this.name}`, () => ask(this.#host!), -EIO);
  }

  read(position: number, bytes: Uint8Array, at: number, length: number): number {
    const answer = this.#ask<number | Uint8Array>(`read(${position}, ${length})`, (host) => {
      const count = host.read(position, bytes, at, length);
      return count <= 0 ? count : bytes.subarray(at, at + count);
    });
    if (typeof answer === "number") return answer;
    // A recording that somebody made by hand must not write where it likes.
    if (!(answer instanceof Uint8Array) || answer.length > length) return -EIO;
    if (answer.buffer !== bytes.buffer) bytes.set(answer, at);
    return answer.length;
  }

  write(position: number, bytes: Uint8Array, at: number, length: number, isAppend = false): number {
    const checksum = crc32c(bytes, at, at + length).toString(16);
    return this.#ask(`write(${position}, ${length} bytes ${checksum})`, (host) =>
      host.write(position, bytes, at, length, isAppend),
    );
  }

  truncate(size: number): number {
    return this.#ask(`truncate(${size})`, (host) => host.truncate(size));
  }

  sync(): number {
    return this.#ask("sync", (host) => host.sync());
  }

  stat(): HostStat | number {
    return this.#ask("stat", (host) => steadyStat(host.stat()));
  }

  forked(): HostFile | null {
    return this.twin;
  }

  close(): void {
    this.#onClose();
    this.#host?.close();
  }
}

/** When a file was last read is changed by each run that reads it, so that it would tell one from the next. */
function steadyStat(stat: HostStat | number): HostStat | number {
  return typeof stat === "number" ? stat : { ...stat, atimeMs: stat.mtimeMs };
}
