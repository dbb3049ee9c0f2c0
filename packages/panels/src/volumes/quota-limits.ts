/** Limits of quotas as people type them. */
import { bytesOfSize, SIZE_PATTERN } from "@stratos/base/bytes-of-size";

/** For a field that checks itself. */
export const LIMIT_PATTERN: string = SIZE_PATTERN;
/** What a field says of itself; 0: no limit. */
export const LIMIT_EXAMPLES = "10M, 2G, 0";

/** Bytes of one. @throws Error for what is no size */
export function limitOf(text: string): number {
  const bytes = bytesOfSize(text.trim());
  if (bytes === undefined) throw new Error(`${text}: ${LIMIT_EXAMPLES}`);
  return bytes;
}
