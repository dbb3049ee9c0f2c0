/**
 * Proxies before a hub whose word counts: who asked them, and by which address. They add to `X-Forwarded-For` whom they
 * had the request from, behind what was there already, which anybody may have written; `X-Forwarded-Proto` and, where
 * they send another `Host`, `X-Forwarded-Host` are theirs. Of all others such headers mean nothing.
 */
import { type BlockList, isIP } from "node:net";
import { isInNetworks, networkList } from "../access/networks.ts";

/** Of one request: each proxy adds one. */
const HOPS_MAX = 32;
const HOST = /^[A-Za-z0-9.-]{1,253}(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?$/;

/** What is asked of a request's headers. */
type Header = (name: string) => string | undefined;

export class TrustedProxies {
  readonly #networks: BlockList;

  /** @param networks  addresses, or networks with their bits. @throws HubError of one that is none */
  constructor(networks: readonly string[]) {
    this.#networks = networkList(networks);
  }

  #has(address: string): boolean {
    return isInNetworks(this.#networks, address);
  }

  /** Where a request came from. @param peer  where its connection came from */
  clientOf(peer: string, header: Header): string {
    if (!this.#has(peer)) return peer;
    const hops = (header("x-forwarded-for") ?? "").split(",").slice(-HOPS_MAX);
    let client = peer;
    for (const hop of hops.reverse().map((each) => each.trim())) {
      if (isIP(hop) === 0) break;
      client = hop;
      if (!this.#has(hop)) break;
    }
    return client;
  }

  /** The origin of the hub's pages as the browser has it. @param own  as the request itself says */
  originOf(peer: string, own: string, header: Header): string {
    if (!this.#has(peer)) return own;
    const { protocol, host } = new URL(own);
    const scheme = header("x-forwarded-proto")?.split(",").at(-1)?.trim();
    const name = header("x-forwarded-host")?.split(",").at(-1)?.trim() ?? host;
    const isPlain = (scheme === undefined || scheme === "http" || scheme === "https") && HOST.test(name);
    return isPlain ? new URL(`${scheme ?? protocol.slice(0, -1)}://${name}`).origin : own;
  }
}
