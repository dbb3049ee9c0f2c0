import { closeSync, openSync, statSync, truncateSync } from "node:fs";
import { CommandError, UsageError } from "../command-error.ts";
import { describeContent, formatDevice, openDevice, withVolume } from "../fs/open-volume.ts";
import { formatSize } from "../option-values.ts";

export interface FormatVolumeOptions {
  readonly size?: number;
  readonly label?: string;
  readonly force?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

const SIZE_MIN = 4 << 20;

export async function formatVolume(path: string, options: FormatVolumeOptions): Promise<number> {
  const stat = statSync(path, { throwIfNoEntry: false });
  const isDevice = stat?.isBlockDevice() === true;
  if (stat !== undefined && !isDevice && !stat.isFile()) throw new CommandError(path, "is neither a file nor a block device");
  if (stat === undefined && options.size === undefined) throw new UsageError("--size", `${path} is not there: how large is it to be?`);
  if (isDevice && options.size !== undefined) throw new UsageError("--size", `${path} is a device: its size is given`);
  if ((options.size ?? SIZE_MIN) < SIZE_MIN) throw new UsageError("--size", "a volume needs at least 4M");
  const content = describeContent(path);
  if (options.dryRun === true) {
    const result = { volume: path, sizeBytes: options.size ?? stat?.size ?? 0, overwrites: content, needsForce: content !== null };
    if (options.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    else process.stdout.write(content === null ? `${path}: a volume would be made; nothing would be lost\n` : `${path}: holds ${content}, which would be lost; it needs --force\n`);
    return 0;
  }
  if (content !== null && options.force !== true) throw new CommandError(path, `holds ${content}; --force replaces it`);
  if (stat === undefined) closeSync(openSync(path, "wx", 0o644));
  const device = openDevice(path, "write");
  try {
    // Under the lock: a mounted volume's file keeps its size.
    if (options.size !== undefined) {
      truncateSync(path, 0);
      truncateSync(path, options.size);
      device.resize(options.size);
    }
    formatDevice(device, options.label ?? "");
  } finally {
    device.close();
  }
  await withVolume(path, "read", ({ volume }) => {
    const { blocks, freeBlocks } = volume.usage();
    if (options.json === true) process.stdout.write(`${JSON.stringify({ volume: path, label: options.label ?? "", sizeBytes: blocks * 4096, freeBytes: freeBlocks * 4096 }, null, 2)}\n`);
    else if (process.stdout.isTTY) process.stdout.write(`${path}: ${formatSize(blocks * 4096)}, ${formatSize(freeBlocks * 4096)} free\n`);
  });
  return 0;
}
