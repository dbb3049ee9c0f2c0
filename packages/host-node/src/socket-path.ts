/** Sockets in folders with long names. */
import { closeSync, openSync } from "node:fs";
import { basename, dirname } from "node:path";

/** sockaddr_un(7) has room for 107 bytes; a descriptor of the folder makes any path short. */
const SOCKET_PATH_MAX = 100;

/**
 * @param use  listens or connects at once, within the call
 * @throws Node's error for a folder that cannot be opened
 */
export function withSocketPath<T>(path: string, use: (short: string) => T): T {
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX) return use(path);
  const folder = openSync(dirname(path), "r");
  try {
    return use(`/proc/self/fd/${folder}/${basename(path)}`);
  } finally {
    closeSync(folder);
  }
}
