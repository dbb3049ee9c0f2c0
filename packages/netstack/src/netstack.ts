export * from "./ip-address.ts";
export * from "./ip-output.ts";
export * from "./ip-receiver.ts";
export * from "./ip-text.ts";
