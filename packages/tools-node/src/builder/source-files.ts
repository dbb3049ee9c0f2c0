/** Source packages on this host: files, folders, and repositories that git clones. */
import { closeSync, constants, fstatSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { dirname, join, sep } from "node:path";
import { InfrastructureError, type SourceFiles } from "@stratos/builder";
import { cloneGit } from "../packages/build-host.ts";
import { readIfThere, writeWhole } from "@stratos/host-node/files";
import { ownerText } from "./work-owner.ts";

/** @param folders.downloads  of the store of downloads; `work`: for clones */
export function hostSourceFiles(folders: { readonly downloads: string; readonly work: string }): SourceFiles {
  return {
    async read(path) {
      try {
        return await readIfThere(path);
      } catch (error) {
        throw new InfrastructureError(`${path}: ${(error as Error).message}`, { cause: error });
      }
    },
    async readWithin(tree, name, sizeMax) {
      try {
        const path = realpathSync(join(tree, name));
        if (!path.startsWith(`${realpathSync(tree)}${sep}`)) return "leads out of the source's tree";
        const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        try {
          const found = fstatSync(fd);
          if (!found.isFile()) return "is no file";
          return found.size > sizeMax ? `is larger than ${sizeMax >> 20} MiB` : readFileSync(fd);
        } finally {
          closeSync(fd);
        }
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === "ENOENT" || code === "ENOTDIR") return undefined;
        if (code === "ELOOP") return "leads out of the source's tree";
        throw new InfrastructureError(`${join(tree, name)}: ${message}`, { cause: error });
      }
    },
    beside: (path, name) => join(dirname(path), name),
    stored: (path) => join(folders.downloads, path),
    async checkout(url, reference) {
      const folder = mkdtempSync(join(folders.work, "checkout-")),
        tree = join(folder, "tree");
      // Else it is taken for what a killed builder left.
      writeWhole(join(folder, "owner"), ownerText());
      const remove = async (): Promise<void> => rmSync(folder, { recursive: true, force: true });
      try {
        await cloneGit(url, reference === undefined ? {} : { commit: reference }, tree);
        const { status, stdout } = spawnSync("git", ["-C", tree, "rev-parse", "HEAD"], { encoding: "utf8" });
        if (status !== 0) throw new InfrastructureError(`${url}: has no commit`);
        return { folder: tree, commit: stdout.trim(), remove };
      } catch (error) {
        await remove();
        throw error;
      }
    },
  };
}
