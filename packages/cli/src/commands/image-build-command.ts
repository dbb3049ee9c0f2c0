import { readFileSync } from "node:fs";
import { utf8ToByteString } from "@stratos/base";
import { stratosHome } from "@stratos/host-node";
import { LockError, parsePackageLock, type PackageLock } from "@stratos/pkg";
import { CommandError, hostReason } from "../command-error.ts";
import { ASTRA_IMAGE, DEFAULT_IMAGE, DEFAULT_PACKAGES } from "@stratos/images/defaults";
import { buildImage as build, planOnly } from "@stratos/images/build";
import { ImageStore } from "@stratos/images";
import { contextOf, withProgress } from "../operation-progress.ts";
import { formatTable } from "../text-table.ts";
import { formatSize } from "@stratos/operation";
import { warmInBackground } from "../warm-image.ts";
import { makeImageWarm, makeImageWarmIfItWaits } from "./image-warm-start.ts";
import type { ImageBuildOptions } from "./image-options.ts";

export async function buildImage(name: string, options: ImageBuildOptions): Promise<number> {
  const packages = options.packages.length === 0 && name === DEFAULT_IMAGE ? DEFAULT_PACKAGES : options.packages;
  const lock = options.lock === undefined ? undefined : readLock(options.lock);
  const request = {
    name,
    packages,
    suite: lock?.suite ?? options.suite,
    mirror: options.mirror,
    recommends: options.recommends === true,
    lock,
  };
  if (options.plan === true) {
    const plan = await withProgress((progress) => planOnly(request, contextOf(progress)));
    if (options.json === true) process.stdout.write(`${JSON.stringify(plan, null, 2)}\n`);
    else {
      process.stdout.write(
        formatTable(
          ["PACKAGE", "VERSION", "SIZE", "BECAUSE"],
          plan.packages.map((one) => [one.name, one.version, formatSize(one.sizeBytes), one.because]),
        ),
      );
      process.stdout.write(
        `${plan.packages.length} packages, ${formatSize(plan.downloadBytes)} to download, ` +
          `${formatSize(plan.installedKiB * 1024)} installed\n`,
      );
    }
    return 0;
  }
  const store = new ImageStore(stratosHome());
  if (options.force !== true && store.find(name) !== null)
    throw new CommandError(name, "there is such an image already; --force replaces it");
  // Runs of `-i astra` would have this one from then on, whether the built-in one was made before or not.
  if (options.force !== true && name === ASTRA_IMAGE)
    throw new CommandError(
      name,
      "this is the built-in image, which needs no building (run -i astra); choose another name, or --force to take " +
        "its place",
    );
  await withProgress(async (progress) => {
    await build(request, contextOf(progress));
    if (options.warmCode) warmInBackground({ image: name, lines: options.warm }, progress);
  });
  if (options.warmStart !== undefined) await makeImageWarm(name, options.warmStart.map(utf8ToByteString));
  else await makeImageWarmIfItWaits(name, options.warm);
  if (options.json === true) {
    const { description, sizeBytes } = store.require(name);
    process.stdout.write(`${JSON.stringify({ name, sizeBytes, ...description }, null, 2)}\n`);
  } else if (process.stderr.isTTY)
    process.stderr.write(`Image ${name} is ready: ${store.require(name).description.packages.length} packages.\n`);
  return 0;
}

function readLock(path: string): PackageLock {
  try {
    return parsePackageLock(readFileSync(path, "utf8"), path);
  } catch (error) {
    if (error instanceof LockError)
      throw new CommandError(path, error.message.replace(`${path}: `, ""), { cause: error });
    throw new CommandError(path, hostReason(error), { cause: error });
  }
}
