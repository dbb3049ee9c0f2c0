import { readFileSync } from "node:fs";
import { writeCloudSeed } from "@stratos/outputs";
import { nodeCodecs } from "@stratos/host-node/outputs";
import { CommandError } from "../command-error.ts";
import { withNewDisk } from "../outputs/write-output.ts";

export interface ImageSeedOptions {
  readonly hostname: string;
  readonly user: string;
  readonly sshKeys?: string;
  readonly userData?: string;
  readonly networkConfig?: string;
  readonly instanceId?: string;
  readonly time?: number;
}

/** Makes the medium from which cloud-init takes a machine's name, user and keys. */
export async function makeCloudSeed(file: string, options: ImageSeedOptions): Promise<number> {
  const sshKeys = options.sshKeys === undefined ? [] : readFileSync(options.sshKeys, "utf8").split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  if (options.userData === undefined && sshKeys.length === 0) throw new CommandError(file, "nobody could log in: give --ssh-keys, or --user-data");
  withNewDisk(file, 0, (disk) => writeCloudSeed(disk, {
    instanceId: options.instanceId ?? `stratos-${options.hostname}`, hostname: options.hostname, user: options.user, sshKeys, time: options.time ?? 0,
    ...(options.userData === undefined ? {} : { userData: readFileSync(options.userData, "utf8") }), ...(options.networkConfig === undefined ? {} : { networkConfig: readFileSync(options.networkConfig, "utf8") }),
  }, nodeCodecs()));
  return 0;
}
