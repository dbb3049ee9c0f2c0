import type { Denial } from "@stratos/sdk/api";
import { UsageError } from "../command-error.ts";
import type { NetworkMode } from "./run-options.ts";

/**
 * @param needing  what options that need a network were given, by their names
 * @throws UsageError  one was, and there is none
 */
export function requireNetwork(
  net: NetworkMode,
  needing: Readonly<Record<string, readonly unknown[] | undefined>>,
): void {
  const needed = Object.entries(needing).find(([, given = []]) => given.length > 0);
  if (net !== "host" && needed !== undefined) throw new UsageError(`--${needed[0]}`, "needs a network: add --net host");
}

/** `port 80 (tcp)`, `ping (icmp)` */
export function placeWords(port: number, protocol: Denial["protocol"]): string {
  return protocol === "icmp" ? "ping (icmp)" : `port ${port} (${protocol})`;
}
