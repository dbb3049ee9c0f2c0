/**
 * Serves a folder that `writeWebFolder` made, on the loopback address: what any web server of files does. The page and
 * its code come packed to who takes that.
 */
import { createReadStream, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { PackedFiles } from "@stratos/volumes/serve";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  wasm: "application/wasm",
  json: "application/json",
};
/** Files of the page, of the pack, and its pieces; nothing else of the folder is given. */
const PAGE = /^\/(?:desktop\/)?(?:[\w-]+\.(?:html|js|css|wasm))?$/;
const PACK = /^\/image\/(?:image\.json|index-[0-9a-f]+\.zst|pieces\/[0-9a-f]+\.zst)$/;
const NAMED_BY_CONTENT = /-[A-Z0-9]{8}\.(?:js|css)$|\.zst$/;
const YEAR = 31_536_000;

/** Not yet listening. */
export function webFolderServer(folder: string): Server {
  const files = new PackedFiles();
  return createServer((request, response) => {
    answer(folder, files, request, response).catch(() => response.destroy());
  });
}

async function answer(
  folder: string,
  files: PackedFiles,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Another site's name that leads here must not let its pages read the image.
  const { host = "" } = request.headers;
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) return void response.writeHead(403).end("not here\n");
  if (request.method !== "GET" && request.method !== "HEAD")
    return void response.writeHead(405, { allow: "GET, HEAD" }).end();
  const path = (request.url ?? "/").replace(/[?#].*$/s, "");
  if (!PAGE.test(path) && !PACK.test(path)) return void response.writeHead(404).end("no such file\n");
  const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
  const status = statSync(file, { throwIfNoEntry: false });
  if (status?.isFile() !== true) return void response.writeHead(404).end("no such file\n");
  const isPage = PAGE.test(path);
  const packed = isPage
    ? await files.packed(
        file,
        `${status.size} ${status.mtimeMs}`,
        () => readFile(file),
        request.headers["accept-encoding"],
      )
    : null;
  response.writeHead(200, {
    "content-type": TYPES[file.slice(file.lastIndexOf(".") + 1)] ?? "application/octet-stream",
    "content-length": packed?.length ?? status.size,
    ...(packed === null ? {} : { "content-encoding": "gzip" }),
    ...(isPage ? { vary: "Accept-Encoding" } : {}),
    "cache-control": NAMED_BY_CONTENT.test(path) ? `public, max-age=${YEAR}, immutable` : "no-cache",
    "x-content-type-options": "nosniff",
  });
  if (request.method === "HEAD") return void response.end();
  if (packed !== null) return void response.end(packed);
  createReadStream(file)
    .on("error", () => response.destroy())
    .pipe(response);
}
