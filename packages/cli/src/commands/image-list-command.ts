import { stratosHome } from "@stratos/host-node";
import { ImageStore } from "@stratos/images";
import { formatSize } from "@stratos/operation";
import { formatTable } from "../text-table.ts";
import type { ListOptions } from "./image-options.ts";

/** Exit status 1 when one of them cannot be read, which is told. */
export async function listImages(options: ListOptions): Promise<number> {
  let isWhole = true;
  const images = new ImageStore(stratosHome()).list((error) => {
    isWhole = false;
    process.stderr.write(`stratos: ${error.message}\n`);
  });
  if (options.json === true) {
    const rows = images.map(({ name, description, sizeBytes }) => ({ name, sizeBytes, ...description }));
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  } else if (options.names === true) {
    for (const { name } of images) process.stdout.write(`${name}\n`);
  } else {
    const rows = images.map(({ name, description, sizeBytes }) => [
      name,
      description.suite ?? "-",
      description.architecture,
      String(description.packages.length),
      formatSize(sizeBytes),
      description.createdAt.slice(0, 16).replace("T", " "),
    ]);
    process.stdout.write(formatTable(["NAME", "SUITE", "ARCHITECTURE", "PACKAGES", "SIZE", "CREATED"], rows));
  }
  return isWhole ? 0 : 1;
}
