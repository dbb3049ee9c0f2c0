/** The Node that machines run on, and what it finds in its environment. */
import { StratosError } from "@stratos/sdk/client";
import { NODE_MAJOR_MIN, nodeEnvironment } from "./node-flags.mjs";
import { dependencyFile } from "./package-script.ts";

/** Node's own variables would bring in the host's flags and preloads. */
export function environmentOfEngine(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...environment } = process.env;
  return nodeEnvironment(environment);
}

/** The pinned binary, which npm has installed beside us; or this process's own when it is new enough. */
export function nodeBinary(): string {
  const name = `node-${process.platform}-${process.arch}`;
  const pinned = dependencyFile(`${name}/bin/node`);
  if (pinned !== null) return pinned;
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) return process.execPath;
  throw new StratosError(
    "engine",
    `no Node ${NODE_MAJOR_MIN} for machines: the package ${name} is not installed (npm install ` +
      `--include=optional), and this process runs ${process.version}`,
    { exitCode: null, signal: null, log: "" },
  );
}
