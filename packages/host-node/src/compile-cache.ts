import { enableCompileCache } from "node:module";
import { homeFolder } from "./stratos-home.ts";

/**
 * Keeps compiled code of the program itself from run to run. A folder that cannot be made or written only costs time;
 * Node is not asked to make it, because it tries for ever below a folder such as /proc, which takes no names.
 *
 * @returns whether it is kept
 */
export function keepCompiledCode(home: string): boolean {
  try {
    enableCompileCache(homeFolder(home, "compile-cache"));
    return true;
  } catch {
    return false;
  }
}
