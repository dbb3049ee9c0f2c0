import { randomBytes } from "node:crypto";
import { closeSync, openSync, realpathSync, rmSync, statSync, truncateSync } from "node:fs";
import {
  COMPRESS_LZ4,
  COMPRESS_NONE,
  COMPRESS_ZSTD,
  DEVICE_BLOCKS_MIN,
  EncryptedDevice,
  format,
  KEY_ERROR_WORDS,
  withCompression,
} from "@stratos/aegisfs";
import type { BlockDevice } from "@stratos/host";
import { nodeCipher, type FileBlockDevice } from "@stratos/host-node";
import { environmentPassphrase } from "@stratos/tools-node/volumes";
import {
  describeContent,
  openDevice,
  withVolume,
  rememberVolume,
  toByteString,
  promptPassphrase,
  mountFailure,
} from "@stratos/volumes";
import { CommandError, UsageError } from "../command-error.ts";
import type { CompressionChoice } from "../volume-options.ts";
import { formatSize } from "../option-values.ts";
import { derivationOf, type DerivationName } from "./fs-key-commands.ts";
import { Command, Option } from "commander";
import { parseCompression, parseCopies, parseSize, parseVolumeLabel } from "../volume-options.ts";
import { dryRunOption, jsonOption, kdfOption, type Finish } from "./row-options.ts";

export function formatCommand(finish: Finish): Command {
  return new Command("format")
    .description(
      "Makes an empty volume of a file or a device. A file that is not there is made, with --size; what a file " +
        "or device held is lost, and only with --force.",
    )
    .summary("make an empty volume")
    .argument("<volume...>", "file or device; several make one volume, named A,B,C from then on")
    .addOption(
      new Option("-s, --size <size>", "size of the file: 512M, 20G (a sparse file takes what is used)").argParser(
        parseSize,
      ),
    )
    .addOption(new Option("-L, --label <text>", "label of the volume, at most 63 bytes").argParser(parseVolumeLabel))
    .addOption(
      new Option(
        "--copies <n>",
        "keep so many copies of everything, on different devices where there are several",
      ).argParser(parseCopies),
    )
    .addOption(
      new Option("--compress <codec>", "compress what is stored: none, lz4, zstd, zstd:LEVEL").argParser(
        parseCompression,
      ),
    )
    .addOption(kdfOption())
    .option(
      "--encrypt",
      "encrypt the volume; asks for a passphrase, or takes the one in the file that STRATOS_PASSPHRASE_FILE names",
    )
    .option("-f, --force", "also when something is there, which is lost")
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .action(async (volumes: string[], options: FormatVolumeOptions) => finish(await formatVolume(volumes, options)));
}

interface FormatVolumeOptions {
  readonly size?: number;
  readonly label?: string;
  readonly copies?: number;
  readonly compress?: CompressionChoice;
  readonly encrypt?: true;
  readonly kdf?: DerivationName;
  readonly force?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

const SIZE_MIN = DEVICE_BLOCKS_MIN * 4096;

async function formatVolume(paths: readonly string[], options: FormatVolumeOptions): Promise<number> {
  if ((options.size ?? SIZE_MIN) < SIZE_MIN)
    throw new UsageError("--size", `a volume needs at least ${formatSize(SIZE_MIN)}`);
  if (new Set(paths).size < paths.length) throw new UsageError("format", "a device is named twice");
  const plans = paths.map((path) => planDevice(path, options));
  if (options.dryRun === true) return tellPlan(plans, options);
  for (const { path, content } of plans)
    if (content !== null && options.force !== true)
      throw new CommandError(path, `holds ${content}; --force replaces it`);
  const passphrase = options.encrypt === true ? newPassphrase(paths[0]!) : null;
  const devices: FileBlockDevice[] = [];
  const made: string[] = [];
  let isMade = false;
  const name = paths.join(",");
  try {
    for (const { path, isNew } of plans) {
      if (isNew) {
        closeSync(openSync(path, "wx", 0o644));
        made.push(path);
      }
      devices.push(openDevice(path, "write"));
    }
    for (const device of devices) {
      // Under the lock: a mounted volume's file keeps its size.
      if (options.size === undefined) continue;
      truncateSync(device.path, 0);
      truncateSync(device.path, options.size);
      device.resize(options.size);
    }
    const sealed = devices.map((device): BlockDevice =>
      passphrase === null ? device : encrypt(device, passphrase, options.kdf),
    );
    const failure = format(sealed.length === 1 ? sealed[0]! : sealed, {
      uuid: randomBytes(16),
      hashSeed: randomBytes(4).readUInt32LE(),
      label: toByteString(options.label ?? ""),
      seconds: Math.floor(Date.now() / 1000),
      // Who makes a volume is to be able to use it.
      owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
      copies: options.copies ?? 1,
      properties: propertiesOf(options.compress),
    });
    if (failure !== 0) throw mountFailure(name, failure);
    isMade = true;
  } finally {
    for (const device of devices) device.close();
    if (!isMade) for (const path of made) rmSync(path, { force: true });
  }
  rememberVolume(paths.map((path) => realpathSync(path)));
  if (passphrase !== null) return 0;
  await withVolume(name, "read", ({ volume }) => {
    const { blocks, freeBlocks } = volume.usage();
    if (options.json === true)
      process.stdout.write(
        JSON.stringify(
          { volume: name, label: options.label ?? "", sizeBytes: blocks * 4096, freeBytes: freeBlocks * 4096 },
          null,
          2,
        ) + "\n",
      );
    else if (process.stdout.isTTY)
      process.stdout.write(`${name}: ${formatSize(blocks * 4096)}, ${formatSize(freeBlocks * 4096)} free\n`);
  });
  return 0;
}

interface DevicePlan {
  readonly path: string;
  readonly isNew: boolean;
  readonly sizeBytes: number;
  readonly content: string | null;
}

function planDevice(path: string, options: FormatVolumeOptions): DevicePlan {
  const stat = statSync(path, { throwIfNoEntry: false });
  const isDevice = stat?.isBlockDevice() === true;
  if (stat !== undefined && !isDevice && !stat.isFile())
    throw new CommandError(path, "is neither a file nor a block device");
  if (stat === undefined && options.size === undefined)
    throw new UsageError("--size", `${path} is not there: how large is it to be?`);
  if (isDevice && options.size !== undefined) throw new UsageError("--size", `${path} is a device: its size is given`);
  return {
    path,
    isNew: stat === undefined,
    sizeBytes: options.size ?? stat?.size ?? 0,
    content: describeContent(path),
  };
}

function tellPlan(plans: readonly DevicePlan[], options: FormatVolumeOptions): number {
  const results = plans.map(({ path, sizeBytes, content }) => ({
    volume: path,
    sizeBytes,
    overwrites: content,
    needsForce: content !== null,
  }));
  if (options.json === true)
    process.stdout.write(`${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`);
  else
    for (const { path, content } of plans)
      process.stdout.write(
        content === null
          ? `${path}: a volume would be made; nothing would be lost\n`
          : `${path}: holds ${content}, which would be lost; it needs --force\n`,
      );
  return 0;
}

function propertiesOf(choice: CompressionChoice | undefined): number {
  if (choice === undefined) return 0;
  const kinds = { none: COMPRESS_NONE, lz4: COMPRESS_LZ4, zstd: COMPRESS_ZSTD } as const;
  return withCompression(0, kinds[choice.name], choice.level);
}

function encrypt(device: FileBlockDevice, passphrase: Uint8Array, kdf: DerivationName | undefined): BlockDevice {
  const encrypted = EncryptedDevice.create(device, nodeCipher, randomBytes(16), passphrase, {
    derivation: derivationOf(kdf),
  });
  if (typeof encrypted === "string") throw new CommandError(device.path, KEY_ERROR_WORDS[encrypted]);
  return encrypted.device;
}

/** From the environment, or twice from the terminal. */
function newPassphrase(path: string): Uint8Array {
  const given = environmentPassphrase();
  if (given !== null) return given;
  const passphrase = promptPassphrase(`New passphrase of ${path}: `);
  if (passphrase === null)
    throw new CommandError(
      path,
      "a passphrase is needed: STRATOS_PASSPHRASE_FILE names a file with it, or give it on a terminal",
    );
  const again = promptPassphrase("The same again: ");
  if (again === null || Buffer.compare(passphrase, again) !== 0)
    throw new CommandError(path, "the two passphrases differ");
  return passphrase;
}
