/** A program that is updated while a process of it runs: what that has not loaded yet is no longer there. */

export const GONE_MODULE_WORDS =
  "the program was updated, moved or removed while this process of it runs: start it again (a mounted volume is " +
  "served by the process that has mounted it: unmount it, and mount it again)";

/** A part of the program itself that is no longer where it was when the process began. @param program  a URL in it */
export function isGoneModule(error: unknown, program: string = import.meta.url): boolean {
  const { code, url } = (error ?? {}) as { code?: unknown; url?: unknown };
  return code === "ERR_MODULE_NOT_FOUND" && typeof url === "string" && url.startsWith(new URL("./", program).href);
}
