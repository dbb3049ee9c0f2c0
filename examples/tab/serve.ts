/**
 * Joins the page for browsers and serves it, with an image of this computer's store, on the loopback address.
 *
 *     npm run example:tab -- [--image NAME] [--port N]
 */
import { build } from "esbuild";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stratosHome } from "@stratos/host-node";

export interface TabServer {
  readonly url: string;
  /** Bytes of what a page loads before the machine starts, by name. */
  readonly assets: ReadonlyMap<string, Uint8Array>;
  close(): void;
}

const here = dirname(fileURLToPath(import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  wasm: "application/wasm",
  json: "application/json",
  aegisfs: "application/octet-stream",
};

/** @param imageFolder  where image.json and the layers are. @param port  0: any */
export async function serveTab(imageFolder: string, port: number): Promise<TabServer> {
  return servePage(await joinPage(), imageFolder, port);
}

/** Serves a page's files, by name, and an image's beside them. */
export async function servePage(
  assets: ReadonlyMap<string, Uint8Array>,
  imageFolder: string,
  port: number,
): Promise<TabServer> {
  const server = createServer((request, response) => {
    try {
      answer(request, response, assets, imageFolder);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    url,
    assets,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What the page loads, by name. */
async function joinPage(): Promise<Map<string, Uint8Array>> {
  const joined = await build({
    absWorkingDir: here,
    entryPoints: ["page.ts", "worker.ts", "page.css"],
    outdir: ".",
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    logLevel: "warning",
    write: false,
  });
  const assets = new Map<string, Uint8Array>(
    joined.outputFiles.map(({ path, contents }) => [path.slice(here.length + 1), contents]),
  );
  assets.set("index.html", readFileSync(join(here, "index.html")));
  const zstd = dirname(fileURLToPath(import.meta.resolve("@bokuweb/zstd-wasm")));
  assets.set("zstd.wasm", readFileSync(join(zstd, "zstd.wasm")));
  return assets;
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  assets: ReadonlyMap<string, Uint8Array>,
  imageFolder: string,
): void {
  const { host = "", range } = request.headers;
  // Another site's name that leads here must not let its pages read the image.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) return void response.writeHead(403).end("not here\n");
  if (request.method !== "GET") return void response.writeHead(405, { allow: "GET" }).end();
  const path = new URL(request.url ?? "/", "http://localhost").pathname.slice(1) || "index.html";
  const headers = {
    "content-type": TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream",
    "cache-control": "no-cache",
    // Without these the page runs as well, on a coarser clock.
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  };
  const asset = assets.get(path);
  if (asset !== undefined) return void response.writeHead(200, headers).end(asset);
  const name = /^image\/(image\.json|layer-\d+\.aegisfs)$/.exec(path)?.[1];
  const file = name === undefined ? null : join(imageFolder, name);
  if (file === null || !existsSync(file)) return void response.writeHead(404).end("no such file\n");
  const { size, mtimeMs } = statSync(file);
  Object.assign(headers, { etag: `"${size}-${mtimeMs}"`, "accept-ranges": "bytes" });
  const part = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
  if (part === null) {
    response.writeHead(200, { ...headers, "content-length": size });
    return void createReadStream(file).pipe(response);
  }
  const start = Number(part[1]);
  const end = Math.min(part[2] === "" ? Infinity : Number(part[2]), size - 1);
  if (start > end) return void response.writeHead(416, { ...headers, "content-range": `bytes */${size}` }).end();
  response.writeHead(206, {
    ...headers,
    "content-range": `bytes ${start}-${end}/${size}`,
    "content-length": end - start + 1,
  });
  createReadStream(file, { start, end }).pipe(response);
}

/** The command of an example. @param serve  its page, with an image's folder, on a port */
export function runServer(name: string, serve: (imageFolder: string, port: number) => Promise<TabServer>): void {
  serveByCommandLine(serve).catch((error: unknown) => {
    process.stderr.write(`${name}: ${(error as Error).message}\n`);
    process.exitCode = 1;
  });
}

async function serveByCommandLine(serve: (imageFolder: string, port: number) => Promise<TabServer>): Promise<void> {
  const { values } = parseArgs({
    options: { image: { type: "string", default: "debian" }, port: { type: "string", default: "8123" } },
  });
  const folder = join(stratosHome(), "images", values.image);
  if (!/^[\w][\w.-]*$/.test(values.image) || !existsSync(join(folder, "image.json")))
    throw new Error(`${values.image}: no such image; \`npm start -- image build ${values.image}\` makes one`);
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535)
    throw new Error(`--port ${values.port}: expected a number from 0 to 65535`);
  const { url } = await serve(folder, Number(values.port));
  process.stdout.write(`${url}  (Ctrl-C ends it)\n`);
}

if (import.meta.main) runServer("example:tab", serveTab);
