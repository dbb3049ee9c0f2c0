/** What options and settings say of a machine, however it is run. */
import { configPath, readConfig, stratosHome } from "@stratos/host-node/home";
import { ImageStore } from "@stratos/images";
import { ASTRA_IMAGE, DEFAULT_IMAGE, DEFAULT_MEMORY } from "@stratos/images/defaults";
import { MACHINE_MEMORY_MAX } from "@stratos/session";
import { CommandError, UsageError } from "../command-error.ts";
import { formatSize } from "@stratos/operation";
import { parseMemory } from "../option-values.ts";
import type { RunOptions } from "./run-options.ts";

/** Bytes of its memory. @throws UsageError, CommandError */
export function memoryOf(options: Pick<RunOptions, "memory">, home: string): number {
  return fittingMemory(options.memory ?? configuredMemory(home) ?? DEFAULT_MEMORY);
}

/** The default image and the built-in one make themselves when they are first needed. */
export async function ensureImage(name: string): Promise<void> {
  if (name === ASTRA_IMAGE) {
    const { ensureAstraImage } = await import("@stratos/images/built-in");
    return await ensureAstraImage(stratosHome(), () => {
      process.stderr.write(`stratos: ${name}: compiling its programs, once\n`);
    });
  }
  if (name !== DEFAULT_IMAGE || new ImageStore(stratosHome()).find(name) !== null) return;
  const [{ buildDefaultImage }, { contextOf, withProgress }] = await Promise.all([
    import("@stratos/images/build"),
    import("../operation-progress.ts"),
  ]);
  await withProgress((progress) => buildDefaultImage(contextOf(progress)));
}

/**
 * A power of two that just does not fit is what people ask for when they mean the largest machine. @throws UsageError
 * beyond that
 */
export function fittingMemory(bytes: number): number {
  const most = MACHINE_MEMORY_MAX;
  if (bytes <= most) return bytes;
  if (bytes > 2 ** 32) throw new UsageError("--memory", `at most ${formatSize(most)} is possible`);
  // Two sizes that look alike are told to the mebibyte.
  const isClose = formatSize(bytes) === formatSize(most);
  const show = (size: number): string => (isClose ? `${Math.floor(size / 2 ** 20)}M` : formatSize(size));
  process.stderr.write(
    `stratos: --memory ${show(bytes)}: the largest machine has ${show(most)}, and this one has that\n`,
  );
  return most;
}

function configuredMemory(home: string): number | undefined {
  const text = readConfig(home).memory;
  if (text === undefined) return undefined;
  try {
    return parseMemory(text);
  } catch (error) {
    throw new CommandError(configPath(home), `"memory": ${(error as Error).message}`);
  }
}
