import { EINVAL, EIO, ERRNO_NAMES } from "@stratos/abi";

/**
 * The negated Linux errno for what a Node call threw. Names, not numbers, carry it: numbers differ from host to host.
 */
export function hostErrno(error: unknown): number {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return -EIO;
  const number = ERRNO_NAMES.indexOf(OTHER_NAMES[code] ?? code);
  if (number > 0) return -number;
  // Node refuses bad arguments itself (ERR_INVALID_ARG_VALUE for a zero byte in a path, ERR_FS_FILE_TOO_LARGE …).
  return code.startsWith("ERR_INVALID") ? -EINVAL : -EIO;
}

/** Second names of numbers: errno(3), and libuv's own. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  EWOULDBLOCK: "EAGAIN",
  EDEADLOCK: "EDEADLK",
  ENOTSUP: "EOPNOTSUPP",
};
