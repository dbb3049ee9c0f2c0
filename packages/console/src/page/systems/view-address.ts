/**
 * What the page shows stands behind its address's `#`: `#/SYSTEM` and `#/SYSTEM/SESSION` are terminals, `#VIEW/…` is a
 * view with what it is asked for. Each part is encoded here, and nowhere else.
 */
import type { Place } from "./terminal-link.ts";

interface ViewPlace {
  readonly view: string;
  readonly parts: readonly string[];
}

export function placeAddress({ system, session }: Place): string {
  return `#/${encodeURIComponent(system)}${session === null ? "" : `/${session}`}`;
}

/** Null: it names no terminal. */
export function placeOf(address: string): Place | null {
  const [, system, session] = /^#\/([^/]+)(?:\/(\d+))?$/.exec(address) ?? [];
  const name = system === undefined ? null : decoded(system);
  return name === null ? null : { system: name, session: session ?? null };
}

export function viewAddress({ view, parts }: ViewPlace): string {
  return `#${[view, ...parts].map(encodeURIComponent).join("/")}`;
}

/** Null: it names no view. */
export function viewOf(address: string): ViewPlace | null {
  if (!/^#[^/]/.test(address)) return null;
  const parts = address.slice(1).split("/").map(decoded);
  return parts.includes(null) ? null : { view: parts[0]!, parts: parts.slice(1) as string[] };
}

/** Null: no page of ours has encoded it. */
function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
