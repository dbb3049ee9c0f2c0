/** The side of a program that uses Stratos; it needs a way to an engine, and nothing else of its host. */
export * from "./api.ts";
export { EngineClient, type EngineChannel } from "./engine-client.ts";
export { type EngineSource, openBoard, openSandbox, RemoteBoard, RemoteSandbox } from "./sandbox.ts";
export type { RemoteHandle } from "./remote-files.ts";
export { Image, openRemoteImage, openRemoteVolume, Volume } from "./volume.ts";
