/** A treefile's partitions as disks take them, and what is wrong with them before anything is made. */
import { randomBytes } from "node:crypto";
import { bytesOfSize } from "@stratos/base/bytes-of-size";
import {
  OutputError,
  type EncryptionConfig,
  type OutputConfig,
  type OutputProblem,
  type PartitionConfig,
} from "@stratos/compose";
import { partitionProblems, type DiskPartition, type PartitionEncryption } from "@stratos/outputs";
import { FOREIGN_FORMATS } from "@stratos/images/outputs";

/** Formats that are whole disks. */
export const DISKS: readonly string[] = ["raw", "qcow2", ...FOREIGN_FORMATS];

export function isDisk(format: string): boolean {
  return DISKS.includes(format);
}

/** `20G`, which the schema has checked; what no number tells exactly has no room anywhere. */
export function bytesOf(size: string): number {
  return bytesOfSize(size) ?? Number.MAX_SAFE_INTEGER;
}

/** undefined: the usual two */
export function diskPartitions(
  { partitions }: Pick<OutputConfig, "partitions">,
  secrets: ReadonlyMap<string, Uint8Array> = new Map(),
): DiskPartition[] | undefined {
  if (partitions === undefined) return undefined;
  return Object.entries(partitions).map(([name, one]) => diskPartition(name, one, secrets));
}

function diskPartition(name: string, one: PartitionConfig, secrets: ReadonlyMap<string, Uint8Array>): DiskPartition {
  return {
    ...(one.volumes === undefined
      ? {}
      : { volumes: Object.entries(one.volumes).map(([volume, config]) => diskPartition(volume, config, new Map())) }),
    ...said("volumeGroup", one["volume-group"]),
    ...(one.encrypt === undefined
      ? {}
      : { encryption: encryptionOf(one.encrypt, secrets.get(name) ?? new Uint8Array(0)) }),
    name,
    fileSystem: one.filesystem ?? "none",
    ...said("type", one.type),
    ...said("mount", one.mount),
    ...said("size", sizeOf(one.size)),
    ...said("min", sizeOf(one.min)),
    ...said("max", sizeOf(one.max)),
    ...said("weight", one.weight),
    ...said("label", one.label),
    ...said("uuid", one.uuid),
    ...said("isReadOnly", one["read-only"]),
    ...said("grows", one.grow),
    ...said("options", one.options),
    ...said("inFstab", one.fstab),
    ...said("inMbr", one.mbr),
    ...said("hasVerity", one.verity),
    ...(one.compression === undefined || one.compression === "none" ? {} : { isPacked: true }),
  };
}

function encryptionOf(config: EncryptionConfig, secret: Uint8Array): PartitionEncryption {
  return {
    secret,
    ...said("derivation", config.derivation),
    ...said("keepsKey", config["keep-key"]),
    ...(config.random === true ? { random: (length: number) => randomBytes(length) } : {}),
  };
}

const SOURCES = ["passphrase-file", "passphrase-env", "key-file"] as const;

/** Passphrases and keys by partition. @throws OutputError */
export async function readSecrets(
  { partitions = {} }: Pick<OutputConfig, "partitions">,
  readSource: (path: string) => Promise<Uint8Array | undefined>,
): Promise<Map<string, Uint8Array>> {
  const secrets = new Map<string, Uint8Array>();
  for (const [name, { encrypt }] of Object.entries(partitions)) {
    if (encrypt === undefined) continue;
    const { "passphrase-env": variable, "key-file": key, "passphrase-file": file } = encrypt;
    const text = variable === undefined ? undefined : process.env[variable];
    const bytes =
      variable !== undefined ? (text === undefined ? undefined : Buffer.from(text)) : await readSource((key ?? file)!);
    if (bytes === undefined)
      throw new OutputError(
        `partition ${name}: ` +
          `${
            variable === undefined
              ? `there is no file ${(key ?? file)!} beside the treefile`
              : `the environment has no ${variable}, which is to hold the passphrase`
          }`,
      );
    const end = key === undefined ? bytes.indexOf(0x0a) : -1;
    secrets.set(name, end < 0 ? bytes : bytes.subarray(0, end));
    if (secrets.get(name)!.length === 0)
      throw new OutputError(`partition ${name}: the ${key === undefined ? "passphrase" : "key"} is empty`);
  }
  return secrets;
}

function sizeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : bytesOf(text);
}

function said<Key extends string, Value>(key: Key, value: Value | undefined): { [key in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [key in Key]: Value });
}

/** What an output's configuration asks for and cannot be. */
export function outputProblems(format: string, config: OutputConfig): OutputProblem[] {
  const { partitions } = config;
  if (partitions === undefined) return [];
  if (!isDisk(format)) return [{ key: ["partitions"], message: `${format} is no disk; ${DISKS.join(", ")} are` }];
  const problems: OutputProblem[] = [];
  for (const key of ["filesystem", "snapshot", "deploy", "compression"] as const) {
    if (config[key] !== undefined && !(key === "compression" && (format === "qcow2" || format === "vmdk")))
      problems.push({ key: [key], message: "partitions say what lies on the disk; leave it out here" });
  }
  const paths = new Map<string, readonly string[]>();
  for (const [name, { volumes = {} }] of Object.entries(partitions)) {
    paths.set(name, ["partitions", name]);
    for (const [volume, { filesystem }] of Object.entries(volumes)) {
      paths.set(volume, paths.get(volume) ?? ["partitions", name, "volumes", volume]);
      if (filesystem === undefined)
        problems.push({ key: ["partitions", name, "volumes", volume], message: "filesystem is missing" });
    }
  }
  for (const [name, { filesystem, compression, encrypt }] of Object.entries(partitions)) {
    const sources = encrypt === undefined ? [] : SOURCES.filter((source) => encrypt[source] !== undefined);
    if (encrypt !== undefined && sources.length !== 1)
      problems.push({ key: ["partitions", name, "encrypt"], message: `expected exactly one of ${SOURCES.join(", ")}` });
    if (encrypt?.["passphrase-env"] !== undefined && process.env[encrypt["passphrase-env"]] === undefined)
      problems.push({
        key: ["partitions", name, "encrypt", "passphrase-env"],
        message: `the environment has no ${encrypt["passphrase-env"]}`,
      });
    if (filesystem === undefined) problems.push({ key: ["partitions", name], message: "filesystem is missing" });
    if (compression === "lz4" && filesystem !== "erofs")
      problems.push({ key: ["partitions", name, "compression"], message: "lz4 packs erofs alone" });
    if (compression === "zstd" && filesystem === "erofs")
      problems.push({ key: ["partitions", name, "compression"], message: "erofs is packed by lz4" });
  }
  if (problems.length > 0) return problems;
  return partitionProblems(diskPartitions(config)!, sizeOf(config.size)).map(({ name, key, message }) => ({
    key: [...(paths.get(name) ?? ["partitions"]), ...(key === "" ? [] : key.split("."))],
    message,
  }));
}
