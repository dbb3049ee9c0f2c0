/** What a relayed socket sees of the tab that it is for. */
import type { RelayFrame } from "@stratos/host-browser/relay";

export interface RelayLink {
  send(frame: RelayFrame): void;
  /** False: the tab reads slower than the network gives; sockets are told by `resume` when that is over. */
  readonly hasRoom: boolean;
  /** In a turn of its own. */
  soon(act: () => void): void;
  /** It is over. */
  forget(id: number): void;
  note(entry: RelayNote): void;
  /** The tab has broken the rules of frames. */
  violate(): void;
}

/** A line of the audit log. */
export interface RelayNote {
  readonly operation: "relayTcp" | "relayUdp";
  readonly target: string;
  /** 200: it was carried; 403: rules deny it; 429: it was one too many; 502: the network did. */
  readonly status: 200 | 403 | 429 | 502;
}

export function placeText({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
