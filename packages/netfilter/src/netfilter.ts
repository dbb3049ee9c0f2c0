export { Netfilter, type NetfilterHost } from "./packet/netfilter.ts";
export type { AnswerSink, Asker, NetfilterRequest } from "./requests/batch.ts";
