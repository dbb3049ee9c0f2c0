/**
 * The user whose process this is. A container's may have no entry in passwd(5) (`docker run -u 12345`), where Node
 * throws: then its number is its name, and its home what HOME says, else `/`.
 */
import { homedir, userInfo } from "node:os";
import { isAbsolute } from "node:path";

export interface OwnUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
  /** An absolute path. */
  readonly home: string;
  readonly shell: string;
}

export function ownUser(): OwnUser {
  const entry = orNull(() => userInfo());
  const uid = process.geteuid?.() ?? 0;
  return {
    uid,
    gid: process.getegid?.() ?? 0,
    name: entry?.username ?? String(uid),
    home: [entry?.homedir, process.env["HOME"]].find((path) => path !== undefined && isAbsolute(path)) ?? "/",
    shell: (entry?.shell ?? "") || "/bin/sh",
  };
}

/** An empty or relative HOME would mean another folder wherever we stand: then the user's entry of passwd(5) counts. */
export function userHome(): string {
  const home = orNull(homedir) ?? "";
  return isAbsolute(home) ? home : ownUser().home;
}

function orNull<Value>(ask: () => Value): Value | null {
  try {
    return ask();
  } catch {
    return null;
  }
}
