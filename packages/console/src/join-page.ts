/** The page's files, joined for browsers by esbuild; `npm run build` puts them beside the program. */
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Names and content. Programs are named by their content, so that no page meets a worker of another version; the page
 * itself and the service worker, which browsers ask for by name, are not.
 */
export async function joinPage(): Promise<Map<string, Uint8Array>> {
  const folder = join(dirname(fileURLToPath(import.meta.url)), "page");
  const options = {
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
  } as const;
  const joined = await build({
    ...options,
    entryPoints: ["page.ts", "machine-worker.ts", "page.css"],
    entryNames: "[name]-[hash]",
  });
  const files = new Map<string, Uint8Array>();
  for (const { path, contents } of joined.outputFiles) files.set(path.slice(folder.length + 1), contents);
  const zstd = dirname(fileURLToPath(import.meta.resolve("@bokuweb/zstd-wasm")));
  files.set("zstd.wasm", readFileSync(join(zstd, "zstd.wasm")));
  let page = readFileSync(join(folder, "index.html"), "utf8");
  for (const name of files.keys()) page = page.replace(`"${name.replace(/-[A-Z0-9]{8}\./, ".")}"`, `"${name}"`);
  files.set("index.html", new TextEncoder().encode(page));

  const version = createHash("sha256");
  for (const [name, content] of files) version.update(name).update(content);
  const kept = ["./", ...[...files.keys()].filter((name) => name !== "index.html")];
  const service = await build({
    ...options,
    entryPoints: ["service-worker.ts"],
    define: { FILES: JSON.stringify(kept), VERSION: JSON.stringify(version.digest("hex").slice(0, 16)) },
  });
  files.set("service-worker.js", service.outputFiles[0]!.contents);
  return files;
}
