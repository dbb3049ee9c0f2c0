/**
 * TCP over links, and the way out, which ends connections by it: pages load what they are made of when the first
 * segment comes or goes, or the first packet is passed on to the outside.
 */
import { TcpStack } from "@stratos/netstack/tcp";
import { Uplink } from "@stratos/netstack/uplink";

export function makeTcpStack(...given: ConstructorParameters<typeof TcpStack>): TcpStack {
  return new TcpStack(...given);
}

export function makeUplink(...given: ConstructorParameters<typeof Uplink>): Uplink {
  return new Uplink(...given);
}
