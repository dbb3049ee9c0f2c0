import type { Subvolume } from "@stratos/aegisfs";
import { utf8Of } from "@stratos/base";
import type { SocketProvider } from "@stratos/host";
import { writeVolumeFile } from "./volume-file.ts";

/** Tells the guest's resolver where to ask. */
export function writeResolverConfiguration(files: Subvolume, provider: SocketProvider): void {
  const servers = provider.nameServers();
  // A root without /etc has no resolver either.
  writeVolumeFile(files, "etc/resolv.conf", utf8Of(servers.map((server) => `nameserver ${server}\n`).join("")));
}
