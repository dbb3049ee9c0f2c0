/** Debian in a tab as a folder that any web server of files can give. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { PackDescription } from "@stratos/host-browser/pack";
import { removeAtDeath, replaceFile } from "@stratos/host-node/files";
import { layerContent } from "@stratos/images/layer-content";
import { ImageStore } from "@stratos/images/store";
import { OperationError } from "@stratos/operation";
import type { PageName } from "./join-page.ts";
import { writePack, type PackEvent, type PackRequest } from "@stratos/images/web";

/** In the published package the pages are joined already. */
const JOINED = fileURLToPath(new URL("./console/", import.meta.url));

/** That of a machine in a tab, joined from sources: it takes seconds. */
let tab: Promise<ReadonlyMap<string, Uint8Array>> | undefined;

/** A page's files, by name. */
export async function pageFiles(page: PageName): Promise<ReadonlyMap<string, Uint8Array>> {
  return readPage(join(JOINED, page)) ?? (await import("./join-page.ts")).joinPage(page);
}

/** The files of a machine in a tab. @param desktop  sources of the page below `desktop/` */
export async function tabFiles(desktop: string): Promise<ReadonlyMap<string, Uint8Array>> {
  return readPage(join(JOINED, "tab")) ?? (tab ??= import("./join-page.ts").then(({ joinTab }) => joinTab(desktop)));
}

/** The same of another package's page, from the folder of its sources. */
export async function pageFilesOf(page: string, folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  return readPage(join(JOINED, page)) ?? (await import("./join-page.ts")).joinFolder(folder);
}

/** What `writePage` has written. @returns null where no page is */
export function readPage(folder: string): ReadonlyMap<string, Uint8Array> | null {
  if (!existsSync(join(folder, "index.html"))) return null;
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [relative(folder, path).replaceAll(sep, "/"), readFileSync(path)];
    }),
  );
}

/** What a folder is written of, beside an image. */
interface WebPages {
  /** Gives the page's files (`tabFiles`). */
  readonly page: () => Promise<ReadonlyMap<string, Uint8Array>>;
}

/**
 * Writes the pages, and the image as a pack below `image`. What is there already under a name of its content stays: the
 * tabs of those who began with an older image go on reading its pieces. A folder that was made for it goes when it
 * fails or is ended.
 *
 * @throws OperationError
 */
export async function writeWebFolder(
  { page, ...request }: PackRequest & WebPages,
  onEvent: (event: PackEvent) => void,
): Promise<PackDescription> {
  const { folder } = request;
  const isNew = !existsSync(folder);
  checkFolder(folder);
  const stopGuarding = isNew ? removeAtDeath(folder) : () => {};
  try {
    const description = await writePack({ ...request, folder: join(folder, "image") }, onEvent);
    writePage(folder, await page());
    return description;
  } catch (error) {
    if (isNew) rmSync(folder, { recursive: true, force: true });
    throw error;
  } finally {
    stopGuarding();
  }
}

/** @throws OperationError for one with things of others: a page of theirs would be replaced */
function checkFolder(folder: string): void {
  if (!existsSync(folder) || writtenContent(folder) !== null) return;
  // Pieces alone are of a run that was ended.
  const other = readdirSync(folder).find((name) => name !== "image");
  if (other !== undefined)
    throw new OperationError("option", folder, `is not empty (${other}), and no folder of \`image web\`: name another`);
}

/**
 * The same in a folder below `home`, written when it is not there, or another image has the name by now.
 *
 * @param onEvent  called only when it is written, which takes its time
 * @returns the folder. @throws OperationError
 */
export async function keepWebFolder(
  request: Omit<PackRequest, "folder"> & WebPages,
  onEvent: (event: PackEvent) => void = () => {},
): Promise<string> {
  const { home, image } = request;
  const store = new ImageStore(home);
  const content = layerContent(store.layerPaths(store.require(image)));
  const folder = join(home, "web", image);
  if (writtenContent(folder) === content && request.lines.length === 0) writePage(folder, await request.page());
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
  const isIndex = (name: string): boolean => name.endsWith("index.html");
  const names = [...files.keys()].sort((one, other) => Number(isIndex(one)) - Number(isIndex(other)));
  for (const name of names) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    replaceFile(path, files.get(name)!, { flush: false });
  }
}
