/** A treefile's partitions as disks take them, and what is wrong with them before anything is made. */
import type { OutputConfig, OutputProblem } from "@stratos/compose";
import { parseBytes, partitionProblems, type DiskPartition } from "@stratos/outputs";
import { FOREIGN_FORMATS } from "../outputs/foreign-disk.ts";

/** Formats that are whole disks. */
export const DISKS: readonly string[] = ["raw", "qcow2", ...FOREIGN_FORMATS];

export function isDisk(format: string): boolean {
  return DISKS.includes(format);
}

/** `20G`. */
export function bytesOf(size: string): number {
  return parseBytes(size)!;
}

/** undefined: the usual two */
export function diskPartitions({ partitions }: Pick<OutputConfig, "partitions">): DiskPartition[] | undefined {
  if (partitions === undefined) return undefined;
  return Object.entries(partitions).map(([name, one]): DiskPartition => ({
    name, fileSystem: one.filesystem ?? "none",
    ...said("type", one.type), ...said("mount", one.mount), ...said("size", sizeOf(one.size)), ...said("min", sizeOf(one.min)), ...said("max", sizeOf(one.max)), ...said("weight", one.weight), ...said("label", one.label), ...said("uuid", one.uuid),
    ...said("isReadOnly", one["read-only"]), ...said("grows", one.grow), ...said("options", one.options), ...said("inFstab", one.fstab), ...said("inMbr", one.mbr), ...said("hasVerity", one.verity),
    ...(one.compression === undefined || one.compression === "none" ? {} : { isPacked: true }),
  }));
}

function sizeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : bytesOf(text);
}

function said<Key extends string, Value>(key: Key, value: Value | undefined): { [key in Key]?: Value } {
  return value === undefined ? {} : { [key]: value } as { [key in Key]: Value };
}

/** What an output's configuration asks for and cannot be. */
export function outputProblems(format: string, config: OutputConfig): OutputProblem[] {
  const { partitions } = config;
  if (partitions === undefined) return [];
  if (!isDisk(format)) return [{ key: ["partitions"], message: `${format} is no disk; ${DISKS.join(", ")} are` }];
  const problems: OutputProblem[] = [];
  for (const key of ["filesystem", "snapshot", "deploy", "compression"] as const) {
    if (config[key] !== undefined && !(key === "compression" && (format === "qcow2" || format === "vmdk"))) problems.push({ key: [key], message: "partitions say what lies on the disk; leave it out here" });
  }
  for (const [name, { filesystem, compression }] of Object.entries(partitions)) {
    if (filesystem === undefined) problems.push({ key: ["partitions", name], message: "filesystem is missing" });
    if (compression === "lz4" && filesystem !== "erofs") problems.push({ key: ["partitions", name, "compression"], message: "lz4 packs erofs alone" });
    if (compression === "zstd" && filesystem === "erofs") problems.push({ key: ["partitions", name, "compression"], message: "erofs is packed by lz4" });
  }
  if (problems.length > 0) return problems;
  return partitionProblems(diskPartitions(config)!, sizeOf(config.size)).map(({ name, key, message }) => ({ key: ["partitions", ...(name === "" ? [] : [name]), ...(key === "" ? [] : [key])], message }));
}
