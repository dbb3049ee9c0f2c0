/** Where a program is, as a shell finds it, without starting one. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** @param path  folders, as in the variable PATH */
export function findProgram(name: string, path: string): string | undefined {
  for (const folder of path.split(delimiter)) {
    if (folder === "") continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
