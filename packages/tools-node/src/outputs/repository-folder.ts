import {
  chmodSync,
  closeSync,
  existsSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { byteString } from "@stratos/base";
import {
  FormatError,
  NO_FILE_XATTRS,
  type ObjectAttributes,
  type RepositoryStore,
  type StoredFile,
} from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { failedAt, writeFully } from "@stratos/host-node/files";
import { HostBlob } from "./folder-tree.ts";
import { readAttributes, setAttributes } from "./host-attributes.ts";

interface Waiting {
  readonly path: string;
  readonly draft: string;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  readonly isLink: boolean;
}
const WAITING_MAX = 1024;

/** An OSTree repository in a folder of the host. */
export class RepositoryFolder implements RepositoryStore {
  readonly folder: string;
  readonly #made = new Set<string>();
  /** Node has no call for attributes; one program sets those of many files. */
  readonly #waiting: Waiting[] = [];
  #known: ReadonlyMap<string, ReadonlyMap<string, string>> | undefined;
  readonly #waitingPaths = new Set<string>();

  /** @param options.readOnly  nothing is made in the folder */
  constructor(folder: string, options: { readonly readOnly?: boolean } = {}) {
    this.folder = folder;
    if (options.readOnly !== true) mkdirSync(join(folder, "tmp"), { recursive: true });
  }

  has(path: string): boolean {
    if (this.#waitingPaths.has(path)) return true;
    const place = join(this.folder, path);
    // A link that leads nowhere here is an object all the same.
    return existsSync(place) || (path.endsWith(".file") && lstatSync(place, { throwIfNoEntry: false }) !== undefined);
  }

  read(path: string): Uint8Array | undefined {
    try {
      return readFileSync(join(this.folder, path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  inspect(path: string): StoredFile | undefined {
    const place = Buffer.from(join(this.folder, path)),
      stat = lstatSync(place, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const own = { mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, xattrs: this.#attributes(path) };
    if (stat.isSymbolicLink())
      return {
        ...own,
        kind: "symlink",
        target: byteString(readlinkSync(place, { encoding: "buffer" })),
        content: null,
      };
    if (!stat.isFile()) throw new FormatError(`${path}: is no file`);
    return { ...own, kind: "file", target: "", content: new HostBlob(place, stat.size, nodeCodecs()) };
  }

  /** Read for all objects at once: it takes another program. */
  #attributes(path: string): ReadonlyMap<string, string> {
    this.#known ??= readAttributes(join(this.folder, "objects")) ?? new Map();
    return this.#known.get(path.slice("objects/".length)) ?? NO_FILE_XATTRS;
  }

  write(path: string, pieces: Iterable<Uint8Array>, attributes: ObjectAttributes = {}): void {
    const draft = this.#draft();
    this.makeDirectory(dirname(path));
    const fd = openSync(draft, "wx", 0o644);
    try {
      for (const piece of pieces) writeFully(fd, piece);
    } catch (error) {
      rmSync(draft, { force: true });
      throw failedAt(this.folder, error);
    } finally {
      closeSync(fd);
    }
    // A new owner takes set-user-ID bits away, so permissions come after it.
    if (attributes.owner !== undefined) this.#own(draft, attributes.owner);
    if (attributes.mode !== undefined) chmodSync(draft, attributes.mode);
    this.#finish(path, draft, attributes, false);
  }

  symlink(path: string, target: string, attributes: ObjectAttributes = {}): void {
    this.makeDirectory(dirname(path));
    const draft = this.#draft();
    symlinkSync(Buffer.from(target, "latin1"), draft);
    if (attributes.owner !== undefined) this.#own(draft, attributes.owner);
    this.#finish(path, draft, attributes, true);
  }

  /** @throws FormatError when attributes cannot be set */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting.splice(0);
    try {
      setAttributes(waiting.map(({ draft, xattrs, isLink }) => ({ path: Buffer.from(draft), xattrs, isLink })));
    } catch (error) {
      for (const { draft } of waiting) rmSync(draft, { force: true });
      throw error;
    }
    for (const { draft, path } of waiting) this.#publish(path, draft);
    this.#waitingPaths.clear();
  }

  remove(path: string): void {
    rmSync(join(this.folder, path), { force: true });
  }

  #own(draft: string, { uid, gid }: { uid: number; gid: number }): void {
    try {
      lchownSync(draft, uid, gid);
    } catch (error) {
      rmSync(draft, { force: true });
      if ((error as NodeJS.ErrnoException).code === "EPERM")
        throw new FormatError(
          "a repository of mode bare gives files their owners, which takes root; bare-user does not",
          { cause: error },
        );
      throw error;
    }
  }

  #finish(path: string, draft: string, { xattrs }: ObjectAttributes, isLink: boolean): void {
    if (xattrs === undefined || xattrs.size === 0) return this.#publish(path, draft);
    this.#waiting.push({ path, draft, xattrs, isLink });
    this.#waitingPaths.add(path);
    if (this.#waiting.length >= WAITING_MAX) this.flush();
  }

  #publish(path: string, draft: string): void {
    // OSTree gives all objects the time 0, so that checkouts by hard link agree.
    if (path.startsWith("objects/")) lutimesSync(draft, 0, 0);
    renameSync(draft, join(this.folder, path));
  }

  makeDirectory(path: string): void {
    if (this.#made.has(path)) return;
    mkdirSync(join(this.folder, path), { recursive: true });
    this.#made.add(path);
  }

  list(path: string): string[] {
    const found: string[] = [];
    const visit = (below: string): void => {
      for (const entry of readdirSync(join(this.folder, path, below), { withFileTypes: true })) {
        const name = below === "" ? entry.name : `${below}/${entry.name}`;
        if (entry.isDirectory()) visit(name);
        else found.push(name);
      }
    };
    visit("");
    return found;
  }

  #draft(): string {
    return join(this.folder, "tmp", `stratos-${randomBytes(8).toString("hex")}`);
  }
}
