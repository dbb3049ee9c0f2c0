/** Who carries a connection out: the loopback, our own stack over links, or the provider. */
import { EACCES, ECONNREFUSED, EHOSTUNREACH, isErrno } from "@stratos/abi";
import { type InetEndpoint, isSameIp } from "@stratos/netstack";
import { hostAddressOf } from "./host-address.ts";
import { HostAttempt } from "./host-tcp.ts";
import { LoopbackAttempt } from "./loopback-tcp.ts";
import { LoopbackTransport } from "./loopback-transport.ts";
import { Hearing } from "./port-table.ts";
import { StackAttempt } from "./stack-tcp.ts";
import type { TcpClaim, TcpSocket } from "./tcp-socket.ts";
import type { Established, TcpAttempt } from "./tcp-transport.ts";

type Begun =
  | { readonly attempt: TcpAttempt; readonly established?: undefined; readonly failed?: undefined }
  | { readonly established: Established; readonly attempt?: undefined; readonly failed?: undefined }
  /** A positive errno that the socket has from now on. */
  | { readonly failed: number; readonly attempt?: undefined; readonly established?: undefined };

/** @returns a negative errno of connect(2) itself */
export function beginConnection(socket: TcpSocket, to: InetEndpoint, isOnLink: boolean): Begun | number {
  const { network } = socket;
  const { provider } = network;
  if (network.isLocal(to.ip)) {
    const local = socket.local!;
    if (to.port === local.port && isSameIp(to.ip, local.ip) && socket.options.filter === null) {
      const transport = new LoopbackTransport(socket, network.tcpMemory);
      LoopbackTransport.join(transport, transport);
      return { established: { transport, local: to, peer: to } };
    }
    const device = network.interfaceOf(to.ip).index;
    const claim = network.tcpPorts.find({ ip: to.ip, port: to.port, device }, local, hears);
    // Who sees packets sees those within the machine, too. What nobody here hears may be the host's.
    const isFiltered = socket.options.filter !== null || (claim !== null && claim.socket.options.filter !== null);
    if ((network.ip.isSeen || isFiltered) && (claim !== null || provider === null)) {
      const attempt = StackAttempt.begin(socket, to);
      return isErrno(attempt) ? attempt : { attempt };
    }
    if (claim !== null) {
      const listener = claim.socket.fromHere!;
      const attempt = new LoopbackAttempt(socket, listener);
      return { attempt };
    }
    if (provider === null) return { failed: ECONNREFUSED };
  }
  const attempt = isOnLink
    ? StackAttempt.begin(socket, to)
    : provider === null
      ? -EHOSTUNREACH
      : HostAttempt.begin(socket, provider, hostAddressOf(to.ip, to.port), socket.boundAtHost);
  // Nobody listens there inside: who waits for a server of its own tries again, as it does without a network.
  if (attempt === -EACCES && network.isLocal(to.ip)) return { failed: ECONNREFUSED };
  return isErrno(attempt) ? attempt : { attempt };
}

/** @param refusedBy  who said no; null: it failed otherwise */
export function countFailure(
  network: Pick<TcpSocket["network"], "counters" | "isLocal">,
  attempt: TcpAttempt | null,
  refusedBy: InetEndpoint | null,
): void {
  const { counters } = network;
  counters.attemptFails++;
  // Our own stack counts what it answers.
  if (refusedBy !== null && !(attempt instanceof StackAttempt) && network.isLocal(refusedBy.ip)) counters.resetsOut++;
}

function hears(claim: TcpClaim): Hearing {
  return claim.socket.isListening ? Hearing.anybody : Hearing.nobody;
}
