export { DROPPED, Netfilter, PASSED, REFUSED } from "./packet/netfilter.ts";
export type { PacketHost } from "./packet/packet-host.ts";
export { REFUSED_BY_RESET } from "./packet/surroundings.ts";
export type { AnswerSink, Asker, NetfilterRequest } from "./requests/batch.ts";
