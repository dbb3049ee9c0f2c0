/**
 * Goal: what programs see of AegisFS is what they see of Linux. Method: the same random calls, from a printed seed, on
 * the library and through the kernel on a folder of this host (AEGISFS_HOST_FOLDER, else the one for temporary files);
 * every result is compared, errno included, and all files now and then.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import {
  closeSync,
  chmodSync,
  constants,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S_IFDIR, S_IFMT, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { SimulatedClock } from "@stratos/host";
import { Attributes, check, Files } from "../aegisfs.ts";
import { freshVolume } from "./fresh-volume.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
const STEPS = Number(process.env["AEGISFS_STEPS"] ?? 4000);
const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NOFOLLOW, O_DIRECTORY } = constants;

/** What the host says, as the library does: a number, or a value. */
function host<T>(call: () => T): T | number {
  try {
    return call() ?? (0 as T | number);
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    if (errno === undefined) throw error;
    return errno;
  }
}

class Pair {
  readonly files: Files;
  readonly folder: string;
  readonly #random: SeededRandom;
  readonly #attributes = new Attributes();
  /** Descriptors of both. */
  readonly #open: [number, number][] = [];
  readonly #countsFolders: boolean;
  last = "";

  constructor(random: SeededRandom, files: Files, folder: string) {
    this.#random = random;
    this.files = files;
    this.folder = folder;
    this.#countsFolders = statSync(folder).nlink === 2;
  }

  #same(what: string, ours: unknown, theirs: unknown): void {
    this.last = what;
    assert.deepEqual(ours, theirs, what);
  }

  #path(): string {
    const random = this.#random;
    const names = ["a", "b", "c", "d", "é", "n".repeat(255), "n".repeat(256), ".", ".."];
    let path = "";
    for (let depth = 1 + random.below(3); depth > 0; depth--)
      path += `/${names[random.below(random.below(5) === 0 ? names.length : 5)]!}`;
    return random.below(15) === 0 ? `${path}/` : path;
  }

  step(): void {
    const random = this.#random;
    const { files } = this;
    const path = this.#path();
    const other = this.#path();
    const real = this.folder + path;
    const realOther = this.folder + other;
    // Leaving the folder by ".." would compare other things.
    if (escapes(path) || escapes(other)) return;
    switch (random.below(19)) {
      case 0:
      case 1:
        this.#same(
          `mkdir ${path}`,
          files.mkdir(path, 0o755),
          host(() => mkdirSync(real, { mode: 0o755 })),
        );
        break;
      case 2:
        this.#same(
          `rmdir ${path}`,
          files.rmdir(path),
          host(() => rmdirSync(real)),
        );
        break;
      case 3:
        this.#same(
          `unlink ${path}`,
          files.unlink(path),
          host(() => unlinkSync(real)),
        );
        break;
      case 4:
      case 5:
        this.#same(
          `rename ${path} ${other}`,
          files.rename(path, other),
          host(() => renameSync(real, realOther)),
        );
        break;
      case 6:
        this.#same(
          `link ${path} ${other}`,
          files.link(path, other),
          host(() => linkSync(real, realOther)),
        );
        break;
      case 7: {
        const target = ["a", "b", "c/d", "nowhere", "d/", "."][random.below(6)]!;
        if (random.below(2) === 0)
          this.#same(
            `symlink ${target} ${path}`,
            files.symlink(target, path),
            host(() => symlinkSync(target, real)),
          );
        else
          this.#same(
            `readlink ${path}`,
            files.readlink(path),
            host(() => readlinkSync(real)),
          );
        break;
      }
      case 8: {
        const mode = random.below(0o1000);
        this.#same(
          `chmod ${path} ${mode.toString(8)}`,
          files.chmod(path, mode),
          host(() => chmodSync(real, mode)),
        );
        break;
      }
      case 9: {
        const size = random.below(20_000);
        this.#same(
          `truncate ${path} ${size}`,
          files.truncate(path, size),
          host(() => truncateSync(real, size)),
        );
        break;
      }
      case 10: {
        const seconds = random.below(2 ** 31);
        this.#same(
          `utimes ${path}`,
          files.setTimes(path, {
            atimeSeconds: seconds,
            atimeNanoseconds: 0,
            mtimeSeconds: seconds + 5,
            mtimeNanoseconds: 0,
          }),
          host(() => utimesSync(real, seconds, seconds + 5)),
        );
        break;
      }
      case 11:
        this.#same(`readdir ${path}`, sorted(files.readdir(path)), sorted(host(() => readdirSync(real))));
        break;
      case 12:
      case 13:
        this.#compareStat(path, real);
        break;
      case 14:
      case 15: {
        const flags =
          [O_RDONLY, O_WRONLY, O_RDWR][random.below(3)]! |
          [0, O_CREAT, O_CREAT | O_EXCL, O_TRUNC, O_CREAT | O_TRUNC, O_APPEND, O_NOFOLLOW, O_DIRECTORY][
            random.below(8)
          ]!;
        // Truncating what is opened for reading is undefined.
        if ((flags & 3) === O_RDONLY && (flags & O_TRUNC) !== 0) break;
        const ours = files.open(path, flags, 0o644);
        const theirs = host(() => openSync(real, flags, 0o644));
        this.#same(`open ${path} ${flags.toString(8)}`, Math.min(0, ours), Math.min(0, theirs));
        if (ours >= 0) this.#open.push([ours, theirs]);
        if (this.#open.length > 6) this.#close(0);
        break;
      }
      default:
        this.#useDescriptor();
    }
  }

  #useDescriptor(): void {
    const random = this.#random;
    const at = random.below(Math.max(1, this.#open.length));
    const pair = this.#open[at];
    if (pair === undefined) return;
    const [ours, theirs] = pair;
    const offset = random.below(2) === 0 ? null : random.below(30_000);
    // Node answers calls of no bytes by itself.
    const bytes = new Uint8Array(1 + random.below(random.below(4) === 0 ? 90_000 : 5000));
    random.fill(bytes.subarray(0, 20));
    switch (random.below(5)) {
      case 0:
        this.#close(at);
        break;
      case 1:
      case 2:
        this.#same(
          `write ${ours} ${offset}+${bytes.length}`,
          this.files.write(ours, bytes, 0, bytes.length, offset ?? -1),
          host(() => writeSync(theirs, bytes, 0, bytes.length, offset)),
        );
        break;
      case 3: {
        const other = new Uint8Array(bytes.length);
        this.#same(
          `read ${ours} ${offset}+${bytes.length}`,
          this.files.read(ours, bytes, 0, bytes.length, offset ?? -1),
          host(() => readSync(theirs, other, 0, other.length, offset)),
        );
        break;
      }
      default: {
        const size = random.below(50_000);
        this.#same(
          `ftruncate ${ours} ${size}`,
          this.files.ftruncate(ours, size),
          host(() => ftruncateSync(theirs, size)),
        );
        this.files.fstat(ours, this.#attributes);
        this.#same(
          `fstat ${ours}`,
          (this.#attributes.mode & S_IFMT) === S_IFDIR ? 0 : this.#attributes.size,
          host(() => (fstatSync(theirs).isDirectory() ? 0 : fstatSync(theirs).size)),
        );
      }
    }
  }

  #close(at: number): void {
    const [[ours, theirs]] = this.#open.splice(at, 1) as [[number, number]];
    this.#same(
      `close ${ours}`,
      this.files.close(ours),
      host(() => closeSync(theirs)),
    );
  }

  closeAll(): void {
    while (this.#open.length > 0) this.#close(0);
  }

  #compareStat(path: string, real: string): void {
    const follow = this.#random.below(2) === 0;
    const attributes = this.#attributes;
    const ours = follow ? this.files.stat(path, attributes) : this.files.lstat(path, attributes);
    const theirs = host(() => (follow ? statSync(real) : lstatSync(real)));
    const { mode, nlink, size, mtimeSeconds } = attributes;
    const isFolder = (mode & S_IFMT) === S_IFDIR;
    // Times are compared where a call set them: the clocks differ.
    const isSet = mtimeSeconds < CLOCK_SECONDS - 1 || mtimeSeconds > CLOCK_SECONDS + 10 ** 6;
    this.#same(
      `stat ${path} ${follow}`,
      ours < 0
        ? ours
        : {
            mode,
            nlink: isFolder && !this.#countsFolders ? 0 : nlink,
            size: isFolder ? 0 : size,
            mtime: isFolder || !isSet ? 0 : mtimeSeconds,
          },
      typeof theirs === "number"
        ? theirs
        : {
            mode: theirs.mode,
            nlink: isFolder && !this.#countsFolders ? 0 : theirs.nlink,
            size: isFolder ? 0 : theirs.size,
            mtime: isFolder || !isSet ? 0 : Math.floor(theirs.mtimeMs / 1000),
          },
    );
  }

  /** All names with their modes, targets and content. */
  compare(): void {
    const attributes = new Attributes();
    const visit = (path: string): void => {
      const names = sorted(this.files.readdir(path || "/"));
      this.#same(`names of ${path}`, names, sorted(readdirSync(this.folder + path)));
      for (const name of names as string[]) {
        const below = `${path}/${name}`;
        this.files.lstat(below, attributes);
        this.#same(`mode of ${below}`, attributes.mode, lstatSync(this.folder + below).mode);
        const type = attributes.mode & S_IFMT;
        if (type === S_IFDIR) visit(below);
        else if (type === S_IFREG)
          this.#same(
            `content of ${below}`,
            Buffer.compare(this.files.contentOf(below) as Uint8Array, readFileSync(this.folder + below)),
            0,
          );
        else this.#same(`target of ${below}`, this.files.readlink(below), readlinkSync(this.folder + below));
      }
    };
    visit("");
  }
}

const CLOCK_SECONDS = 3_000_000_000;

function sorted(names: readonly string[] | number): readonly string[] | number {
  return typeof names === "number" ? names : [...names].sort();
}

function escapes(path: string): boolean {
  return path.split("/").includes("..");
}

test(`the same calls give the same results on this host's file system (seed ${SEED}, ${STEPS} calls)`, () => {
  const umask = process.umask(0o022);
  const folder = mkdtempSync(join(process.env["AEGISFS_HOST_FOLDER"] ?? tmpdir(), "aegisfs-differential-"));
  const { device, volume } = freshVolume(64, { pendingChanges: 200, cachePages: 60 });
  const credentials = { uid: process.getuid!(), gid: process.getgid!(), groups: process.getgroups!() };
  volume.root.setAttributes(
    1,
    Object.assign(new Attributes(), { mode: 0o700, uid: credentials.uid, gid: credentials.gid }),
    7,
  );
  const files = new Files(volume, { clock: new SimulatedClock(CLOCK_SECONDS * 1000), credentials });
  const pair = new Pair(new SeededRandom(SEED), files, folder);
  try {
    for (let step = 0; step < STEPS; step++) {
      pair.step();
      if (step % 500 === 499) {
        pair.compare();
        files.sync();
        assert.deepEqual(check(device, { data: true }), []);
      }
    }
    pair.compare();
  } catch (error) {
    throw new Error(`seed ${SEED}, after ${pair.last}`, { cause: error });
  } finally {
    pair.closeAll();
    process.umask(umask);
    rmSync(folder, { recursive: true, force: true });
  }
});
