import { enableCompileCache } from "node:module";
import { join, resolve } from "node:path";
import { makeFolders } from "./make-folders.ts";

/**
 * Where compiled code of the program itself is kept: in the home, or where the user has Node keep it
 * (NODE_COMPILE_CACHE), as one place may serve several homes. Made when something is kept.
 */
export function compiledCodeFolder(home: string, environment: NodeJS.ProcessEnv = process.env): string {
  const folder = environment["NODE_COMPILE_CACHE"] ?? "";
  return folder === "" ? join(home, "compile-cache") : resolve(folder);
}

/**
 * Keeps such code from run to run. A folder that cannot be made or written only costs time; Node is not asked to make
 * it, because it tries for ever below a folder such as /proc, which takes no names.
 *
 * @returns whether it is kept
 */
export function keepCompiledCode(home: string, environment: NodeJS.ProcessEnv = process.env): boolean {
  try {
    const folder = compiledCodeFolder(home, environment);
    // Perhaps of what is not UTF-8: another folder than the one that was named.
    if (folder.includes("\ufffd")) return false;
    makeFolders(folder);
    enableCompileCache(folder);
    return true;
  } catch {
    return false;
  }
}
