/**
 * What a program that uses `stratos` sees: options, results, events and errors. Nothing here knows a host, so that the
 * same types hold in Node and in a browser; times are in milliseconds, sizes in bytes.
 */
export * from "./api-abort-signal.ts";
export * from "./api-failures.ts";
export * from "./api-files.ts";
export * from "./api-images.ts";
export * from "./api-programs.ts";
export * from "./api-recordings.ts";
export * from "./api-sandboxes.ts";
export * from "./api-systems.ts";
