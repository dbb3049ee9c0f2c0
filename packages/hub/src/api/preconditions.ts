/**
 * Conditions of requests (RFC 9110 §13). The ETag of what GET shows is `"VERSION-DIGEST"`: each change counts the
 * version, by which If-Match judges; the digest is of all that is shown, such as a task's runs, by which If-None-Match
 * does. Answers to changes have `"VERSION"`, which If-Match takes as well.
 */
import { createHash } from "node:crypto";
import { HubError } from "../store/hub-error.ts";

export interface Precondition {
  /** What changes must have this version; null: any. */
  readonly version: number | null;
  /** What is put must be there before, or must not; null: either. */
  readonly mustExist: boolean | null;
}

/** How a route takes conditions; `put` may make what is not there yet. */
export type TakesConditions = "change" | "put" | undefined;

/**
 * Of a request that changes something. A condition that the route would not look at is refused: whoever sets one means
 * that nothing happens when it does not hold.
 *
 * @throws HubError 400, 412
 */
export function readPrecondition(headers: Headers, takes: TakesConditions): Precondition {
  const match = headers.get("if-match");
  const none = headers.get("if-none-match");
  if (match !== null && takes === undefined) throw untaken("If-Match");
  if (none !== null && (takes !== "put" || none.trim() !== "*" || match !== null)) throw untaken("If-None-Match");
  if (none !== null) return { version: null, mustExist: false };
  if (match === null) return { version: null, mustExist: null };
  if (match.trim() === "*") return { version: null, mustExist: true };
  // Weak ones match nothing (§13.1.1).
  const version = /^"(\d{1,9})(?:-[0-9a-f]+)?"$/.exec(match.trim())?.[1];
  if (version === undefined) throw new HubError(412, "changed", `If-Match ${match}: no ETag of this hub`);
  return { version: Number(version), mustExist: true };
}

function untaken(name: string): HubError {
  const but = name === "If-None-Match" ? ", or not this one" : "";
  return new HubError(
    400,
    "bad-condition",
    `${name}: this takes no such condition${but}; /v1/openapi.json says what does`,
  );
}

export function etagOf(version: number, shown: string): string {
  return `"${version}-${createHash("sha256").update(shown).digest("hex").slice(0, 16)}"`;
}
