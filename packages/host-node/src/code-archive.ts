import { spawn } from "node:child_process";
import { hash } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { cachedDataVersionTag } from "node:v8";
import { threadId } from "node:worker_threads";
import { ARCHIVE_PIECES_MAX, type ArchiveName, type ArchivePieces, type CodeArchive } from "@stratos/host";
import { makeFolders } from "./make-folders.ts";
import { isRunning } from "./running-process.ts";
import { translatorVersion } from "./source-version.ts";

/**
 * Translations with their machine code, in a folder that is this user's alone (STRATOS_HOME/translations, 0700): a file
 * for each executed part of a program or library, 0600, written aside and renamed.
 *
 * ```
 * file   MAGIC (16 bytes) · SHA-256 of the table · u32 count · table · pieces
 * table  SHA-256 of the name · for each piece: u32 bytes, SHA-256
 * ```
 *
 * The engine runs what it is given, so nothing is taken from a folder or a file that another user owns or may write,
 * nor through a symbolic link, and each piece is compared with its checksum. The name says our translator's version
 * and the engine's (version, flags, processor): what another one has made isn't found.
 */
const MAGIC = "stratos-code-001";
const SUFFIX = ".code";
const PROFILE = /^profile-\d+-\d+$/;
/** What is being written aside, with the process that does. */
const DRAFT = /^\..+\.(\d+)$/;
const HEAD_SIZE = MAGIC.length + 32 + 4;
const ROW_SIZE = 36;
/** All archives together; those that haven't been used for longest give way. */
const FOLDER_BYTES_MAX = 512 << 20;
/** A file that is used says so once in so many milliseconds. */
const USE_NOTED_MS = 3_600_000;
/** Profiles that wait to be translated; more are lost. */
const PROFILES_MAX = 4;
/** Archives that are open at once; one that was closed is opened again when it is read. */
const OPEN_MAX = 128;

/** One archive as `cache ls` shows it. */
export interface KeptFile {
  readonly name: string;
  readonly bytes: number;
  readonly usedMs: number;
}

export class NodeCodeArchive implements CodeArchive {
  readonly #folder: string;
  readonly #translate: readonly string[] | null;
  #submitted = 0;
  /** By their tables, what was read last at the end. */
  readonly #open = new Map<readonly PieceRow[], number>();

  /**
   * @param home  STRATOS_HOME
   * @param translate  command line that translates the profile whose path follows; null: profiles are not kept
   */
  constructor(home: string, translate: readonly string[] | null) {
    this.#folder = join(home, "translations");
    this.#translate = translate;
  }

  open(name: ArchiveName): ArchivePieces | null {
    if (!this.#isOwn()) return null;
    const digest = digestOf(name);
    const path = join(this.#folder, fileName(digest));
    const found = openOwn(path);
    if (found === null) return null;
    const rows = readTable(found, digest);
    if (rows === null) {
      closeSync(found);
      return null;
    }
    noteUse(found);
    // While it is open, who replaces or removes it takes nothing away.
    this.#keepOpen(rows, found);
    return {
      count: rows.length,
      read: (index) => {
        const row = rows[index];
        const fd = this.#open.get(rows) ?? openOwn(path);
        if (row === undefined || fd === null) return null;
        this.#keepOpen(rows, fd);
        const bytes = readAt(fd, row.offset, row.size);
        return bytes !== null && sha256(bytes).equals(row.digest) ? bytes : null;
      },
    };
  }

  #keepOpen(rows: readonly PieceRow[], fd: number): void {
    this.#open.delete(rows);
    this.#open.set(rows, fd);
    for (const [oldest, oldestFd] of this.#open) {
      if (this.#open.size <= OPEN_MAX) return;
      this.#open.delete(oldest);
      closeSync(oldestFd);
    }
  }

  write(name: ArchiveName, pieces: readonly Uint8Array[]): boolean {
    if (!this.#make() || pieces.length > ARCHIVE_PIECES_MAX) return false;
    const digest = digestOf(name);
    const table = Buffer.alloc(32 + pieces.length * ROW_SIZE);
    digest.copy(table);
    pieces.forEach((piece, index) => {
      table.writeUInt32LE(piece.length, 32 + index * ROW_SIZE);
      sha256(piece).copy(table, 36 + index * ROW_SIZE);
    });
    const head = Buffer.alloc(HEAD_SIZE);
    head.write(MAGIC, "latin1");
    sha256(table).copy(head, MAGIC.length);
    head.writeUInt32LE(pieces.length, MAGIC.length + 32);
    const isWritten = this.#replace(fileName(digest), [head, table, ...pieces]);
    this.prune(FOLDER_BYTES_MAX);
    return isWritten;
  }

  submit(profile: Uint8Array): void {
    if (this.#translate === null || !this.#make()) return;
    // Several machines of a process may be over in one millisecond, also in its threads.
    const count = `${String(this.#submitted++ % 1000).padStart(3, "0")}${String(threadId).padStart(3, "0")}`;
    const name = `profile-${process.pid}-${Date.now()}${count}`;
    // Whoever was to translate those that wait may have been killed: somebody is started all the same.
    if (this.profiles().length < PROFILES_MAX && !this.#replace(name, [profile])) return;
    const [program, ...before] = this.#translate;
    try {
      const child = spawn(program!, [...before], { detached: true, stdio: "ignore", cwd: "/" });
      child.on("error", () => {});
      child.unref();
    } catch {
      rmSync(join(this.#folder, name), { force: true });
    }
  }

  /** Profiles that wait, oldest first. */
  profiles(): string[] {
    return this.#names().filter((name) => PROFILE.test(name));
  }

  /** Takes a profile away. @returns its bytes; null when it is gone, or not this user's */
  takeProfile(name: string): Uint8Array | null {
    const path = join(this.#folder, name);
    const fd = this.#isOwn() ? openOwn(path) : null;
    if (fd === null) return null;
    try {
      rmSync(path);
      return readAt(fd, 0, fstatSync(fd).size);
    } catch {
      return null;
    } finally {
      closeSync(fd);
    }
  }

  /** The file whose lock says that somebody translates profiles. */
  get lockPath(): string {
    return join(this.#folder, "profiles");
  }

  list(): KeptFile[] {
    const files: KeptFile[] = [];
    for (const name of this.#names()) {
      if (!name.endsWith(SUFFIX)) continue;
      const found = lstatSync(join(this.#folder, name), { throwIfNoEntry: false });
      if (found?.isFile() === true)
        files.push({ name, bytes: found.size, usedMs: Math.max(found.atimeMs, found.mtimeMs) });
    }
    return files.sort((a, b) => b.usedMs - a.usedMs);
  }

  /**
   * Removes what hasn't been used for longest until so many bytes are left, and what killed processes have left half
   * written; with 0 the profiles that wait, too.
   *
   * @param onFailure  told of what cannot be removed; the others go. @returns the archives that were removed
   */
  prune(bytesMax: number, onFailure: (path: string, error: unknown) => void = () => {}): KeptFile[] {
    if (!this.#isOwn() && existsSync(this.#folder))
      onFailure(this.#folder, new Error("is not this user's alone, as it has to be"));
    for (const name of this.#names()) {
      const writer = DRAFT.exec(name)?.[1];
      if ((writer !== undefined && !isRunning(Number(writer))) || (bytesMax === 0 && PROFILE.test(name)))
        this.#remove(name, onFailure);
    }
    const removed: KeptFile[] = [];
    let sum = 0;
    for (const file of this.list()) {
      sum += file.bytes;
      if (sum <= bytesMax) continue;
      if (this.#remove(file.name, onFailure)) removed.push(file);
    }
    return removed;
  }

  /** @returns false when the folder can't be written: what is there stays */
  #remove(name: string, onFailure: (path: string, error: unknown) => void): boolean {
    const path = join(this.#folder, name);
    try {
      rmSync(path, { force: true });
      return true;
    } catch (error) {
      onFailure(path, error);
      return false;
    }
  }

  #names(): string[] {
    if (!this.#isOwn()) return [];
    try {
      return readdirSync(this.#folder).sort();
    } catch {
      return [];
    }
  }

  /** Is the folder there, and nobody else's? */
  #isOwn(): boolean {
    const user = process.geteuid?.();
    if (user === undefined) return false;
    const found = lstatSync(this.#folder, { throwIfNoEntry: false });
    return found?.isDirectory() === true && found.uid === user && (found.mode & 0o077) === 0;
  }

  #make(): boolean {
    try {
      makeFolders(join(this.#folder, ".."));
      mkdirSync(this.#folder, { mode: 0o700 });
    } catch {
      // It is there, or can't be made.
    }
    return this.#isOwn();
  }

  #replace(name: string, parts: readonly Uint8Array[]): boolean {
    const path = join(this.#folder, name);
    const aside = join(this.#folder, `.${name}.${process.pid}.${threadId}`);
    try {
      rmSync(aside, { force: true });
      const fd = openSync(aside, "wx", 0o600);
      try {
        for (const part of parts) writeAll(fd, part);
      } finally {
        closeSync(fd);
      }
      renameSync(aside, path);
      return true;
    } catch {
      rmSync(aside, { force: true });
      return false;
    }
  }
}

function fileName(digest: Buffer): string {
  return digest.toString("hex", 0, 16) + SUFFIX;
}

/** What the archive belongs to, and who may use it. */
function digestOf({ head, detail }: ArchiveName): Buffer {
  return sha256(Buffer.concat([head, Buffer.from(`\n${detail}\n${cachedDataVersionTag()} ${translatorVersion()}`)]));
}

function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}

/** Opens a file of this user's own that nobody else can write; null when it isn't one. */
function openOwn(path: string): number | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  const found = fstatSync(fd);
  if (found.isFile() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0) return fd;
  closeSync(fd);
  return null;
}

function noteUse(fd: number): void {
  const now = Date.now();
  try {
    const { atimeMs, mtimeMs, mtime } = fstatSync(fd);
    if (now - Math.max(atimeMs, mtimeMs) > USE_NOTED_MS) futimesSync(fd, now / 1000, mtime);
  } catch {
    // It was used all the same.
  }
}

interface PieceRow {
  readonly offset: number;
  readonly size: number;
  readonly digest: Buffer;
}

/** @returns null when it isn't what was written under this name */
function readTable(fd: number, digest: Buffer): PieceRow[] | null {
  const head = readAt(fd, 0, HEAD_SIZE);
  if (head === null || head.toString("latin1", 0, MAGIC.length) !== MAGIC) return null;
  const count = head.readUInt32LE(MAGIC.length + 32);
  if (count > ARCHIVE_PIECES_MAX) return null;
  const table = readAt(fd, HEAD_SIZE, 32 + count * ROW_SIZE);
  if (table === null || !sha256(table).equals(head.subarray(MAGIC.length, MAGIC.length + 32))) return null;
  if (!table.subarray(0, 32).equals(digest)) return null;
  let offset = HEAD_SIZE + table.length;
  const rows: PieceRow[] = [];
  for (let index = 0; index < count; index++) {
    const size = table.readUInt32LE(32 + index * ROW_SIZE);
    rows.push({ offset, size, digest: table.subarray(36 + index * ROW_SIZE, 68 + index * ROW_SIZE) });
    offset += size;
  }
  return rows;
}

/** @returns null when there is less, or it can't be read */
function readAt(fd: number, offset: number, size: number): Buffer | null {
  const bytes = Buffer.allocUnsafeSlow(size);
  try {
    for (let done = 0; done < size;) {
      const count = readSync(fd, bytes, done, size - done, offset + done);
      if (count === 0) return null;
      done += count;
    }
    return bytes;
  } catch {
    return null;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
