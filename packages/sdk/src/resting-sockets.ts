import { EACCES } from "@stratos/abi";
import type { SocketProvider } from "@stratos/host";

/** Those of a machine that never runs, and is to be saved: nothing is opened. */
export function restingSockets(sockets: SocketProvider): SocketProvider {
  return {
    isResting: true,
    create: () => -EACCES,
    nameServers: () => sockets.nameServers(),
    localAddresses: () => sockets.localAddresses(),
  };
}
