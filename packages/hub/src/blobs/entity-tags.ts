/** Entity tags (RFC 9110 §8.8.3). */

/** Whether who asks has it already: a list, strong or weak alike (§13.1.2). */
export function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(",").some((one) => {
    const given = one.trim().replace(/^W\//, "");
    return given === "*" || given === etag;
  });
}
