/**
 * Words for a failed call of the host: `no such file or directory` rather than
 * `ENOENT: no such file or directory, open '…'`.
 */
export function hostReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // Of files, `CODE: words, call …`; of sockets, `call CODE: words address`.
  const match =
    /^[A-Z][A-Z0-9]+: ([^,]+), /.exec(message) ?? /^[a-z]+ [A-Z][A-Z0-9]+: ([a-z ]+)(?: \S+)?$/.exec(message);
  if (match === null) return message;
  // libuv's words of EISDIR say less than everybody else's.
  return match[1] === "illegal operation on a directory" ? "is a directory" : match[1]!;
}
