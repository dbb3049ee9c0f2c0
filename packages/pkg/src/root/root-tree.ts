/**
 * The tree of a root that is being put together: what stands where, and which package it came from. It resolves
 * symbolic links in paths as the guest would (`/lib/x` is `/usr/lib/x` on a merged-/usr system), so that nothing a
 * package says can lead outside of the root, whatever the writer behind it does.
 */
import type { RootMeta, RootWriter } from "./root-writer.ts";

/** A package's files cannot be placed as its archive says. */
export class RootTreeError extends Error {
  override name = "RootTreeError";
}

interface Node {
  kind: "directory" | "symlink" | "other";
  target: string;
  owner: string;
}

/** Linux follows at most this many links in one path (MAXSYMLINKS). */
const LINKS_MAX = 40;
const PARENT_META: RootMeta = { uid: 0, gid: 0, mode: 0o755, mtime: 0 };

export class RootTree {
  readonly #nodes = new Map<string, Node>();
  readonly #writer: RootWriter;
  readonly #parentMeta: RootMeta;

  /** @param mtime  for directories that no package describes, in seconds since 1970 */
  constructor(writer: RootWriter, mtime: number) {
    this.#writer = writer;
    this.#parentMeta = { ...PARENT_META, mtime };
    writer.directory("", this.#parentMeta);
    this.#nodes.set("", { kind: "directory", target: "", owner: "" });
  }

  /**
   * The path's place with all links in its folders followed; folders that are missing are made.
   *
   * @throws RootTreeError  the path holds `..` or the like, a folder is no folder, or its links go in circles
   */
  place(path: string): string {
    if (
      path !== "" &&
      path.split("/").some((name) => name === "" || name === "." || name === ".." || name.includes("\0"))
    ) {
      throw new RootTreeError(`not a path within the root: ${path}`);
    }
    const slash = path.lastIndexOf("/");
    if (path === "") return "";
    const folder = slash < 0 ? "" : this.#folder(path.slice(0, slash));
    const name = path.slice(slash + 1);
    return folder === "" ? name : `${folder}/${name}`;
  }

  /** Whether a place is taken, and by which package ("" for what is nobody's). */
  ownerOf(place: string): string | undefined {
    return this.#nodes.get(place)?.owner;
  }

  /** Says whose a file is that is there already. */
  claim(place: string, owner: string): void {
    const node = this.#nodes.get(place);
    if (node !== undefined && node.kind !== "directory") node.owner = owner;
  }

  isDirectory(place: string): boolean {
    const node = this.#nodes.get(place);
    if (node?.kind !== "symlink") return node?.kind === "directory";
    // A link to a folder stands for the folder, as dpkg has it.
    try {
      return this.#nodes.get(this.#follow(place, node.target, 0))?.kind === "directory";
    } catch (error) {
      if (error instanceof RootTreeError) return false;
      throw error;
    }
  }

  /** Makes a directory unless there is one already, whose attributes then stay. */
  directory(place: string, meta: RootMeta, owner = ""): void {
    if (place === "") {
      this.#writer.directory("", meta);
      return;
    }
    if (this.isDirectory(place)) return;
    this.#refuseTaken(place);
    this.#writer.directory(place, meta);
    this.#nodes.set(place, { kind: "directory", target: "", owner });
  }

  file(place: string, meta: RootMeta, content: Uint8Array, owner = ""): void {
    this.#refuseTaken(place);
    this.#writer.file(place, meta, content);
    this.#nodes.set(place, { kind: "other", target: "", owner });
  }

  symlink(place: string, meta: RootMeta, target: string, owner = ""): void {
    this.#refuseTaken(place);
    this.#writer.symlink(place, meta, target);
    this.#nodes.set(place, { kind: "symlink", target, owner });
  }

  hardLink(place: string, existing: string, owner = ""): void {
    this.#refuseTaken(place);
    const node = this.#nodes.get(existing);
    if (node === undefined || node.kind === "directory")
      throw new RootTreeError(`/${place}: is a link to /${existing}, which is not there`);
    this.#writer.hardLink(place, existing);
    this.#nodes.set(place, { ...node, owner });
  }

  device(
    place: string,
    meta: RootMeta,
    device: { kind: "character" | "block"; major: number; minor: number },
    owner = "",
  ): void {
    this.#refuseTaken(place);
    this.#writer.device(place, meta, device);
    this.#nodes.set(place, { kind: "other", target: "", owner });
  }

  fifo(place: string, meta: RootMeta, owner = ""): void {
    this.#refuseTaken(place);
    this.#writer.fifo(place, meta);
    this.#nodes.set(place, { kind: "other", target: "", owner });
  }

  remove(place: string): void {
    this.#writer.remove(place);
    this.#nodes.delete(place);
  }

  #refuseTaken(place: string): void {
    if (this.#nodes.has(place)) throw new RootTreeError(`/${place}: is there already`);
  }

  #folder(path: string): string {
    let at = "";
    for (const name of path.split("/")) at = this.#enter(at, name, 0);
    return at;
  }

  /** The folder `name` in folder `at`, made when it is missing. */
  #enter(at: string, name: string, links: number): string {
    const place = at === "" ? name : `${at}/${name}`;
    const node = this.#nodes.get(place);
    if (node === undefined) {
      this.#writer.directory(place, this.#parentMeta);
      this.#nodes.set(place, { kind: "directory", target: "", owner: "" });
      return place;
    }
    if (node.kind === "directory") return place;
    if (node.kind !== "symlink") throw new RootTreeError(`/${place}: is no directory`);
    return this.#follow(place, node.target, links);
  }

  /** Where the link at `place` leads, by the folders that are there; what is missing at the end is made. */
  #follow(place: string, target: string, links: number): string {
    if (links >= LINKS_MAX) throw new RootTreeError(`/${place}: too many symbolic links`);
    const slash = place.lastIndexOf("/");
    let at = target.startsWith("/") || slash < 0 ? "" : place.slice(0, slash);
    for (const name of target.split("/")) {
      if (name === "" || name === ".") continue;
      if (name === "..") at = at.includes("/") ? at.slice(0, at.lastIndexOf("/")) : "";
      else at = this.#enter(at, name, links + 1);
    }
    return at;
  }
}
