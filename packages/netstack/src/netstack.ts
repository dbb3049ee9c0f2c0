export * from "./ip-address.ts";
export * from "./ip-output.ts";
export * from "./ip-text.ts";
export * from "./ip-receiver.ts";
export { type BacklogOwner, TcpBacklog } from "./tcp/tcp-backlog.ts";
export { TcpConnection } from "./tcp/tcp-connection.ts";
export { type ConnectionOptions, type TcpHost, TcpStack } from "./tcp/tcp-stack.ts";
export type { TcpOwner } from "./tcp/tcb.ts";
