/**
 * What a person has thrown away, and may have back: the trash in the home folder (freedesktop.org, Trash specification
 * 1.0), which the machine's own programs (`gio trash`, trash-cli, file managers) share. What lies on another file
 * system is not carried there: that could take long, and fill the home's.
 */
import { StratosError } from "@stratos/sdk/client";
import type { FileAccess } from "@stratos/sdk/api";
import { Refusal } from "@stratos/volumes/rest-input";

interface TrashEntry {
  /** Its name in the trash, which no other has there. */
  readonly name: string;
  /** Where it was; null: nothing says so. */
  readonly path: string | null;
  /** As the clock of the one who threw it away said; null: nothing says so. */
  readonly deleted: string | null;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}

/** Entries that are shown. */
const ENTRIES_MAX = 5000;
const INFO_BYTES_MAX = 16 << 10;
const PRIVATE = 0o700;

export class Trash {
  readonly #files: FileAccess;
  readonly #home: string;
  /** One after the other, so that no two take one name. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param home  empty: its user has none, and no trash */
  constructor(files: FileAccess, home: string) {
    this.#files = files;
    this.#home = home;
  }

  get #folder(): string {
    return `${this.#home}/.local/share/Trash`;
  }

  #filePath(name: string): string {
    return `${this.#folder}/files/${name}`;
  }

  #infoPath(name: string): string {
    return `${this.#folder}/info/${name}.trashinfo`;
  }

  /** @returns its name there. @throws Refusal where that cannot be; StratosError */
  async take(path: string): Promise<string> {
    if (this.#home === "") throw new Refusal(409, `${path}: its user has no home folder, so no trash`);
    if (`${this.#folder}/`.startsWith(`${path}/`) || path === "/") throw new Refusal(409, `${path}: holds the trash`);
    if (path.startsWith(`${this.#folder}/`)) throw new Refusal(409, `${path}: is in the trash`);
    return this.#alone(async () => {
      for (const each of ["files", "info"])
        await this.#files.mkdir(`${this.#folder}/${each}`, { parents: true, mode: PRIVATE });
      const name = await this.#freeName(path.slice(path.lastIndexOf("/") + 1));
      // The specification: first the note, so that nothing lies there of which nobody knows where it was.
      await this.#files.write(this.#infoPath(name), infoText(path), { mode: 0o600 });
      try {
        await this.#files.rename(path, this.#filePath(name));
      } catch (error) {
        await this.#files.rm(this.#infoPath(name)).catch(() => {});
        if (codeOf(error) !== "EXDEV") throw error;
        throw new Refusal(409, `${path}: lies on another file system than the trash`);
      }
      return name;
    });
  }

  async list(): Promise<{ readonly entries: readonly TrashEntry[]; readonly isWhole: boolean }> {
    const there = this.#home === "" ? [] : await this.#files.list(`${this.#folder}/files`).catch(noneThere);
    const entries = await Promise.all(
      there.slice(0, ENTRIES_MAX).map(async ({ name, kind }) => {
        const status = await this.#files.stat(this.#filePath(name)).catch(() => null);
        return {
          name,
          ...(await this.#infoOf(name)),
          isFolder: kind === "folder",
          sizeBytes: status?.sizeBytes ?? 0,
        };
      }),
    );
    return { entries, isWhole: there.length <= ENTRIES_MAX };
  }

  /** Puts it back where it was, for which folders on the way are made. @returns where. @throws Refusal, StratosError */
  async restore(name: string): Promise<string> {
    checkName(name);
    return this.#alone(async () => {
      const { path } = await this.#infoOf(name);
      if (path === null) throw new Refusal(409, `${name}: nothing says where it was`);
      if (await this.#isThere(path)) throw new Refusal(409, `${path}: is there already`);
      const folder = path.slice(0, path.lastIndexOf("/"));
      if (folder !== "") await this.#files.mkdir(folder, { parents: true });
      await this.#files.rename(this.#filePath(name), path);
      await this.#files.rm(this.#infoPath(name)).catch(() => {});
      return path;
    });
  }

  /** For good. @param name  null: all that is there */
  async remove(name: string | null): Promise<void> {
    if (name !== null) checkName(name);
    await this.#alone(async () => {
      const names =
        name !== null ? [name] : (await this.#files.list(`${this.#folder}/files`).catch(noneThere)).map((e) => e.name);
      for (const each of names) {
        await this.#files.rm(this.#filePath(each), { recursive: true });
        await this.#files.rm(this.#infoPath(each)).catch(() => {});
      }
    });
  }

  async #infoOf(name: string): Promise<Pick<TrashEntry, "path" | "deleted">> {
    const size = await this.#files.stat(this.#infoPath(name)).catch(() => null);
    const isReadable = size !== null && size.sizeBytes <= INFO_BYTES_MAX;
    return parseInfo(isReadable ? await this.#files.readText(this.#infoPath(name)).catch(() => "") : "");
  }

  async #freeName(name: string): Promise<string> {
    for (let number = 1; ; number++) {
      const free = number === 1 ? name : `${name}.${number}`;
      if (!(await this.#isThere(this.#filePath(free))) && !(await this.#isThere(this.#infoPath(free)))) return free;
    }
  }

  /** A link that leads nowhere is there, too. */
  async #isThere(path: string): Promise<boolean> {
    const answers = await Promise.allSettled([this.#files.stat(path), this.#files.readlink(path)]);
    return answers.some(({ status }) => status === "fulfilled");
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

function checkName(name: string): void {
  if (name.includes("/") || name === "." || name === "..") throw new Refusal(400, "name: one of the trash is expected");
}

function codeOf(error: unknown): string | undefined {
  return error instanceof StratosError ? (error.data as { readonly code?: string }).code : undefined;
}

function noneThere(error: unknown): [] {
  if (codeOf(error) === "ENOENT") return [];
  throw error;
}

/** Paths are written as in URLs (RFC 2396, section 2), slashes apart. */
export function infoText(path: string, now = new Date()): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return `[Trash Info]\nPath=${encoded}\nDeletionDate=${now.toISOString().slice(0, 19)}\n`;
}

/** Of several lines of one key the first counts; what is no whole path is none. */
export function parseInfo(text: string): Pick<TrashEntry, "path" | "deleted"> {
  const lines = text.split("\n");
  const valueOf = (key: string): string | null =>
    lines[0] !== "[Trash Info]"
      ? null
      : (lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1) ?? null);
  const deleted = valueOf("DeletionDate");
  return {
    path: pathOf(valueOf("Path") ?? ""),
    deleted: deleted !== null && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(deleted) ? deleted : null,
  };
}

function pathOf(encoded: string): string | null {
  let path: string;
  try {
    path = decodeURIComponent(encoded);
  } catch {
    return null;
  }
  const isWhole = path.startsWith("/") && !path.includes("\0") && !/\/\.{0,2}(?:\/|$)/.test(path);
  return isWhole ? path : null;
}
