/** The Node that machines run on, and what it finds in its environment. */
import { createRequire } from "node:module";
import { StratosError } from "@stratos/sdk/client";
import { NODE_MAJOR_MIN } from "./node-flags.mjs";

/** Node's own variables would bring in the host's flags and preloads. */
export function environmentOfEngine(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...environment } = process.env;
  return environment;
}

/** The pinned binary, which npm has installed beside us; or this process's own when it is new enough. */
export function nodeBinary(): string {
  const name = `node-${process.platform}-${process.arch}`;
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/node`);
  } catch {
    if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) return process.execPath;
    throw new StratosError(
      "engine",
      `no Node ${NODE_MAJOR_MIN} for machines: the package ${name} is not installed (npm install ` +
        `--include=optional), and this process runs ${process.version}`,
      { exitCode: null, signal: null, log: "" },
    );
  }
}
