/** What AstraLisp's language server sees of this host: Scheme files, read only. */
import { globSync, opendirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { WorkspaceFiles } from "@stratos/lisp/language-server";
import { folderFinder, installedLibraryFolder, ownLibraryFolder } from "./node-system.ts";

/** Larger files are no sources. */
const FILE_BYTES_MAX = 8 << 20;
/** Folders of a workspace that are looked into. */
const FOLDERS_MAX = 10_000;
const SCHEME_FILE = /\.(?:scm|sld|sls|ss)$/;

/** @param libraryPath  folders that are looked into for libraries, after those of the workspace */
export function workspaceFiles(libraryPath: readonly string[]): WorkspaceFiles {
  const ownFolder = ownLibraryFolder();
  return {
    read: (file) => {
      try {
        const status = statSync(file);
        return status.isFile() && status.size <= FILE_BYTES_MAX ? readFileSync(file, "utf8") : null;
      } catch {
        return null;
      }
    },
    list: schemeFiles,
    finderOf: (folders) => folderFinder([...folders, ...libraryPath, ownFolder, installedLibraryFolder()]),
    fileOf: (uri) => {
      try {
        return uri.startsWith("file:") ? fileURLToPath(uri) : null;
      } catch {
        return null;
      }
    },
    uriOf: (file) => (file.startsWith("/") ? pathToFileURL(file).href : file),
    documentation: globSync("documentation/*.scm", { cwd: ownFolder })
      .sort()
      .map((name) => join(ownFolder, name)),
    ownFolder,
    usedMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
  };
}

/** Neither hidden folders nor those of packages; breadth first, so that what is near comes first. */
function schemeFiles(folder: string, most: number): string[] {
  const found: string[] = [];
  const waiting = [folder];
  for (let at = 0; at < waiting.length && at < FOLDERS_MAX && found.length < most; at++) {
    try {
      const entries = opendirSync(waiting[at]!);
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        const path = join(waiting[at]!, entry.name);
        if (entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules") waiting.push(path);
        else if (entry.isFile() && SCHEME_FILE.test(entry.name) && found.length < most) found.push(path);
      }
      entries.closeSync();
    } catch {
      // A folder that may not be read has nothing for us.
    }
  }
  return found.sort();
}
