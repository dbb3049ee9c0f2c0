/** The side of a program that uses Stratos; it needs a way to an engine, and nothing else of its host. */
export { StratosError } from "./api.ts";
export { CountedEngines } from "./counted-engines.ts";
export { type Answer, EngineClient, type EngineChannel } from "./engine-client.ts";
export { useEngines } from "./entry.ts";
export { openSystem, type SystemsSource } from "./named-sandbox.ts";
export { RemoteFiles } from "./remote-files.ts";
export type { AcquiredEngine, EngineSource, Listening } from "./sandbox.ts";
export type { ExpectedSandbox } from "./protocol.ts";
export type { StreamPair } from "./remote-program.ts";
