/**
 * The command line for processes of their own, in tests: `spawn(process.execPath, [...commandArguments, "fs", "ls"])`.
 * It is the bundle, which is what users run and starts five times faster, where `npm test` has made one and says so;
 * else the sources.
 */
import { join } from "node:path";
import { NODE_FLAGS } from "@stratos/engine-node/node-flags";

/** For Node 24. */
export const commandArguments: readonly string[] = [
  ...NODE_FLAGS,
  process.env["STRATOS_TEST_BUNDLE"] || join(import.meta.dirname, "../main.ts"),
];
