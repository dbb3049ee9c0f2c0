import { type PublishedPort, refusedPort } from "@stratos/host-node";
import { hostReason } from "@stratos/host-node/home";
import type { Denial } from "@stratos/sdk/api";
import { CommandError, UsageError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED } from "../exit-status.ts";
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

/**
 * Programs listen long after their start, and what the host refuses then is theirs to tell.
 *
 * @throws CommandError  somebody has one of the ports, or it is not for the caller
 */
export async function requireFreePorts(publish: readonly PublishedPort[]): Promise<void> {
  const refused = await refusedPort(publish);
  if (refused === null) return;
  const { hostAddress, hostPort, guestPort, type } = refused.port;
  const address = hostAddress?.includes(":") === true ? `[${hostAddress}]` : hostAddress;
  const host = address === null ? String(hostPort) : `${address}:${hostPort}`;
  const port = `--publish ${host}:${guestPort}${type === "stream" ? "" : "/udp"}`;
  throw new CommandError(port, hostReason(refused.error), { status: EXIT_STRATOS_FAILED });
}

/** `port 80 (tcp)`, `ping (icmp)` */
export function placeWords(port: number, protocol: Denial["protocol"]): string {
  return protocol === "icmp" ? "ping (icmp)" : `port ${port} (${protocol})`;
}
