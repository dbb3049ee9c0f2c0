/**
 * Clean roots inside Stratos: each is a clone of an AegisFS volume, and each command a machine of its own over it. The
 * machine is deterministic: time is counted in instructions, and chance comes from the seed, so a build is the same
 * each time, whatever it embeds of either. It runs riscv64 on any host.
 *
 *     builder/volumes/KEY.aegisfs     a root as a volume, made once
 *     builder/work/PID-N.aegisfs      a clone: what a build wrote; its name goes when it is open
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  utimesSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { writeWhole } from "@stratos/host-node/files";
import { S_IFDIR, S_IFMT, S_IFREG } from "@stratos/abi";
import { Attributes, ATTRIBUTE_MTIME, ROOT_INO, type Subvolume } from "@stratos/aegisfs";
import { utf8ToByteString } from "@stratos/base";
import {
  InfrastructureError,
  type BroughtFile,
  type CleanRoot,
  type CloneSettings,
  type LayerContent,
  type LayerInfo,
  type RootCarrier,
  type RootCommand,
  type RootExit,
} from "@stratos/builder";
import { nodePorts, stratosHome } from "@stratos/host-node";
import { openHostInput, openHostOutput } from "@stratos/kernel";
import { writeTreeEntry } from "@stratos/pkg";
import { exitStatusOf, MachineSession, readVolumeFile, writeVolumeFile } from "@stratos/session";
import { DEFAULT_MEMORY } from "@stratos/images/defaults";
import { cloneVolumeToLayer, createVolume, EMPTY_INPUT, type OpenVolume } from "@stratos/images";
import { VolumeWriter } from "@stratos/images/content";
import { keptTranslations } from "@stratos/images/translations";

/** A machine's clock begins so much after the root's newest file. */
const AFTER_SECONDS = 86_400;
const FILE_MODE = 0o644;

export class StratosCarrier implements RootCarrier {
  readonly id = "stratos";
  readonly isLayered = false;
  readonly #folder: string;
  readonly #seed: number;
  #serial = 0;

  /** @param folder  the builder's own; `seed`: of the machines */
  constructor(folder: string, seed: number) {
    this.#folder = folder;
    this.#seed = seed;
  }

  fixed(): Readonly<Record<string, string>> {
    return { fileordering: "a volume of AegisFS has one order" };
  }

  async has(key: string): Promise<boolean> {
    return existsSync(this.#place(key));
  }

  async write(info: LayerInfo, { tree }: LayerContent): Promise<void> {
    const path = this.#place(info.key),
      draft = `${path}.new.${process.pid}`;
    mkdirSync(join(this.#folder, "volumes"), { recursive: true });
    rmSync(draft, { force: true });
    try {
      const opened = createVolume(draft, "root");
      try {
        const writer = new VolumeWriter(opened.volume.root);
        for (const entry of tree.entries()) writeTreeEntry(writer, entry);
        writer.finish();
      } finally {
        opened.close();
      }
      writeWhole(`${path}.json`, `${JSON.stringify(info, null, 1)}\n`);
      renameSync(draft, path);
    } finally {
      rmSync(draft, { force: true });
    }
  }

  obstacle(architecture: string): string | undefined {
    return architecture === "riscv64"
      ? undefined
      : `Stratos runs programs of riscv64, not of ${architecture}; --in linux runs what the host does`;
  }

  async clone(layers: readonly string[], settings: CloneSettings): Promise<CleanRoot> {
    const obstacle = this.obstacle(settings.architecture);
    if (obstacle !== undefined) throw new InfrastructureError(obstacle);
    if (settings.hasCompilerCache === true)
      throw new InfrastructureError("builds inside Stratos share no cache of compilations");
    const base = this.#place(layers.at(-1)!),
      work = join(this.#folder, "work", `${process.pid}-${this.#serial++}.aegisfs`);
    utimesSync(base, new Date(), new Date());
    mkdirSync(join(this.#folder, "work"), { recursive: true });
    rmSync(work, { force: true });
    const opened = cloneVolumeToLayer([base], work);
    // Whatever becomes of this process, the file goes with it, where the host allows that.
    if (process.platform !== "win32") rmSync(work);
    return new StratosRoot(opened, work, settings, this.#seed);
  }

  #place(key: string): string {
    return join(this.#folder, "volumes", `${key}.aegisfs`);
  }
}

class StratosRoot implements CleanRoot {
  readonly place: string;
  readonly #opened: OpenVolume;
  readonly #settings: CloneSettings;
  readonly #seed: number;
  readonly #attributes = new Attributes();

  constructor(opened: OpenVolume, place: string, settings: CloneSettings, seed: number) {
    this.#opened = opened;
    this.place = place;
    this.#settings = settings;
    this.#seed = seed;
  }

  get #files(): Subvolume {
    return this.#opened.volume.root;
  }

  async bring(files: readonly BroughtFile[]): Promise<void> {
    const { user, buildFolder, hostname } = this.#settings,
      { id } = user;
    const add = (path: string, line: string): void => {
      const text = Buffer.from(readVolumeFile(this.#files, path) ?? new Uint8Array(0)).toString("latin1");
      if (!text.includes(`\n${user.name}:`) && !writeVolumeFile(this.#files, path, Buffer.from(`${text}${line}\n`)))
        throw new InfrastructureError(`/${path} cannot be written`);
    };
    add("etc/passwd", `${user.name}:x:${id}:${id}:builder:/nonexistent:/bin/sh`);
    add("etc/group", `${user.name}:x:${id}:`);
    writeVolumeFile(this.#files, "etc/hosts", Buffer.from(`127.0.0.1\tlocalhost ${hostname}\n::1\tlocalhost\n`));
    writeVolumeFile(this.#files, "etc/hostname", Buffer.from(`${hostname}\n`));
    let folder = ROOT_INO;
    const names = buildFolder.split("/").filter((name) => name !== "");
    for (const [index, name] of names.entries())
      folder = this.#folder(folder, name, index === names.length - 1 ? id : 0);
    for (const { from, name } of files) this.#copy(folder, name, from);
    this.#expect(buildFolder, this.#opened.volume.sync());
  }

  /**
   * Files and links of the host with the build's user as their owner; of folders, what version control keeps of itself
   * stays behind.
   */
  #copy(folder: number, name: string, from: string): void {
    const { id } = this.#settings.user,
      stats = lstatSync(from),
      inGuest = utf8ToByteString(name);
    let ino: number;
    if (stats.isDirectory()) {
      ino = this.#folder(folder, inGuest, id);
      for (const inner of readdirSync(from).sort())
        if (inner !== ".git" && inner !== ".pc") this.#copy(ino, inner, join(from, inner));
    } else if (stats.isSymbolicLink())
      return void this.#expect(
        from,
        this.#files.symlink(folder, inGuest, utf8ToByteString(readlinkSync(from)), id, id),
      );
    else if (stats.isFile()) {
      ino = this.#expect(from, this.#files.create(folder, inGuest, S_IFREG | (stats.mode & 0o777), id, id));
      const bytes = readFileSync(from);
      for (let done = 0; done < bytes.length;)
        done += this.#expect(from, this.#files.write(ino, done, bytes, done, bytes.length - done));
    } else throw new InfrastructureError(`${from}: is no file, link or folder`);
    // A file of the future would be made anew for ever.
    this.#attributes.mtimeSeconds = Math.min(Math.floor(stats.mtimeMs / 1000), this.#settings.epochSeconds);
    this.#attributes.mtimeNanoseconds = 0;
    this.#expect(from, this.#files.setAttributes(ino, this.#attributes, ATTRIBUTE_MTIME));
  }

  async write(name: string, content: Uint8Array): Promise<void> {
    const path = `${this.#settings.buildFolder}/${name}`.slice(1);
    if (!writeVolumeFile(this.#files, path, content)) throw new InfrastructureError(`/${path} cannot be written`);
    this.#expect(path, this.#opened.volume.sync());
  }

  #folder(parent: number, name: string, owner: number): number {
    const found = this.#files.lookup(parent, name);
    return found >= 0 ? found : this.#expect(name, this.#files.create(parent, name, S_IFDIR | 0o755, owner, owner));
  }

  async run(command: RootCommand): Promise<RootExit> {
    const { limits, signal, user, hostname, epochSeconds } = this.#settings;
    signal.throwIfAborted();
    if (command.hasNetwork === true || command.isInteractive === true)
      throw new InfrastructureError("a build's root inside Stratos has neither network nor terminal");
    const lines: string[] = [];
    const session = new MachineSession({
      ports: { ...nodePorts(), codeArchive: keptTranslations(stratosHome()) },
      volume: this.#opened.volume,
      memoryBytes: Math.min(limits.memoryBytes, DEFAULT_MEMORY),
      seed: this.#seed,
      startMs: (epochSeconds + AFTER_SECONDS) * 1000,
      hostname,
      log: (line) => {
        if (lines.push(line) < 1000) command.onOutput(Buffer.from(`kernel: ${line}\n`));
      },
    });
    let stopped: RootExit["stopped"],
      loggedBytes = 0,
      heardMs = performance.now();
    const stop = (kind: "timeout" | "killed", why: string): void => {
      stopped ??= { kind, why };
      session.stop();
    };
    const onAbort = (): void => stop("killed", "stopped");
    signal.addEventListener("abort", onAbort, { once: true });
    const startedMs = heardMs;
    const watcher = setInterval(() => {
      if (performance.now() - startedMs > limits.timeoutSeconds * 1000)
        stop("timeout", `it ran for longer than ${limits.timeoutSeconds} s`);
      else if (performance.now() - heardMs > limits.silenceSeconds * 1000)
        stop("timeout", `it wrote nothing for ${limits.silenceSeconds} s`);
    }, 1000);
    try {
      const output = {
        room: 1 << 16,
        isBroken: false,
        onWritable: () => {},
        write(bytes: Uint8Array, at: number, count: number): number {
          heardMs = performance.now();
          loggedBytes += count;
          if (loggedBytes > limits.logBytes)
            stop("killed", `it wrote more than ${Math.round(limits.logBytes / 2 ** 20)} MiB of output`);
          else command.onOutput(new Uint8Array(bytes.subarray(at, at + count)));
          return count;
        },
      };
      const { kernel } = session.machine,
        id = command.asRoot === true ? 0 : user.id;
      const argv = ["/bin/sh", "-c", 'umask "$1"; shift; "$@"; exit $?', "sh", command.umask, ...command.argv].map(
        utf8ToByteString,
      );
      session.start(
        {
          program: argv[0]!,
          argv,
          environment: Object.entries(command.environment).map(([name, value]) => utf8ToByteString(`${name}=${value}`)),
          workingDirectory: utf8ToByteString(command.folder),
          user: { uid: id, gid: id, groups: [], name: user.name, home: "/nonexistent", shell: "/bin/sh" },
        },
        [openHostInput(kernel, EMPTY_INPUT), openHostOutput(kernel, output), openHostOutput(kernel, output)],
      );
      const status = exitStatusOf(await session.run());
      session.machine.sync();
      session.machine.processor.submitProfile();
      return { status, ...(stopped === undefined ? {} : { stopped }), cpuMs: undefined, peakBytes: 0 };
    } finally {
      clearInterval(watcher);
      signal.removeEventListener("abort", onAbort);
    }
  }

  async read(name: string, sizeMax: number): Promise<Uint8Array | undefined> {
    const ino = this.#find(name);
    if (ino === undefined || Number(this.#attributes.size) > sizeMax) return undefined;
    const bytes = new Uint8Array(Number(this.#attributes.size));
    for (let done = 0; done < bytes.length;)
      done += this.#expect(name, this.#files.read(ino, done, bytes, done, bytes.length - done));
    return bytes;
  }

  async take(name: string, target: string): Promise<{ readonly size: number; readonly sha256: string } | undefined> {
    const bytes = await this.read(name, Number.MAX_SAFE_INTEGER);
    if (bytes === undefined) return undefined;
    const temporary = `${target}.new.${process.pid}`;
    try {
      writeWhole(temporary, bytes, { mode: FILE_MODE });
      renameSync(temporary, target);
    } finally {
      rmSync(temporary, { force: true });
    }
    return { size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  }

  /** No links are followed. */
  #find(name: string): number | undefined {
    let ino = ROOT_INO;
    for (const part of [...this.#settings.buildFolder.split("/"), name]) {
      if (part === "") continue;
      ino = this.#files.lookup(ino, utf8ToByteString(part));
      if (ino < 0) return undefined;
    }
    return this.#files.stat(ino, this.#attributes) === 0 && (this.#attributes.mode & S_IFMT) === S_IFREG
      ? ino
      : undefined;
  }

  async drop(): Promise<void> {
    this.#opened.close();
    rmSync(this.place, { force: true });
  }

  #expect(what: string, result: number): number {
    if (result < 0) throw new InfrastructureError(`${what}: the root's volume says ${-result}`);
    return result;
  }
}
