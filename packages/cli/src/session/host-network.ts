import { utf8Of } from "@stratos/base";
import type { Subvolume } from "@stratos/aegisfs";
import type { SocketProvider } from "@stratos/host";
import { NodeSocketProvider, type PublishedPort } from "@stratos/host-node";
import { writeVolumeFile } from "@stratos/session";
import { UsageError } from "../command-error.ts";
import type { NetworkMode } from "../program/run-options.ts";

/**
 * What carries the guest's sockets beyond the machine; null: nothing.
 *
 * @throws UsageError  ports are to be published without a network
 */
export function openNetwork(mode: NetworkMode, published: readonly PublishedPort[]): SocketProvider | null {
  if (mode === "host") return new NodeSocketProvider({ published });
  if (published.length > 0) throw new UsageError("--publish", "needs a network: add --net host");
  return null;
}

/** Tells the guest's resolver where to ask. */
export function writeResolverConfiguration(files: Subvolume, provider: SocketProvider): void {
  const servers = provider.nameServers();
  // A root without /etc has no resolver either.
  writeVolumeFile(files, "etc/resolv.conf", utf8Of(servers.map((server) => `nameserver ${server}\n`).join("")));
}
