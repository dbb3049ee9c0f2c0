/**
 * The files of a page, joined for browsers by esbuild; `npm run build` puts them beside the program. What is installed
 * has no esbuild: it is loaded where a page is joined, and not with this file.
 */
import type { BuildOptions } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { joinWorker } from "./join-worker.ts";
import { leftOut } from "./left-out.ts";

/** The console of `stratos serve`, and the volumes of `stratos fs serve`. */
export type PageName = "systems" | "volumes";

const HERE = dirname(fileURLToPath(import.meta.url));

export function joinPage(name: PageName): Promise<Map<string, Uint8Array>> {
  return joinFolder(join(HERE, "page", name));
}

/** Of a machine's page: what is loaded at once, and the worker. */
interface MachinePage {
  readonly folder: string;
  readonly worker: string;
}

/**
 * The machine in a tab: names and content. Programs are named by their content, so that no page meets a worker of
 * another version; the pages themselves and the service worker, which browsers ask for by name, are not.
 *
 * @param desktop  sources of the page below `desktop/`, of whoever has one
 */
export async function joinTab(desktop: string): Promise<Map<string, Uint8Array>> {
  const folder = join(HERE, "page");
  const files = await joinMachinePage({ folder, worker: "machine-worker.ts" });
  const zstd = dirname(fileURLToPath(import.meta.resolve("@bokuweb/zstd-wasm")));
  files.set("zstd.wasm", readFileSync(join(zstd, "zstd.wasm")));
  const below = await joinMachinePage({ folder: desktop, worker: "desktop-worker.ts" });
  for (const [name, content] of below) files.set(`${DESKTOP}${name}`, content);

  const version = createHash("sha256");
  for (const [name, content] of files) version.update(name).update(content);
  const kept = ["./", DESKTOP, ...[...files.keys()].filter((name) => !name.endsWith("index.html"))];
  const { build } = await import("esbuild");
  const service = await build({
    ...optionsFor(folder),
    entryPoints: ["service-worker.ts"],
    define: { FILES: JSON.stringify(kept), VERSION: JSON.stringify(version.digest("hex").slice(0, 16)) },
  });
  files.set("service-worker.js", service.outputFiles[0]!.contents);
  return files;
}

const DESKTOP = "desktop/";

async function joinMachinePage({ folder, worker }: MachinePage): Promise<Map<string, Uint8Array>> {
  // A worker is loaded by one request: what it has in common with the page is in both.
  const program = await joinWorker(worker, optionsFor(folder));
  const page = await joinFiles(folder, ["page.ts", "page.css"], { splitting: true });
  const files = new Map([...page, ...program]);
  return files.set("index.html", pageNaming(folder, files));
}

/**
 * A page of another package: `index.html`, `page.ts` and `page.css` of a folder. What it imports only when it is wanted
 * is in files of its own.
 */
export async function joinFolder(folder: string): Promise<Map<string, Uint8Array>> {
  const files = await joinFiles(folder, ["page.ts", "page.css"], { splitting: true });
  return files.set("index.html", pageNaming(folder, files));
}

async function joinFiles(
  folder: string,
  entryPoints: string[],
  more: Pick<BuildOptions, "splitting"> = {},
): Promise<Map<string, Uint8Array>> {
  const { build } = await import("esbuild");
  const joined = await build({ ...optionsFor(folder), ...more, entryPoints, entryNames: "[name]-[hash]" });
  return new Map(joined.outputFiles.map(({ path, contents }) => [path.slice(folder.length + 1), contents]));
}

/** The page of a folder, with the names that its files have got. */
function pageNaming(folder: string, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  let page = readFileSync(join(folder, "index.html"), "utf8");
  for (const name of files.keys()) page = page.replace(`"${name.replace(/-[A-Z0-9]{8}\./, ".")}"`, `"${name}"`);
  return new TextEncoder().encode(page);
}

function optionsFor(folder: string) {
  return {
    absWorkingDir: folder,
    outdir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    logLevel: "warning",
    write: false,
    plugins: [leftOut],
  } as const satisfies BuildOptions;
}
