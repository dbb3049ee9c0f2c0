/** The machine's files and trash, as the desktop's user has them. */
import type { Context, Hono } from "hono";
import { concatBytes } from "@stratos/base";
import type { FileAccess } from "@stratos/sdk/api";
import { readJson, Refusal } from "@stratos/volumes/rest-input";
import type { Trash } from "../machine/trash.ts";
import { textOf } from "./request-text.ts";

/** Of a file that is carried to a page or from it in one piece. */
export const CONTENT_MAX = 1 << 28;
/** Names of a folder that are shown. */
const NAMES_MAX = 5000;

export function addFiles(app: Hono, files: FileAccess, trash: Trash): void {
  const pathOf = (context: Context): string => textOf(context.req.query("path"), "path");
  app.get("/v1/files", async (context) => {
    const path = pathOf(context);
    const entries = await files.list(path);
    const folder = path === "/" ? "" : path;
    const shown = await Promise.all(
      entries.slice(0, NAMES_MAX).map(async ({ name, kind }) => {
        const status = await files.stat(`${folder}/${name}`).catch(() => null);
        return {
          name,
          kind,
          isFolder: status?.kind === "folder",
          sizeBytes: status?.sizeBytes ?? 0,
          modifiedMs: status?.modifiedMs ?? 0,
        };
      }),
    );
    return context.json({ entries: shown, isWhole: entries.length <= NAMES_MAX });
  });
  app.get("/v1/content", async (context) => {
    const path = pathOf(context);
    const { kind, sizeBytes } = await files.stat(path);
    if (kind !== "file") throw new Refusal(409, `${path}: is no file`);
    if (sizeBytes > CONTENT_MAX) throw new Refusal(413, `${path}: has more than ${CONTENT_MAX} bytes`);
    return context.body((await files.read(path)) as Uint8Array<ArrayBuffer>, 200, {
      "Content-Type": "application/octet-stream",
    });
  });
  app.get("/v1/archive", async (context) => {
    const path = pathOf(context);
    if ((await files.stat(path)).kind !== "folder") throw new Refusal(409, `${path}: is no folder`);
    const tar = await files.download(path);
    if (tar.length > CONTENT_MAX) throw new Refusal(413, `${path}: has more than ${CONTENT_MAX} bytes`);
    return context.body(tar as Uint8Array<ArrayBuffer>, 200, { "Content-Type": "application/x-tar" });
  });
  app.put("/v1/content", async (context) => {
    await files.write(pathOf(context), await bodyOf(context));
    return context.json(null);
  });
  app.post("/v1/folders", async (context) => {
    await files.mkdir(textOf((await readJson(context))["path"], "path"));
    return context.json(null, 201);
  });
  /** Nothing comes in the place of what is there. */
  const namesOf = async (context: Context): Promise<readonly [from: string, to: string]> => {
    const { from, to } = await readJson(context);
    const names = [textOf(from, "from"), textOf(to, "to")] as const;
    const isThere = await files.stat(names[1]).then(
      () => true,
      () => false,
    );
    if (isThere) throw new Refusal(409, `${names[1]}: is there already`);
    return names;
  };
  app.post("/v1/copy", async (context) => {
    await files.cp(...(await namesOf(context)), { recursive: true });
    return context.json(null, 201);
  });
  app.post("/v1/rename", async (context) => {
    const [from, to] = await namesOf(context);
    await files.rename(from, to).catch(async (error: unknown) => {
      if ((error as { readonly data?: { readonly code?: string } }).data?.code !== "EXDEV") throw error;
      await files.cp(from, to, { recursive: true });
      await files.rm(from, { recursive: true });
    });
    return context.json(null);
  });
  app.delete("/v1/files", async (context) => {
    const path = pathOf(context);
    if (path === "/") throw new Refusal(409, "/: is not removed");
    await files.rm(path, { recursive: true });
    return context.json(null);
  });
  addTrash(app, trash);
}

function addTrash(app: Hono, trash: Trash): void {
  app.get("/v1/trash", async (context) => context.json(await trash.list()));
  app.post("/v1/trash", async (context) => {
    const name = await trash.take(textOf((await readJson(context))["path"], "path"));
    return context.json({ name }, 201);
  });
  app.post("/v1/trash/restore", async (context) => {
    const path = await trash.restore(textOf((await readJson(context))["name"], "name"));
    return context.json({ path });
  });
  app.delete("/v1/trash", async (context) => {
    const name = context.req.query("name");
    await trash.remove(name === undefined ? null : textOf(name, "name"));
    return context.json(null);
  });
}

async function bodyOf(context: Context): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let count = 0;
  for await (const piece of (context.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    count += piece.length;
    if (count > CONTENT_MAX) throw new Refusal(413, `more than ${CONTENT_MAX} bytes`);
    pieces.push(piece);
  }
  return concatBytes(pieces);
}
