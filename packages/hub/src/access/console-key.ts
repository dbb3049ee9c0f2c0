/** The key of a console that stands before this hub, in a file that its owner alone may read. */
import { readFileSync } from "node:fs";
import { replaceFile } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { type Access, mayDo } from "./access.ts";

/** All that such a key does. */
const VOUCH = "identity:vouch";

/**
 * Makes one when the file has none that this hub takes: the file is new, or the database is, or it was revoked.
 *
 * @throws OperationError for a file that cannot be read or written
 */
export async function keepConsoleKey(access: Access, path: string): Promise<void> {
  try {
    const principal = await access.authenticate(readKey(path));
    if (principal !== null && mayDo(principal, `${VOUCH}:admin`)) return;
    const key = { principal: "console", roles: ["console"], scopes: [VOUCH], note: "of a console before this hub" };
    replaceFile(path, `${(await access.createKey(key, "hub")).token}\n`, { mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new OperationError("hub", path, hostReason(error), { cause: error });
  }
}

/** Empty: there is none. */
function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
