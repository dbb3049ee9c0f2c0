import { existsSync } from "node:fs";
import { stratosHome } from "@stratos/host-node";
import { importImage as importAs } from "@stratos/images/import";
import { CommandError } from "../command-error.ts";
import { withProgress } from "../operation-progress.ts";
import { warmInBackground } from "../warm-image.ts";
import type { ImageImportOptions } from "./image-options.ts";

export async function importImage(name: string, file: string, { warmCode }: ImageImportOptions): Promise<number> {
  if (file !== "-" && !existsSync(file) && existsSync(name))
    throw new CommandError(file, `no such file or directory; the image's name comes first: image import NAME ${name}`);
  const source = file === "-" ? { bytes: process.stdin, words: "standard input" } : file;
  await withProgress(async (progress) => {
    await importAs({ name, home: stratosHome(), source }, (bytes) => progress.update("Importing", bytes, 0, "bytes"));
    if (warmCode) warmInBackground({ image: name }, progress);
  });
  return 0;
}
