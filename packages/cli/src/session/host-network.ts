import { utf8Of } from "@stratos/base";
import type { Subvolume } from "@stratos/aegisfs";
import type { SocketProvider } from "@stratos/host";
import { NodeSocketProvider } from "@stratos/host-node";
import { writeVolumeFile } from "../image/volume-file.ts";
import type { NetworkMode } from "../program/run-options.ts";

/** What carries the guest's sockets beyond the machine; null: nothing. */
export function openNetwork(mode: NetworkMode): SocketProvider | null {
  return mode === "host" ? new NodeSocketProvider() : null;
}

/** Tells the guest's resolver where to ask. */
export function writeResolverConfiguration(files: Subvolume, provider: SocketProvider): void {
  const servers = provider.nameServers();
  // A root without /etc has no resolver either.
  writeVolumeFile(files, "etc/resolv.conf", utf8Of(servers.map((server) => `nameserver ${server}\n`).join("")));
}
