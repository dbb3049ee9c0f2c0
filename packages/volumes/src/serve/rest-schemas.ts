/** JSON Schemas of what the REST service of volumes takes and answers. */
import { QUOTA_OWNER_KINDS } from "../quotas.ts";
import type { Schema } from "./rest-route.ts";

export const text = (description: string): Schema => ({ type: "string", description });
export const flag = (description: string): Schema => ({ type: "boolean", description });
export const count = (description: string): Schema => ({ type: "integer", minimum: 0, description });
export const list = (items: Schema): Schema => ({ type: "array", items });
export const object = (
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = Object.keys(properties),
): Schema => ({ type: "object", properties, required, additionalProperties: false });
export const anyObject: Schema = { type: "object" };
export const PATH: { readonly schema: Schema; readonly required: boolean; readonly description: string } = {
  schema: text("absolute path"),
  required: true,
  description: "absolute path in the volume",
};
export const SNAPSHOT: { readonly schema: Schema; readonly description: string } = {
  schema: text("snapshot"),
  description: "look into this snapshot rather than at the live files",
};

export const space: Schema = object({
  volume: text("name"),
  label: text("label"),
  sizeBytes: count("size"),
  usedBytes: count("in use"),
  freeBytes: count("free for files"),
  files: count("inodes"),
  snapshots: count("snapshots"),
});
export const file: Schema = object(
  {
    name: text("name"),
    kind: text("file, directory, symlink, fifo, socket, character or block"),
    mode: text("octal"),
    uid: count("owner"),
    gid: count("group"),
    links: count("names"),
    sizeBytes: count("size, up to 2^63 − 1: more than a double tells exactly"),
    modifiedAt: text("ISO 8601"),
    target: text("of a symbolic link"),
  },
  ["name", "kind", "mode", "uid", "gid", "links", "sizeBytes", "modifiedAt"],
);
export const snapshot: Schema = {
  type: "object",
  properties: {
    name: text("name"),
    parent: { type: ["string", "null"] },
    createdAt: text("ISO 8601"),
    writable: flag("may be changed"),
    live: flag("the live files"),
    label: text("label"),
  },
};
export const schedule: Schema = object({
  hourly: count("kept hours"),
  daily: count("kept days"),
  weekly: count("kept weeks"),
  monthly: count("kept months"),
});

export const limits: Readonly<Record<string, Schema>> = {
  softBytes: count("that may be passed for a week"),
  hardBytes: count("that may not"),
  softInodes: count("files and folders"),
  hardInodes: count("files and folders"),
};
export const quota: Schema = object({
  kind: { enum: [...QUOTA_OWNER_KINDS] },
  id: count("number"),
  name: { type: ["string", "null"], description: "as this host knows it" },
  usedBytes: count("content"),
  inodes: count("files and folders"),
  ...limits,
});
