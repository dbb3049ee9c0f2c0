import { readFileSync } from "node:fs";
import { writeCloudSeed } from "@stratos/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { parseDocument } from "yaml";
import { CommandError } from "../command-error.ts";
import { withNewDisk } from "@stratos/images/outputs";

export interface ImageSeedOptions {
  readonly hostname: string;
  readonly user: string;
  /** false: `--no-sudo` */
  readonly sudo: boolean;
  readonly sshKeys?: string;
  readonly userData?: string;
  readonly networkConfig?: string;
  readonly instanceId?: string;
  readonly time?: number;
}

/** Makes the medium from which cloud-init takes a machine's name, user and keys. */
export async function makeCloudSeed(file: string, options: ImageSeedOptions): Promise<number> {
  const sshKeys =
    options.sshKeys === undefined
      ? []
      : readFileSync(options.sshKeys, "utf8")
          .split("\n")
          .map((line) => line.trim())
          .filter((line) => line !== "" && !line.startsWith("#"));
  if (options.userData === undefined && sshKeys.length === 0)
    throw new CommandError(file, "nobody could log in: give --ssh-keys, or --user-data");
  const userData = options.userData === undefined ? undefined : userDataOf(options.userData);
  const networkConfig =
    options.networkConfig === undefined
      ? undefined
      : yamlOf(options.networkConfig, readFileSync(options.networkConfig, "utf8"));
  withNewDisk(file, 0, (disk) =>
    writeCloudSeed(
      disk,
      {
        instanceId: options.instanceId ?? `stratos-${options.hostname}`,
        hostname: options.hostname,
        user: options.user,
        hasSudo: options.sudo,
        sshKeys,
        time: options.time ?? 0,
        ...(userData === undefined ? {} : { userData }),
        ...(networkConfig === undefined ? {} : { networkConfig }),
      },
      nodeCodecs(),
    ),
  );
  return 0;
}

/**
 * What a file for cloud-init begins with: it passes over any other without a word. Source: cloud-init's manual,
 * "User-data formats".
 */
const KINDS =
  // wide: one pattern
  /^(#cloud-config(-archive|-jsonp)?\s*$|#!|#include(-once)?\s*$|#cloud-boothook\s*$|#part-handler\s*$|## template: *jinja|Content-Type:|MIME-Version:|From )/im;

/** @throws CommandError for what the machine would not understand: it has nobody to tell it to */
function userDataOf(path: string): string {
  const text = readFileSync(path, "utf8"),
    first = text.split("\n", 1)[0]!;
  if (!KINDS.test(first))
    throw new CommandError(path, "its first line is not one that cloud-init knows, such as #cloud-config or #!/bin/sh");
  return /^#cloud-config\s*$/i.test(first) ? yamlOf(path, text) : text;
}

function yamlOf(path: string, text: string): string {
  const { errors } = parseDocument(text);
  if (errors.length > 0) throw new CommandError(path, errors[0]!.message.split("\n")[0]!.replace(/:$/, ""));
  return text;
}
