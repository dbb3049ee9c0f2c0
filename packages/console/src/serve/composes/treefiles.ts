/** Treefiles that are kept on this host, for `stratos compose`: NAME.yaml in one folder, in which jobs run as well. */
import { createHash } from "node:crypto";
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "@stratos/volumes/serve";

interface Treefile {
  readonly name: string;
  readonly text: string;
  /** Of the text: who writes says which one he has changed. */
  readonly digest: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const KEPT_MAX = 1000;

export class Treefiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  list(): { readonly name: string; readonly changedMs: number }[] {
    return this.#names().map((name) => ({ name, changedMs: statSync(this.path(name)).mtimeMs }));
  }

  /** @throws Refusal */
  read(name: string): Treefile {
    try {
      const text = readFileSync(this.path(name), "utf8");
      return { name, text, digest: createHash("sha256").update(text).digest("hex") };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw missing(name);
      throw error;
    }
  }

  /** @param changed  the digest of what was changed; null: it is a new one. @throws Refusal */
  write(name: string, text: string, changed: string | null): Treefile {
    const path = this.path(name);
    if (changed !== null && this.read(name).digest !== changed)
      throw new Refusal(409, `${name}: somebody has changed it meanwhile`);
    if (changed === null && this.#names().length >= KEPT_MAX) throw new Refusal(409, `${KEPT_MAX} are kept already`);
    const draft = `${path}.${process.pid}.new`;
    writeFileSync(draft, text, { mode: 0o600 });
    try {
      if (changed !== null) renameSync(draft, path);
      else linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      throw new Refusal(409, `${name}: there is one of this name`);
    } finally {
      rmSync(draft, { force: true });
    }
    return this.read(name);
  }

  /** @throws Refusal */
  remove(name: string): void {
    this.read(name);
    rmSync(this.path(name));
  }

  /** @throws Refusal for what is no name */
  path(name: string): string {
    if (!NAME.test(name)) throw missing(name);
    return join(this.#folder, `${name}.yaml`);
  }

  #names(): string[] {
    const names = readdirSync(this.#folder).map((file) => /^(.*)\.yaml$/.exec(file)?.[1] ?? "");
    return names.filter((name) => NAME.test(name)).sort();
  }
}

function missing(name: string): Refusal {
  return new Refusal(404, `${name}: no such treefile`);
}
