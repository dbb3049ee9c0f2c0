/** What a treefile says to lie beside itself: files and folders by paths that are seen from its own folder. */
import { isList, isObject, type Json, type JsonObject } from "./json.ts";
import type { KeyPath } from "./positions.ts";
import type { ImageConfig } from "./schema.ts";
import { overlaysOf } from "./schema-content.ts";

/** A package that is a file beside the treefile. */
export function isPackageFile(request: string): boolean {
  return request.endsWith(".deb") && request.includes("/");
}

/** A source package that is a file beside the treefile. */
function isSourceFile(source: string): boolean {
  return source.endsWith(".dsc");
}

/** `name` as seen from `path`'s folder. */
export function beside(path: string, name: string): string {
  if (name.startsWith("/")) return name;
  const parts = path.split("/").slice(0, -1);
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== ".." && parts.at(-1) !== "") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

/**
 * What an included file says to lie beside itself, as seen from the first file's folder, in all of its layers:
 * `files.*.source`, `repositories.*.keyring`, `overlay`, keys of encrypted partitions, and packages and
 * sources that are files.
 *
 * @param local  the file's path from the first one's folder
 */
export function withOwnPlaces(layer: JsonObject, local: string): JsonObject {
  const place = (name: Json | undefined): Json => (typeof name === "string" ? beside(local, name) : (name ?? null));
  const named = (value: Json, key: string): Json =>
    isObject(value) && value[key] !== undefined ? { ...value, [key]: place(value[key]) } : value;
  const each = (value: JsonObject, change: (one: Json) => Json): Json =>
    Object.fromEntries(Object.entries(value).map(([name, one]) => [name, change(one)]));
  const packages = (list: readonly Json[]): Json =>
    list.map((one) => (typeof one === "string" && isPackageFile(one) ? moved(one) : one));
  const moved = (request: string): string => {
    const isRemoval = request.startsWith("-"),
      path = beside(local, isRemoval ? request.slice(1) : request);
    return `${isRemoval ? "-" : ""}${path.includes("/") ? path : `./${path}`}`;
  };
  const changed: Record<string, Json> = { ...layer };
  const change = (key: string, how: (value: Json) => Json): void => {
    if (layer[key] !== undefined) changed[key] = how(layer[key]);
  };
  change("files", (value) => (isObject(value) ? each(value, (one) => named(one, "source")) : value));
  change("repositories", (value) => (isObject(value) ? each(value, (one) => named(one, "keyring")) : value));
  change("overlay", (value) =>
    isList(value) ? value.map((one) => (typeof one === "string" ? place(one) : named(one, "source"))) : value,
  );
  change("sources", (value) =>
    isList(value) ? value.map((one) => (typeof one === "string" && isSourceFile(one) ? moved(one) : one)) : value,
  );
  change("packages", (value) => (isList(value) ? packages(value) : value));
  change("build", (value) =>
    isObject(value) && isList(value["packages"]) ? { ...value, packages: packages(value["packages"]) } : value,
  );
  const inPartition = (one: Json): Json =>
    isObject(one) && one["encrypt"] !== undefined
      ? { ...one, encrypt: named(named(one["encrypt"], "passphrase-file"), "key-file") }
      : one;
  change("outputs", (value) =>
    isObject(value)
      ? each(value, (one) =>
          isObject(one) && isObject(one["partitions"])
            ? { ...one, partitions: each(one["partitions"], inPartition) }
            : one,
        )
      : value,
  );
  for (const key of ["variants", "architecture"])
    change(key, (value) =>
      isObject(value) ? each(value, (one) => (isObject(one) ? withOwnPlaces(one, local) : one)) : value,
    );
  return changed;
}

/** Files and folders that an image is made of, with the keys that name them. */
export function ownPlaces(config: ImageConfig): { readonly key: KeyPath; readonly path: string }[] {
  const places: { key: KeyPath; path: string }[] = [];
  for (const [path, { source }] of Object.entries(config.files ?? {}))
    if (source !== undefined) places.push({ key: ["files", path, "source"], path: source });
  for (const [name, { keyring }] of Object.entries(config.repositories ?? {}))
    if (keyring !== undefined) places.push({ key: ["repositories", name, "keyring"], path: keyring });
  for (const { source } of overlaysOf(config)) places.push({ key: ["overlay"], path: source });
  for (const [key, list] of [
    [["packages"], config.packages],
    [["build", "packages"], config.build?.packages],
  ] as const) {
    for (const request of list ?? []) if (isPackageFile(request)) places.push({ key, path: request });
  }
  for (const source of config.sources ?? []) if (isSourceFile(source)) places.push({ key: ["sources"], path: source });
  for (const [output, { partitions = {} }] of Object.entries(config.outputs ?? {})) {
    for (const [name, { encrypt = {} }] of Object.entries(partitions)) {
      for (const key of ["passphrase-file", "key-file"] as const)
        if (encrypt[key] !== undefined)
          places.push({ key: ["outputs", output, "partitions", name, "encrypt", key], path: encrypt[key] });
    }
  }
  return places;
}
