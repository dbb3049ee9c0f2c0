/** `stratos fs key …`: passphrases of an encrypted volume. */
import {
  addVolumeKey,
  changeVolumeKey,
  derivationOf,
  type DerivationName,
  listVolumeKeys,
  removeVolumeKey,
  resealVolume,
  rotateVolumeKey,
} from "@stratos/volumes";
import { formatSize } from "@stratos/operation";
import { CommandError } from "../command-error.ts";
import { withTerminalProgress } from "../terminal-progress.ts";

export interface KeyOptions {
  readonly newFile?: string;
  readonly kdf?: DerivationName;
  readonly json?: true;
}
export interface RotateOptions {
  readonly reseal?: true;
  readonly kdf?: DerivationName;
  readonly json?: true;
}

export async function listKeys(path: string, options: { readonly json?: true }): Promise<number> {
  const rows = listVolumeKeys(path);
  if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else
    for (const { device, slots } of rows)
      for (const { slot, derivation } of slots)
        process.stdout.write(`${device}: slot ${slot}, ${derivationText(derivation)}\n`);
  return 0;
}

function derivationText(derivation: ReturnType<typeof derivationOf>): string {
  return derivation.kind === "scrypt"
    ? `scrypt 2^${derivation.logN}, r ${derivation.r}, p ${derivation.p}`
    : `argon2id ${formatSize(derivation.memoryKiB * 1024)}, ${derivation.passes} passes, ${derivation.lanes} lanes`;
}

export async function addKey(path: string, { newFile, kdf }: KeyOptions): Promise<number> {
  addVolumeKey(path, { newFile, derivation: derivationOf(kdf) });
  return 0;
}

export async function removeKey(path: string, slot: number): Promise<number> {
  removeVolumeKey(path, slot);
  return 0;
}

export async function changeKey(path: string, { newFile, kdf }: KeyOptions): Promise<number> {
  changeVolumeKey(path, { newFile, derivation: derivationOf(kdf) });
  return 0;
}

export async function rotateKey(path: string, options: RotateOptions): Promise<number> {
  rotateVolumeKey(path, derivationOf(options.kdf));
  return options.reseal === true ? resealKey(path, options) : 0;
}

/** Exit status 1 when it is interrupted. */
export async function resealKey(path: string, options: { readonly json?: true }): Promise<number> {
  const stopper = new AbortController();
  const stop = (): void => stopper.abort();
  for (const signal of STOP_SIGNALS) process.once(signal, stop);
  const result = await withTerminalProgress((progress) => resealVolume(path, stopper.signal, progress)).finally(() => {
    for (const signal of STOP_SIGNALS) process.removeListener(signal, stop);
  });
  if (options.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else if (result.damagedBlocks > 0)
    process.stderr.write(
      `stratos: ${path}: ${result.damagedBlocks} blocks open with none of the keys: a crash left them, or they ` +
        "are damaged (`stratos fs scrub` tells)\n",
    );
  if (!result.finished) throw new CommandError(path, "interrupted; `stratos fs key reseal` goes on");
  return 0;
}

const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;
