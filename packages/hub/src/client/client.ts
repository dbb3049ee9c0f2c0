/** What programs use that talk to a hub. */
export { buildSources, SourceError, type WantedSource } from "./build-sources.ts";
export { checkAuditFile, type AuditFileView } from "../audit/audit-file.ts";
export { CHAIN_START, type ChainFault, type ChainPlace } from "../audit/chain.ts";
export { hubEvents, taskLog, taskStates } from "./follow-task.ts";
export { DEFAULT_HUB, hubClient, hubFailure, HubLogins, hubUrlOf, readToken } from "./hub-logins.ts";
export { signInByDevice } from "./sign-in.ts";
export { signInByTicket } from "./sign-in-by-ticket.ts";
