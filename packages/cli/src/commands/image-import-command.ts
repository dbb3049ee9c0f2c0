import { stratosHome } from "@stratos/host-node";
import { importImage as importAs } from "@stratos/images/import";
import { withProgress } from "../operation-progress.ts";

export async function importImage(name: string, file: string): Promise<number> {
  const source = file === "-" ? { bytes: process.stdin, words: "standard input" } : file;
  await withProgress((progress) =>
    importAs({ name, home: stratosHome(), source }, (bytes) => progress.update("Importing", bytes, 0, "bytes")),
  );
  return 0;
}
