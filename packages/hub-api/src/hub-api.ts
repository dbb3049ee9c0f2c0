/** What the hub and those who talk to it share: the shapes of requests and answers, and a client. */
export * from "./build-history.ts";
export * from "./failure-views.ts";
export type { ChangeableSetting, HubSettings } from "./hub-settings.ts";
export { GATEWAY_HEADERS } from "./gateway-headers.ts";
export * from "./plugin-contract.ts";
export * from "./profile-views.ts";
export * from "./task-views.ts";
export { HubClient, HubProblem, type HubClientOptions, type StreamEvent } from "./hub-client.ts";
