/**
 * Where named systems are kept, `STRATOS_HOME/systems`: a folder that nobody else may look into, because its socket
 * gives all power over them. What is not as it was made is refused, not mended: somebody may have been there.
 */
import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeFolders } from "@stratos/host-node/home";
import { StratosError } from "@stratos/sdk/api";

/** Made when absent. @throws StratosError of kind file when it is not a folder of this user alone */
export function openSystemsFolder(home: string): string {
  const path = join(home, "systems");
  try {
    makeFolders(home);
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const { uid, mode } = lstatSync(path);
  const refuse = (why: string, code: string): StratosError =>
    new StratosError("file", `${path}: ${why}`, { path, code });
  // A link leads to where somebody else listens.
  if ((mode & 0o170000) !== 0o040000) throw refuse("is not a folder; named systems need one of their own", "ENOTDIR");
  const own = process.geteuid?.();
  if (own !== undefined && uid !== own) throw refuse(`belongs to user ${uid}, not to this one (${own})`, "EPERM");
  if ((mode & 0o077) !== 0)
    throw refuse(`is open to others (mode ${(mode & 0o777).toString(8)}); take that away with chmod 700`, "EPERM");
  return path;
}

/** The socket of the supervisor. */
export function controlPath(folder: string): string {
  return join(folder, "control");
}

/** What the supervisor says when it cannot say it to a client. */
export function supervisorLogPath(folder: string): string {
  return join(folder, "supervisor.log");
}
