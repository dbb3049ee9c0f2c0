import { Command, Option } from "commander";
import { formatSize } from "@stratos/operation";
import { derivationOf, type DerivationName, formatVolume, planFormat, withVolume } from "@stratos/volumes";
import {
  type CompressionChoice,
  parseCompression,
  parseCopies,
  parseSize,
  parseVolumeLabel,
} from "../volume-options.ts";
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
      new Option(
        "-s, --size <size>",
        "size of the file: 512M, 20G, or bytes (a sparse file takes what is used)",
      ).argParser(parseSize),
    )
    .addOption(new Option("-L, --label <text>", "label of the volume, at most 63 bytes").argParser(parseVolumeLabel))
    .addOption(
      new Option(
        "--copies <n>",
        "keep so many copies of everything, on different devices where there are several",
      ).argParser(parseCopies),
    )
    .addOption(
      new Option("--compress <codec>", "compress what is stored: none, lz4 or zstd, each with a :LEVEL").argParser(
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
    .action(async (volumes: string[], options: FormatVolumeOptions) => finish(await makeVolume(volumes, options)));
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

async function makeVolume(paths: readonly string[], options: FormatVolumeOptions): Promise<number> {
  const { size, label, copies, compress: compression, kdf } = options;
  if (options.dryRun === true) return tellPlan(planFormat(paths, size), options);
  const encryption = options.encrypt === true ? derivationOf(kdf) : undefined;
  const name = formatVolume(paths, { size, label, copies, compression, encryption, force: options.force === true });
  if (encryption !== undefined) return 0;
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

function tellPlan(plans: ReturnType<typeof planFormat>, options: FormatVolumeOptions): number {
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
