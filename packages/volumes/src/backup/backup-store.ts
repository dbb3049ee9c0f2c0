/**
 * Where backups are kept. A store holds named pieces of bytes; what they mean is backup.ts's business.
 *
 *     /folder, ./folder         a folder of this host
 *     rsync:HOST:PATH           through rsync(1), which must be installed; also rsync://HOST/MODULE/PATH
 *     rclone:REMOTE:PATH        through rclone(1), with its own configuration
 *     s3:BUCKET[/PREFIX]        S3-compatible storage; credentials as other programs find them, AWS_REGION, and
 *                               AWS_ENDPOINT_URL for storage that is not Amazon's
 */
import { spawnSync } from "node:child_process";
import { closeSync, fsyncSync, openSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { replaceFile, scratchFolder, writeWhole } from "@stratos/host-node/files";
import { makeFolders, hostReason } from "@stratos/host-node/home";
import { readS3Credentials, S3Bucket } from "@stratos/host-node/s3";
import { OperationError } from "@stratos/operation";

export interface BackupStore {
  readonly name: string;
  /** Null when there is none of that name. */
  get(piece: string): Promise<Uint8Array | null>;
  /** Durable, and whole or not there, when it returns. */
  put(piece: string, bytes: Uint8Array): Promise<void>;
  remove(piece: string): Promise<void>;
}

/** @throws OperationError */
export function openBackupStore(text: string): BackupStore {
  const s3 = /^s3:(?:\/\/)?([a-z0-9][a-z0-9.-]*)(?:\/(.*))?$/.exec(text);
  if (s3 !== null) return new S3Store(text, s3[1]!, s3[2] ?? "");
  if (text.startsWith("rsync:"))
    return new ToolStore(text, text.startsWith("rsync://") ? text : text.slice("rsync:".length), RSYNC);
  if (text.startsWith("rclone:")) return new ToolStore(text, text.slice("rclone:".length), RCLONE);
  if (/^[a-z0-9]+:/.test(text))
    throw new OperationError(
      "volume",
      text,
      "expected a folder, rsync:HOST:PATH, rclone:REMOTE:PATH or s3:BUCKET/PREFIX",
    );
  return new FolderStore(text);
}

class FolderStore implements BackupStore {
  readonly name: string;

  constructor(folder: string) {
    this.name = folder;
  }

  async get(piece: string): Promise<Uint8Array | null> {
    try {
      return readFileSync(join(this.name, piece));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw new OperationError("volume", join(this.name, piece), hostReason(error), { cause: error });
    }
  }

  async put(piece: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.name, piece);
    try {
      makeFolders(this.name);
      replaceFile(path, bytes, { mode: 0o600 });
      const folder = openSync(this.name, "r");
      fsyncSync(folder);
      closeSync(folder);
    } catch (error) {
      throw new OperationError("volume", path, hostReason(error), { cause: error });
    }
  }

  async remove(piece: string): Promise<void> {
    try {
      unlinkSync(join(this.name, piece));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        throw new OperationError("volume", join(this.name, piece), hostReason(error), { cause: error });
    }
  }
}

interface Tool {
  readonly program: string;
  /** Arguments that copy one file to the place, from it, and remove it there. `empty` is an empty folder. */
  readonly put: (file: string, place: string, piece: string) => readonly string[];
  readonly get: (place: string, piece: string, file: string) => readonly string[];
  readonly remove: (place: string, piece: string, empty: string) => readonly string[];
  /** Exit statuses that mean "not there". */
  readonly absent: readonly number[];
  /** Whether one of them means that by what the program said, where it may mean something else, too. */
  readonly saysAbsent?: (stderr: string) => boolean;
}

const RSYNC: Tool = {
  program: "rsync",
  put: (file, place, piece) => ["-t", "--mkpath", "--", file, `${place}/${piece}`],
  get: (place, piece, file) => ["-t", "--", `${place}/${piece}`, file],
  // rsync removes only what a source folder lacks.
  remove: (place, piece, empty) => [
    "-r",
    "--delete",
    `--include=/${piece}`,
    "--exclude=*",
    "--",
    `${empty}/`,
    `${place}/`,
  ],
  absent: [23, 3],
  // Each line of what could not be read ends with its errno: 23 is the status of EACCES as well, and a list that could
  // not be read must not be taken for none, nor one of which nothing is said.
  saysAbsent: (stderr) => {
    const lines = [...stderr.matchAll(/^rsync: .*\((\d+)\)$/gm)];
    return lines.length > 0 && lines.every(([, errno]) => errno === "2");
  },
};

const RCLONE: Tool = {
  program: "rclone",
  put: (file, place, piece) => ["copyto", "--", file, `${place}/${piece}`],
  get: (place, piece, file) => ["copyto", "--", `${place}/${piece}`, file],
  remove: (place, piece) => ["deletefile", "--", `${place}/${piece}`],
  absent: [3, 4],
};

class ToolStore implements BackupStore {
  readonly name: string;
  readonly #place: string;
  readonly #tool: Tool;

  constructor(name: string, place: string, tool: Tool) {
    this.name = name;
    this.#place = place.replace(/\/+$/, "");
    this.#tool = tool;
  }

  async get(piece: string): Promise<Uint8Array | null> {
    return inFolder((folder) => {
      const file = join(folder, "piece");
      if (!this.#run(this.#tool.get(this.#place, piece, file), true)) return null;
      try {
        return readFileSync(file);
      } catch {
        return null; // Some tools are content to copy nothing.
      }
    });
  }

  async put(piece: string, bytes: Uint8Array): Promise<void> {
    inFolder((folder) => {
      const file = join(folder, piece);
      writeWhole(file, bytes);
      this.#run(this.#tool.put(file, this.#place, piece), false);
    });
  }

  async remove(piece: string): Promise<void> {
    inFolder((folder) => void this.#run(this.#tool.remove(this.#place, piece, folder), true));
  }

  /** @returns false when what it was to copy is not there, which `mayBeAbsent` allows */
  #run(args: readonly string[], mayBeAbsent: boolean): boolean {
    const { program, absent, saysAbsent = () => true } = this.#tool;
    const result = spawnSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    if (result.error !== undefined)
      throw new OperationError(
        "volume",
        this.name,
        (result.error as NodeJS.ErrnoException).code === "ENOENT"
          ? `${program} is not installed`
          : `${program}: ${hostReason(result.error)}`,
      );
    if (result.status === 0) return true;
    if (mayBeAbsent && absent.includes(result.status ?? -1) && saysAbsent(result.stderr)) return false;
    const lines = result.stderr.trim().split("\n");
    // rsync ends with what that means in general.
    const why = lines.find((line) => line.startsWith("rsync: ")) ?? lines.at(-1);
    throw new OperationError("volume", this.name, `${program} failed: ${why || `status ${String(result.status)}`}`);
  }
}

function inFolder<T>(work: (folder: string) => T): T {
  const { path, remove } = scratchFolder("stratos-backup-");
  try {
    return work(path);
  } finally {
    remove();
  }
}

class S3Store implements BackupStore {
  readonly name: string;
  readonly #bucket: S3Bucket;

  constructor(name: string, bucket: string, prefix: string) {
    this.name = name;
    const found = readS3Credentials(process.env);
    if ("problem" in found) throw new OperationError("volume", name, found.problem);
    this.#bucket = new S3Bucket({
      bucket,
      prefix: prefix === "" ? "" : `${prefix.replace(/\/+$/, "")}/`,
      endpoint: process.env["AWS_ENDPOINT_URL"],
      region: process.env["AWS_REGION"] ?? "us-east-1",
      credentials: found.credentials,
    });
  }

  async get(piece: string): Promise<Uint8Array | null> {
    return this.#ask(async () => {
      const content = await this.#bucket.read(piece);
      return content === null ? null : new Uint8Array(await new Response(content).arrayBuffer());
    });
  }

  put(piece: string, bytes: Uint8Array): Promise<void> {
    return this.#ask(() => this.#bucket.write(piece, bytes));
  }

  remove(piece: string): Promise<void> {
    return this.#ask(() => this.#bucket.remove(piece));
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new OperationError("volume", this.name, (error as Error).message, { cause: error });
    }
  }
}
