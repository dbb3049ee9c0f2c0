/** Which relay a machine uses, and how it stands with it. For pages: it knows nothing of sockets. */

/** Where `stratos serve` has it. */
export const RELAY_PATH = "/v1/relay";

export interface RelaySettings {
  /** Of the WebSocket: `relayUrl` makes one. */
  readonly url: string;
  readonly token: string;
}

export type RelayState =
  /** No relay is set. */
  | { readonly kind: "none" }
  | { readonly kind: "connecting" }
  | { readonly kind: "connected" }
  /** Words for people; the next connection tries again. */
  | { readonly kind: "lost"; readonly words: string };

/**
 * The address of a relay as people write it: that which `stratos serve` prints will do.
 *
 * @returns null: it is none
 */
export function relayUrl(text: string): string | null {
  const url = URL.parse(/^\w+:\/\//.test(text) ? text : `http://${text}`);
  const scheme = url === null ? undefined : SCHEMES[url.protocol];
  if (url === null || scheme === undefined || url.username !== "" || url.password !== "") return null;
  return `${scheme}//${url.host}${url.pathname === "/" ? RELAY_PATH : url.pathname}`;
}

const SCHEMES: Readonly<Record<string, string>> = { "http:": "ws:", "ws:": "ws:", "https:": "wss:", "wss:": "wss:" };
