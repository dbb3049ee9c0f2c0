/** Which relay a system's pages use; the browser keeps it for them. */
import type { RelaySettings } from "@stratos/host-browser";

/** @param folder  of the system's files. @returns null: none is set */
export function keptRelay(folder: string): RelaySettings | null {
  try {
    const { url, token } = JSON.parse(localStorage.getItem(keyOf(folder)) ?? "null") as Record<string, unknown>;
    return typeof url === "string" && typeof token === "string" ? { url, token } : null;
  } catch {
    return null;
  }
}

/** @throws what the browser says when it keeps nothing for this page */
export function keepRelay(folder: string, relay: RelaySettings | null): void {
  if (relay === null) localStorage.removeItem(keyOf(folder));
  else localStorage.setItem(keyOf(folder), JSON.stringify({ url: relay.url, token: relay.token }));
}

function keyOf(folder: string): string {
  return `stratos relay ${folder}`;
}
