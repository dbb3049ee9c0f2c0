/** Debian in a tab as a folder that any web server of files can give. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PackDescription } from "@stratos/host-browser/pack";
import { replaceFile } from "@stratos/host-node/files";
import { ImageStore, layerContent } from "@stratos/images";
import type { PageName } from "./join-page.ts";
import { writePack, type PackEvent, type PackRequest } from "@stratos/images/web";

/** In the published package the pages are joined already. */
const JOINED = fileURLToPath(new URL("./console/", import.meta.url));

/** A page's files, by name. */
export async function pageFiles(page: PageName): Promise<ReadonlyMap<string, Uint8Array>> {
  return joinedFiles(page) ?? (await import("./join-page.ts")).joinPage(page);
}

/** The same of another package's page, from the folder of its sources. */
export async function pageFilesOf(page: string, folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  return joinedFiles(page) ?? (await import("./join-page.ts")).joinFolder(folder);
}

function joinedFiles(page: string): ReadonlyMap<string, Uint8Array> | null {
  const joined = join(JOINED, page);
  if (!existsSync(join(joined, "index.html"))) return null;
  return new Map(readdirSync(joined).map((name) => [name, readFileSync(join(joined, name))]));
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
  writePage(request.folder, await pageFiles("tab"));
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
  if (writtenContent(folder) === content && request.lines.length === 0) writePage(folder, await pageFiles("tab"));
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
  for (const name of [...names, "index.html"]) replaceFile(join(folder, name), files.get(name)!, { flush: false });
}
