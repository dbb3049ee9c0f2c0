/** `stratos cp`: files and folders of a running system. Links are followed, as by `cp -L`; other kinds are left out. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { StratosError } from "@stratos/sdk/client";
import type { FileStatus, FolderEntry } from "@stratos/sdk/api";
import type { SupervisorOperations } from "@stratos/supervisor/protocol";
import type { SupervisorClient } from "@stratos/supervisor/client";
import { UsageError } from "../command-error.ts";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { withSupervisor } from "./supervisor.ts";

/** Links may lead in circles. */
const DEPTH_MAX = 200;

/** `NAME:PATH`; null: a path of this host (`./a:b`, `/a:b`). */
function placeOf(text: string): { readonly name: string; readonly path: string } | null {
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]*):(.*)$/s.exec(text);
  return match === null ? null : { name: match[1]!, path: posix.resolve("/", match[2]!) };
}

/** @returns the exit status */
export function copyFiles(from: string, to: string): Promise<number> {
  const [source, target] = [placeOf(from), placeOf(to)];
  if ((source === null) === (target === null))
    throw new UsageError("cp", "one of the two is NAME:PATH, the other a path of this host");
  return withSupervisor(async (client) => {
    const system = await SystemFiles.open(client, (source ?? target)!.name);
    if (source !== null) {
      const into = statSync(to, { throwIfNoEntry: false });
      // The contents of `DIR/.` go into the target itself, as in cp(1).
      const isContent = from.endsWith("/.");
      await copyOut(
        system,
        source.path,
        into?.isDirectory() === true && !isContent ? join(to, basename(source.path)) : to,
      );
    } else {
      const into = await system.statusIfThere(target!.path);
      const isContent = from.endsWith("/.");
      const path = into?.kind === "folder" && !isContent ? posix.join(target!.path, basename(from)) : target!.path;
      await copyIn(system, from, path);
    }
    return EXIT_SUCCESS;
  });
}

async function copyOut(system: SystemFiles, from: string, to: string, depth = 0): Promise<void> {
  const { kind, mode: all } = await system.status(from);
  // What the system's root gave away (set-user-id) is not this user's to give.
  const mode = all & 0o777;
  if (kind === "file") return writeFileSync(to, await system.read(from), { mode });
  if (kind !== "folder") return leaveOut(from, kind);
  checkDepth(from, depth);
  mkdirSync(to, { recursive: true, mode: mode | 0o700 });
  for (const { name } of await system.list(from))
    await copyOut(system, posix.join(from, name), join(to, name), depth + 1);
}

async function copyIn(system: SystemFiles, from: string, to: string, depth = 0): Promise<void> {
  const status = statSync(from);
  if (status.isFile()) return system.write(to, readFileSync(from), status.mode & 0o7777);
  if (!status.isDirectory()) return leaveOut(from, "device");
  checkDepth(from, depth);
  await system.makeFolder(to, status.mode & 0o7777);
  for (const name of readdirSync(from)) await copyIn(system, join(from, name), posix.join(to, name), depth + 1);
}

function leaveOut(path: string, kind: string): void {
  process.stderr.write(`stratos: ${path}: left out, since it is a ${kind}\n`);
}

function checkDepth(path: string, depth: number): void {
  if (depth > DEPTH_MAX) throw new StratosError("file", `${path}: links lead in circles`, { path, code: "ELOOP" });
}

type FileCall = Omit<SupervisorOperations["file"], "target">;

/** By absolute path, as root sees them. */
class SystemFiles {
  readonly #client: SupervisorClient;
  readonly #target: number;

  private constructor(client: SupervisorClient, target: number) {
    this.#client = client;
    this.#target = target;
  }

  static async open(client: SupervisorClient, name: string): Promise<SystemFiles> {
    return new SystemFiles(client, (await client.call("open-system", { name }).answer).value as number);
  }

  #call(request: FileCall, bytes?: Uint8Array): Promise<{ value: unknown; bytes: Uint8Array }> {
    return this.#client.call("file", { target: this.#target, ...request }, bytes === undefined ? {} : { bytes }).answer;
  }

  async read(path: string): Promise<Uint8Array> {
    return (await this.#call({ action: "read", path })).bytes;
  }

  async write(path: string, bytes: Uint8Array, mode: number): Promise<void> {
    await this.#call({ action: "write", path, mode }, bytes);
  }

  async list(path: string): Promise<readonly FolderEntry[]> {
    return (await this.#call({ action: "list", path })).value as readonly FolderEntry[];
  }

  async status(path: string): Promise<FileStatus> {
    return (await this.#call({ action: "status", path })).value as FileStatus;
  }

  async statusIfThere(path: string): Promise<FileStatus | null> {
    try {
      return await this.status(path);
    } catch (error) {
      if (error instanceof StratosError && error.kind === "file") return null;
      throw error;
    }
  }

  async makeFolder(path: string, mode: number): Promise<void> {
    if ((await this.statusIfThere(path))?.kind !== "folder") await this.#call({ action: "make-folder", path, mode });
  }
}
