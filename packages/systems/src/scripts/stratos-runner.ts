/**
 * Runs a script of a tree inside Stratos: the tree becomes a volume, the volume a machine's root. The machine is
 * deterministic and its clock begins behind the newest time of the tree, so a file that has changed is known by its
 * change time, and every run gives the same.
 */
import { mkdirSync, rmSync } from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { Attributes, ROOT_INO, type Subvolume } from "@stratos/aegisfs";
import { ERRNO_NAMES, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { ScriptError, type ScriptJob, type ScriptRunner, type TreeChanges } from "@stratos/compose";
import { comparePaths, fileEntry, MemoryBlob, type FileEntry, type FileKind, type FileTree } from "@stratos/formats";
import { nodePorts, stratosHome } from "@stratos/host-node";
import { openHostInput, openHostOutput } from "@stratos/kernel";
import { writeTreeEntry } from "@stratos/pkg";
import { exitStatusOf, findGuestUser, GUEST_PATH, MachineSession, readerOf } from "@stratos/session";
import { DEFAULT_MEMORY } from "@stratos/images/defaults";
import { createVolume, EMPTY_INPUT, lineOutput, type OpenVolume } from "@stratos/images";
import { keptTranslations } from "@stratos/images/translations";
import { decodeDevice, entriesOf, exactSize, VolumeWriter, xattrsOf } from "@stratos/images/content";

/** Behind the newest time of a tree, by a day. */
const AFTER_SECONDS = 86_400;
const SEED = 1;
const LAST_LINES = 20;

export class StratosRunner implements ScriptRunner {
  readonly id = "stratos";
  readonly #folder: string;

  /** @param folder  for the volume, which is gone when the script has ended */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async run(job: ScriptJob): Promise<TreeChanges> {
    job.signal.throwIfAborted();
    if (job.architecture !== "riscv64")
      throw new ScriptError(
        `Stratos runs programs of riscv64, not of ${job.architecture}; the runner native runs what the host can`,
      );
    if (job.hasNetwork) throw new ScriptError("scripts have no network inside Stratos; set build.network to false");
    mkdirSync(this.#folder, { recursive: true });
    const path = join(this.#folder, `work-${process.pid}-${randomBytes(4).toString("hex")}.aegisfs`);
    const opened = createVolume(path, "compose", true);
    try {
      // Whatever becomes of this process, the file goes with it, where the host allows that.
      if (process.platform !== "win32") rmSync(path);
      writeTree(opened.volume.root, job.tree);
      await runScript(opened, job);
      return readChanges(opened.volume.root, job);
    } finally {
      opened.close();
      rmSync(path, { force: true });
    }
  }
}

function writeTree(files: Subvolume, tree: FileTree): void {
  const writer = new VolumeWriter(files);
  for (const entry of tree.entries()) writeTreeEntry(writer, entry);
  writer.finish();
}

async function runScript(opened: OpenVolume, job: ScriptJob): Promise<void> {
  const last: string[] = [];
  const onLine = (line: string): void => {
    last.push(line);
    if (last.length > LAST_LINES) last.shift();
    job.onLine(line);
  };
  const session = new MachineSession({
    ports: { ...nodePorts(), codeArchive: keptTranslations(stratosHome()) },
    volume: opened.volume,
    memoryBytes: DEFAULT_MEMORY,
    seed: SEED,
    startMs: (job.epochSeconds + AFTER_SECONDS) * 1000,
    hostname: job.hostname,
    log: (line) => onLine(`kernel: ${line}`),
  });
  const onAbort = (): void => session.stop();
  job.signal.addEventListener("abort", onAbort, { once: true });
  try {
    const output = lineOutput((line) => onLine(byteStringToUtf8(line)));
    const { kernel } = session.machine;
    const environment = Object.entries({ PATH: GUEST_PATH, HOME: "/root", LC_ALL: "C.UTF-8", ...job.environment }).map(
      ([name, value]) => utf8ToByteString(`${name}=${value}`),
    );
    const argv = ["/bin/sh", `/${job.script}`];
    session.start(
      {
        program: argv[0]!,
        argv,
        environment,
        workingDirectory: "/",
        user: findGuestUser(readerOf(opened.volume.root), "0"),
      },
      [openHostInput(kernel, EMPTY_INPUT), openHostOutput(kernel, output), openHostOutput(kernel, output)],
    );
    const status = exitStatusOf(await session.run());
    session.machine.sync();
    session.machine.processor.submitProfile();
    job.signal.throwIfAborted();
    if (status !== 0)
      throw new ScriptError(
        `/${job.script} ended with status ${status}` +
          `${last.length === 0 ? "" : `\n${last.map((line) => `  ${line}`).join("\n")}`}`,
      );
  } finally {
    job.signal.removeEventListener("abort", onAbort);
  }
}

const KINDS: Readonly<Record<number, FileKind>> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFCHR]: "character",
  [S_IFBLK]: "block",
  [S_IFIFO]: "fifo",
};
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function readChanges(files: Subvolume, job: ScriptJob): TreeChanges {
  const changed: FileEntry[] = [];
  const present = new Set<string>();
  const attributes = new Attributes();
  /** inode number → its first name, of those that have several */
  const firstNames = new Map<number, string>();
  const stack: { path: string; ino: number }[] = [{ path: "", ino: ROOT_INO }];
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    const { path, ino } = place;
    expect(path, files.stat(ino, attributes));
    const kind = KINDS[attributes.mode & S_IFMT];
    // A socket is a name for a process that no longer runs.
    if (kind === undefined) continue;
    present.add(path);
    if (kind === "directory") stack.push(...childrenOf(files, path, ino).reverse());
    const first = firstNames.get(ino);
    if (kind !== "directory" && attributes.nlink > 1 && first === undefined) firstNames.set(ino, path);
    if (attributes.ctimeSeconds <= job.epochSeconds) continue;
    const fields = {
      mode: attributes.mode & 0o7777,
      uid: attributes.uid,
      gid: attributes.gid,
      mtime: attributes.mtimeSeconds,
      xattrs: known(path, xattrsOf(files, ino)),
    };
    if (first !== undefined) changed.push(fileEntry(path, "hardLink", { ...fields, target: first }));
    else if (kind === "file")
      changed.push(
        fileEntry(path, kind, {
          ...fields,
          content: new MemoryBlob(contentOf(files, path, ino, exactSize(path, attributes.size)), sha256),
        }),
      );
    else if (kind === "symlink")
      changed.push(fileEntry(path, kind, { ...fields, target: known(path, files.readlink(ino)) }));
    else if (kind === "character" || kind === "block") {
      const { major, minor } = decodeDevice(attributes.rdev);
      changed.push(fileEntry(path, kind, { ...fields, deviceMajor: major, deviceMinor: minor }));
    } else changed.push(fileEntry(path, kind, fields));
  }
  const removed: string[] = [];
  for (const { path } of job.tree.entries())
    if (!present.has(path) && !removed.some((one) => path.startsWith(`${one}/`))) removed.push(path);
  changed.sort((left, right) => comparePaths(left.path, right.path));
  // A link's file may come behind it in the order of paths; files go first.
  return {
    removed,
    changed: [
      ...changed.filter(({ kind }) => kind !== "hardLink"),
      ...changed.filter(({ kind }) => kind === "hardLink"),
    ],
  };
}

function contentOf(files: Subvolume, path: string, ino: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size;) {
    const count = expect(path, files.read(ino, done, bytes, done, size - done));
    if (count === 0) throw new ScriptError(`/${path}: is shorter than its size says`);
    done += count;
  }
  return bytes;
}

function childrenOf(files: Subvolume, path: string, ino: number): { path: string; ino: number }[] {
  const children = known(path, entriesOf(files, ino)).map((entry) => ({
    path: path === "" ? entry.name : `${path}/${entry.name}`,
    ino: entry.ino,
  }));
  return children.sort((left, right) => comparePaths(left.path, right.path));
}

function expect(path: string, result: number): number {
  return result < 0 ? fail(path, result) : result;
}

/** What the volume said, unless it was an errno. */
function known<T>(path: string, result: T | number): T {
  return typeof result === "number" ? fail(path, result) : result;
}

function fail(path: string, errno: number): never {
  throw new ScriptError(`/${path}: the volume says ${ERRNO_NAMES[-errno] ?? String(-errno)}`);
}
