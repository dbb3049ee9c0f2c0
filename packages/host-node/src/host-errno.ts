import * as abi from "@stratos/abi";

const numbers = abi as unknown as Readonly<Record<string, unknown>>;

/**
 * The negated Linux errno for what a Node call threw. Names, not numbers, carry it: numbers differ from host to host.
 */
export function hostErrno(error: unknown): number {
  const code = (error as { code?: unknown } | null)?.code;
  const number = typeof code === "string" ? numbers[code] : undefined;
  if (typeof number === "number") return -number;
  // Node refuses bad arguments itself (ERR_INVALID_ARG_VALUE for a zero byte in a path, ERR_FS_FILE_TOO_LARGE …).
  if (typeof code === "string" && code.startsWith("ERR_INVALID")) return -abi.EINVAL;
  return -abi.EIO;
}
