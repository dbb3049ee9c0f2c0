/** A key by which somebody logs in, as a machine's systemd takes it from outside (systemd.system-credentials(7)). */
import type { FileTree } from "@stratos/formats";
import { openTreeSource } from "@stratos/images/outputs";

const PASSWD_MAX = 1 << 20;

interface LoginCredential {
  readonly name: string;
  readonly value: Uint8Array;
}

/**
 * Root's key has a credential of its own; other users' come by lines of tmpfiles.d(5), whose argument may be base64.
 * Its specifiers know no other user's home.
 *
 * @param key  a line of authorized_keys
 */
export function loginCredential(user: string, home: string, key: string): LoginCredential {
  if (user === "root") return { name: "ssh.authorized_keys.root", value: Buffer.from(key) };
  const folder = `${home.replace(/\/+$/, "")}/.ssh`;
  // Quoted, C's escapes and specifiers mean something there.
  const word = (path: string): string => `"${path.replaceAll(/["\\]/g, "\\$&").replaceAll("%", "%%")}"`;
  return {
    name: "tmpfiles.extra",
    value: Buffer.from(
      `d ${word(folder)} 0700 ${user} ${user} -\nf+~ ${word(`${folder}/authorized_keys`)} 0600 ${user} ${user} - ` +
        `${Buffer.from(key).toString("base64")}\n`,
    ),
  };
}

/**
 * What passwd(5) of a disk says of a user; `/home/USER` where it says nothing: of a user that is made when the machine
 * starts, and of a disk that cannot be read here (encrypted ones).
 */
export async function homeOnDisk(path: string, user: string): Promise<string> {
  let found: string | null = null;
  try {
    const source = await openTreeSource(path);
    try {
      found = homeIn(source.tree, user);
    } finally {
      source.close();
    }
  } catch {
    // Whether the machine starts is seen when it does.
  }
  return found ?? `/home/${user}`;
}

export function homeIn(tree: FileTree, user: string): string | null {
  for (const { path, content } of tree.entries()) {
    if (path !== "etc/passwd" || content === null || content.sizeBytes > PASSWD_MAX) continue;
    const bytes = new Uint8Array(content.sizeBytes);
    content.read(0, bytes);
    const line = new TextDecoder()
      .decode(bytes)
      .split("\n")
      .find((each) => each.startsWith(`${user}:`));
    const home = line?.split(":")[5];
    return home?.startsWith("/") === true ? home : null;
  }
  return null;
}
