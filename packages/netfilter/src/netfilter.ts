export { Netfilter } from "./packet/netfilter.ts";
export type { PacketHost } from "./packet/packet-host.ts";
export type { AnswerSink, Asker, NetfilterRequest } from "./requests/batch.ts";
