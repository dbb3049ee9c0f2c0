/** The files of a page, joined for browsers by esbuild; `npm run build` puts them beside the program. */
import { build, type BuildOptions } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The machine in a tab, the console of `stratos serve`, and the volumes of `stratos fs serve`. */
export type PageName = "tab" | "systems" | "volumes";

const HERE = dirname(fileURLToPath(import.meta.url));

export function joinPage(name: PageName): Promise<Map<string, Uint8Array>> {
  return name === "tab" ? joinTab() : joinServed(name);
}

/**
 * Names and content. Programs are named by their content, so that no page meets a worker of another version; the page
 * itself and the service worker, which browsers ask for by name, are not.
 */
async function joinTab(): Promise<Map<string, Uint8Array>> {
  const folder = join(HERE, "page");
  const files = await joinFiles(folder, ["page.ts", "machine-worker.ts", "page.css"]);
  const zstd = dirname(fileURLToPath(import.meta.resolve("@bokuweb/zstd-wasm")));
  files.set("zstd.wasm", readFileSync(join(zstd, "zstd.wasm")));
  files.set("index.html", pageNaming(folder, files));

  const version = createHash("sha256");
  for (const [name, content] of files) version.update(name).update(content);
  const kept = ["./", ...[...files.keys()].filter((name) => name !== "index.html")];
  const service = await build({
    ...optionsFor(folder),
    entryPoints: ["service-worker.ts"],
    define: { FILES: JSON.stringify(kept), VERSION: JSON.stringify(version.digest("hex").slice(0, 16)) },
  });
  files.set("service-worker.js", service.outputFiles[0]!.contents);
  return files;
}

function joinServed(name: PageName): Promise<Map<string, Uint8Array>> {
  return joinFolder(join(HERE, "page", name));
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
  } as const satisfies BuildOptions;
}
