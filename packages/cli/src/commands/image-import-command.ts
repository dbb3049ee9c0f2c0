import { stratosHome } from "@stratos/host-node";
import { importImage as importAs } from "@stratos/images/import";
import { withProgress } from "../operation-progress.ts";
import { warmInBackground } from "../warm-image.ts";
import type { ImageImportOptions } from "./image-options.ts";

export async function importImage(name: string, file: string, { warmCode }: ImageImportOptions): Promise<number> {
  const source = file === "-" ? { bytes: process.stdin, words: "standard input" } : file;
  await withProgress(async (progress) => {
    await importAs({ name, home: stratosHome(), source }, (bytes) => progress.update("Importing", bytes, 0, "bytes"));
    if (warmCode) warmInBackground({ image: name }, progress);
  });
  return 0;
}
