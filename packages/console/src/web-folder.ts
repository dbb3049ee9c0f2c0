/** Debian in a tab as a folder that any web server of files can give. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PackDescription } from "@stratos/host-browser/pack";
import { ImageStore, layerContent } from "@stratos/images";
import { writePack, type PackEvent, type PackRequest } from "@stratos/images/web";

/** In the published package the page is joined already. */
const JOINED = fileURLToPath(new URL("./console/", import.meta.url));

/** The page's files, by name. */
export async function pageFiles(): Promise<ReadonlyMap<string, Uint8Array>> {
  if (existsSync(join(JOINED, "index.html")))
    return new Map(readdirSync(JOINED).map((name) => [name, readFileSync(join(JOINED, name))]));
  const { joinPage } = await import("./join-page.ts");
  return joinPage();
}

/**
 * Writes the page, and the image as a pack below `image`. What is there already under a name of its content stays: the
 * tabs of those who began with an older image go on reading its pieces.
 *
 * @throws OperationError
 */
export async function writeWebFolder(
  request: PackRequest,
  onEvent: (event: PackEvent) => void,
): Promise<PackDescription> {
  const description = await writePack({ ...request, folder: join(request.folder, "image") }, onEvent);
  writePage(request.folder, await pageFiles());
  return description;
}

/**
 * The same in a folder below `home`, written when it is not there, or another image has the name by now.
 *
 * @param onEvent  called only when it is written, which takes its time
 * @returns the folder. @throws OperationError
 */
export async function keepWebFolder(
  request: Omit<PackRequest, "folder">,
  onEvent: (event: PackEvent) => void = () => {},
): Promise<string> {
  const { home, image } = request;
  const store = new ImageStore(home);
  const content = layerContent(store.layerPaths(store.require(image)));
  const folder = join(home, "web", image);
  if (writtenContent(folder) === content && request.lines.length === 0) writePage(folder, await pageFiles());
  else await writeWebFolder({ ...request, folder }, onEvent);
  return folder;
}

/** Null: nothing was written whole. */
function writtenContent(folder: string): string | null {
  const path = join(folder, "image", "image.json");
  if (!existsSync(path)) return null;
  return (JSON.parse(readFileSync(path, "utf8")) as PackDescription).content;
}

/** `index.html` comes last: it names the others. */
export function writePage(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  mkdirSync(folder, { recursive: true });
  const names = [...files.keys()].filter((name) => name !== "index.html");
  for (const name of [...names, "index.html"]) {
    const draft = join(folder, `${name}.${process.pid}.new`);
    writeFileSync(draft, files.get(name)!);
    renameSync(draft, join(folder, name));
  }
}
