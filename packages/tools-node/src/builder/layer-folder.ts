/**
 * Layers of roots in a folder of the host. A layer is written under another name and renamed when it is whole and on
 * the disk, so what has a key is sound; it never changes after that.
 *
 *     layers/KEY/tree         files, and whiteouts as overlayfs has them
 *     layers/KEY/layer.json   what it is made of; its time is when it was last used
 *     layers/KEY/manifest     each file with its attributes and hash, for scrub
 */
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { InfrastructureError, type LayerContent, type LayerInfo } from "@stratos/builder";
import { feedArchive, withoutDevices } from "../compose/root-archive.ts";
import { isForgotten, ownerText } from "./work-owner.ts";
import { failedAt, writeWhole } from "@stratos/host-node/files";
import { endOfProcess, killChild } from "@stratos/host-node/home";
import { isRoot, spawnForFiles, tailOf } from "./namespaces.ts";

/**
 * $1: the folder, with `removed` in it; standard input: the tree. A device 0:0 hides what is below (Linux
 * Documentation/filesystems/overlayfs.rst).
 */
const WRITE_LAYER = `set -eu
cd "$1"
tar -x -p --same-owner --numeric-owner --xattrs --xattrs-include='*' -f - -C tree
xargs -0 -r sh -c 'for path; do mknod -m 0000 "tree/$path" c 0 0; done' sh <removed
rm removed
sync -f .`;

/** $1: the tree; writes its files with attributes, then with hashes, one to a line. */
const LIST_LAYER = `set -eu
cd "$1"
find . -xdev -printf '%y %m %U %G %T@ %s %n %l %P\\0' | sort -z | tr '\\n\\0' '?\\n'
find . -xdev -type f -print0 | sort -z | xargs -0 -r sha256sum | tr -d '\\\\'`;

export interface KeptLayer extends LayerInfo {
  /** milliseconds since 1970 */
  readonly madeMs: number;
  readonly usedMs: number;
  readonly bytes: number;
}

export class LayerFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** relative to the builder's folder */
  static place(key: string): string {
    return `layers/${key}/tree`;
  }

  has(key: string): boolean {
    return existsSync(this.#at(key, "layer.json"));
  }

  /** Notes that the layer was used now. */
  touch(key: string): void {
    try {
      utimesSync(this.#at(key, "layer.json"), new Date(), new Date());
    } catch {
      // A folder that may only be read serves as well.
    }
  }

  /** @throws InfrastructureError */
  async write(info: LayerInfo, { tree, removed }: LayerContent): Promise<void> {
    const folder = `${this.#at(info.key)}.new.${process.pid}`;
    mkdirSync(join(this.#folder, "layers"), { recursive: true });
    await removeTree(folder);
    mkdirSync(join(folder, "tree"), { recursive: true });
    try {
      writeWhole(join(folder, "owner"), ownerText());
      writeWhole(join(folder, "removed"), Buffer.from(removed.map((path) => `${path}\0`).join(""), "latin1"));
      const child = spawnForFiles(WRITE_LAYER, [folder], ["pipe", "ignore", "pipe"]),
        told = tailOf(child);
      const [status] = await Promise.all([
        endOfProcess(child),
        feedArchive(child.stdin!, withoutDevices(tree)).catch((error: unknown) => {
          killChild(child, "SIGKILL");
          throw error;
        }),
      ]);
      if (status !== 0)
        throw new InfrastructureError(`a layer cannot be written to ${folder}: ${told() || `status ${status}`}`);
      await this.#list(join(folder, "tree"), join(folder, "manifest"));
      const bytes = readFileSync(join(folder, "manifest"), "latin1")
        .split("\n")
        .reduce((sum, line) => sum + (/^f \S+ \S+ \S+ \S+ (\d+)/.test(line) ? Number(line.split(" ")[5]) : 0), 0);
      writeWhole(join(folder, "layer.json"), `${JSON.stringify({ ...info, madeMs: Date.now(), bytes }, null, 1)}\n`);
      rmSync(join(folder, "owner"));
      try {
        renameSync(folder, this.#at(info.key));
      } catch (error) {
        // Another build may have made it meanwhile.
        if (!this.has(info.key)) throw error;
      }
    } finally {
      await removeTree(folder);
    }
  }

  list(): KeptLayer[] {
    const layers: KeptLayer[] = [];
    for (const name of namesIn(join(this.#folder, "layers"))) {
      if (!/^[0-9a-f]{32}$/.test(name)) continue;
      try {
        const path = this.#at(name, "layer.json"),
          kept = JSON.parse(readFileSync(path, "utf8")) as Omit<KeptLayer, "usedMs">;
        layers.push({ ...kept, key: name, usedMs: statSync(path).mtimeMs });
      } catch {
        // Being removed.
      }
    }
    return layers.sort((left, right) => right.usedMs - left.usedMs);
  }

  /** @returns what is not as it was made, one for each path; undefined: there is no such layer */
  async scrub(key: string): Promise<string[] | undefined> {
    if (!this.has(key)) return undefined;
    const now = this.#at(key, `manifest.now.${process.pid}`);
    try {
      await this.#list(this.#at(key, "tree"), now);
      const before = linesOf(this.#at(key, "manifest")),
        after = linesOf(now);
      const pathOf = (line: string): string =>
        (/^[0-9a-f]{64} {2}\.\/(.*)$/.exec(line) ?? /^\S+ \S+ \S+ \S+ \S+ \S+ \S+ \S* (.*)$/.exec(line))?.[1] ?? line;
      const damaged = new Set(
        [...[...before].filter((line) => !after.has(line)), ...[...after].filter((line) => !before.has(line))].map(
          pathOf,
        ),
      );
      return [...damaged].sort();
    } finally {
      rmSync(now, { force: true });
    }
  }

  /** Takes it away at once, for whoever comes next; what is mounted somewhere stays there until it is not. */
  async remove(key: string): Promise<void> {
    const gone = `${this.#at(key)}.gone.${process.pid}`;
    renameSync(this.#at(key), gone);
    await removeTree(gone);
  }

  /** What builders left that were killed. */
  async removeForgotten(): Promise<void> {
    for (const name of namesIn(join(this.#folder, "layers"))) {
      const match = /^[0-9a-f]{32}\.(new|gone)\.\d+$/.exec(name),
        path = join(this.#folder, "layers", name);
      if (match !== null && (match[1] === "gone" || isForgotten(join(path, "owner")))) await removeTree(path);
    }
  }

  async #list(tree: string, target: string): Promise<void> {
    const child = spawnForFiles(LIST_LAYER, [tree], ["ignore", "pipe", "pipe"]);
    let told = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      told = (told + text).slice(-1000);
    });
    const file = createWriteStream(target);
    (child.stdout as Readable).pipe(file);
    const [status] = await Promise.all([
      endOfProcess(child),
      new Promise<void>((resolve, reject) => {
        file.on("close", () => resolve());
        file.on("error", (error) => reject(failedAt(target, error) as Error));
      }),
    ]);
    if (status !== 0) throw new InfrastructureError(`${tree} cannot be read: ${told.trim() || `status ${status}`}`);
  }

  #at(key: string, name = ""): string {
    return join(this.#folder, "layers", key, name);
  }
}

/** Also what belongs to subordinate ids. */
export async function removeTree(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (isRoot()) return rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  const status = await endOfProcess(
    spawnForFiles('chmod -R u+rwX -- "$1" 2>/dev/null; rm -rf -- "$1"', [path], "ignore"),
  );
  if (status !== 0) throw new InfrastructureError(`${path} cannot be removed`);
}

export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * Of a list of files. How large a folder is, and how many names it has, is the file system's business: another one
 * says something else, and so does the same one after the layer was copied.
 */
function linesOf(path: string): Set<string> {
  return new Set(
    readFileSync(path, "latin1")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.replace(/^(d \S+ \S+ \S+ \S+) \d+ \d+ /, "$1 - - ")),
  );
}
