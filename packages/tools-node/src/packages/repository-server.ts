/**
 * Serves a repository's folder over HTTP, to read: whole files, parts of them (`Range`), and 304 for what has not
 * changed since. What stands outside of what its kind of repository publishes is not there for it, nor are files behind
 * links that leave the folder.
 */
import { createReadStream, realpathSync, statSync, type Stats } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { join, sep } from "node:path";

const PUBLIC = {
  debian: /^(?:dists\/|pool\/|archive-key\.gpg$)/,
  ostree: /^(?:(?:objects|deltas|delta-indexes|extensions|refs\/(?:heads|mirrors))\/|config$|summary(?:\.sig)?$)/,
} as const;
type ServedRepository = keyof typeof PUBLIC;
const TYPES: Readonly<Record<string, string>> = {
  deb: "application/vnd.debian.binary-package",
  gz: "application/gzip",
  gpg: "application/pgp-keys",
};

/** @param onRequest  for each answer, a line of a log */
export function repositoryServer(
  folder: string,
  onRequest: (line: string) => void = () => {},
  kind: ServedRepository = "debian",
): Server {
  const root = realpathSync(folder);
  // An import would load the module for all who never serve (http-fetcher.ts).
  return process.getBuiltinModule("node:http").createServer((request, response) => {
    response.on("close", () => onRequest(`${request.method ?? "?"} ${request.url ?? "?"} ${response.statusCode}`));
    answer(root, PUBLIC[kind], request, response);
  });
}

function answer(root: string, isPublic: RegExp, request: IncomingMessage, response: ServerResponse): void {
  const refuse = (status: number, headers: Record<string, string> = {}): void =>
    void response.writeHead(status, { "content-type": "text/plain", ...headers }).end(`${status}\n`);
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(405, { allow: "GET, HEAD" });
  const found = find(root, isPublic, request.url ?? "/");
  if (found === undefined) return refuse(404);
  const { path, stats } = found;
  const modified = new Date(Math.floor(stats.mtimeMs / 1000) * 1000);
  const headers: Record<string, string> = {
    "last-modified": modified.toUTCString(),
    "accept-ranges": "bytes",
    "content-type":
      TYPES[path.slice(path.lastIndexOf(".") + 1)] ??
      (isPublic === PUBLIC.ostree ? "application/octet-stream" : "text/plain; charset=utf-8"),
  };
  const since = Date.parse(request.headers["if-modified-since"] ?? "");
  if (!Number.isNaN(since) && modified.getTime() <= since) return void response.writeHead(304, headers).end();
  const range = rangeOf(request, stats.size, modified);
  if (range === "unsatisfiable") return refuse(416, { "content-range": `bytes */${stats.size}` });
  const [start, end] = range ?? [0, stats.size - 1];
  headers["content-length"] = String(end - start + 1);
  if (range !== undefined) headers["content-range"] = `bytes ${start}-${end}/${stats.size}`;
  response.writeHead(range === undefined ? 200 : 206, headers);
  if (request.method === "HEAD" || stats.size === 0) return void response.end();
  const stream = createReadStream(path, { start, end });
  // The head is out already: a client that gets less than it was told sees that.
  stream.on("error", () => response.destroy());
  response.on("close", () => stream.destroy());
  stream.pipe(response);
}

function find(root: string, isPublic: RegExp, url: string): { path: string; stats: Stats } | undefined {
  let path: string;
  try {
    path = decodeURIComponent(url.replace(/[?#].*$/, "")).replace(/^\/+/, "");
  } catch {
    return undefined;
  }
  if (
    path.includes("\0") ||
    path.split("/").some((name) => name === ".." || name === "." || name.startsWith(".")) ||
    !isPublic.test(path)
  )
    return undefined;
  try {
    const real = realpathSync(join(root, path));
    const stats = statSync(real);
    return real.startsWith(root + sep) && stats.isFile() ? { path: real, stats } : undefined;
  } catch {
    return undefined;
  }
}

/** The part asked for, undefined for the whole. */
function rangeOf(
  request: IncomingMessage,
  size: number,
  modified: Date,
): [number, number] | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  // RFC 9110 §13.1.5: a part of another version is no use.
  const condition = request.headers["if-range"];
  if (condition !== undefined && Date.parse(String(condition)) !== modified.getTime()) return undefined;
  const start = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  return start > end ? "unsatisfiable" : [start, end];
}
