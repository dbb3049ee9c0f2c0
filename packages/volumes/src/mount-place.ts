import { realpathSync } from "node:fs";
import { resolve } from "node:path";

/** Path of a folder on which something is mounted; that of a mount whose server has died cannot be asked. */
export function mountPlace(dir: string): string {
  try {
    return realpathSync(dir);
  } catch {
    return resolve(dir);
  }
}
