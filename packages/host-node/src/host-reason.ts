import { getSystemErrorMessage } from "node:util";

/**
 * Words for a failed call of the host: `no such file or directory` rather than
 * `ENOENT: no such file or directory, open '…'`.
 */
export function hostReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if ((Object(error) as NodeJS.ErrnoException).syscall === "uv_cwd") return "the current folder is not there any more";
  // Of files, `CODE: words, call …`; of sockets, `call CODE: words address`.
  const match =
    /^[A-Z][A-Z0-9]+: ([^,]+), /.exec(message) ?? /^[a-z]+ [A-Z][A-Z0-9]+: ([a-z ]+)(?: \S+)?$/.exec(message);
  if (match !== null) return plainly(match[1]!);
  // Of datagrams Node has the number alone (`bind EADDRINUSE 127.0.0.1:53`), of what it removes a positive one
  // (`EACCES, Permission denied: /x '/x'`).
  const { errno } = Object(error) as NodeJS.ErrnoException;
  return (errno === undefined ? null : errnoReason(Math.abs(errno))) ?? message;
}

/** The same for an error number, above 0; null: this host has no words for it. */
export function errnoReason(errno: number): string | null {
  const words = getSystemErrorMessage(-errno) as string | undefined;
  return words === undefined ? null : plainly(words);
}

/** libuv's words of EISDIR say less than everybody else's. */
function plainly(words: string): string {
  return words === "illegal operation on a directory" ? "is a directory" : words;
}
