import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import type { RepositoryStore } from "@stratos/formats";

/** An OSTree repository in a folder of the host. */
export class RepositoryFolder implements RepositoryStore {
  readonly folder: string;
  readonly #made = new Set<string>();

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(join(folder, "tmp"), { recursive: true });
  }

  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }

  read(path: string): Uint8Array | undefined {
    try {
      return readFileSync(join(this.folder, path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  write(path: string, pieces: Iterable<Uint8Array>, mode = 0o644): void {
    const target = join(this.folder, path), draft = this.#draft();
    this.makeDirectory(dirname(path));
    const fd = openSync(draft, "wx", 0o644);
    try {
      for (const piece of pieces) for (let done = 0; done < piece.length; ) done += writeSync(fd, piece, done);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
    if (mode !== 0o644) chmodSync(draft, mode);
    // OSTree gives all objects the time 0, so that checkouts by hard link agree.
    if (path.startsWith("objects/")) utimesSync(draft, 0, 0);
    renameSync(draft, target);
  }

  symlink(path: string, target: string): void {
    this.makeDirectory(dirname(path));
    const draft = this.#draft();
    symlinkSync(Buffer.from(target, "latin1"), draft);
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
