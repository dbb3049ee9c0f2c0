/**
 * Files that a list asks for: those it names, those that its settings stand for, and the links that enable services.
 */
import { byteString, byteStringOf, utf8ToByteString } from "@stratos/base";
import type { RootMeta } from "../root/root-writer.ts";
import type { RootNode } from "../root/root-files.ts";
import { placeOf, targetOf } from "../root/root-paths.ts";
import { SystemListError, type Listed, type SystemList } from "./read-list.ts";

/** The root as it is, or as a draft will make it. */
export interface RootView {
  look(path: string): RootNode | undefined;
  read(path: string): Uint8Array;
  list(path: string): string[];
}

/** What a place must hold. */
export interface WantedNode {
  /** relative to the root, links not followed yet */
  path: string;
  node:
    | { kind: "file"; content: Uint8Array; mode: number; uid: number; gid: number }
    | { kind: "symlink"; target: string }
    | { kind: "nothing" };
  /** what is said of it to people: `enable sshd.service`, `hostname box`; undefined: the path itself */
  reason: string | undefined;
}

/** Where units of packages and of the administrator are. */
const UNIT_FOLDERS = [
  "etc/systemd/system",
  "usr/lib/systemd/system",
  "lib/systemd/system",
  "usr/local/lib/systemd/system",
];

/**
 * Everything the list wants of files. Units that are not there yet are given to `missing`. @throws SystemListError  an
 * owner that the system does not know
 */
export function wantedNodes(list: SystemList, view: RootView, missing: (unit: Listed<string>) => void): WantedNode[] {
  const files = [...settingFiles(list, view), ...list.files.map((file) => listedFile(file, view))];
  return [...files, ...serviceLinks(list, withFiles(view, files), missing)];
}

/** The view with the list's own files in it, among which may be units. */
function withFiles(view: RootView, files: readonly WantedNode[]): RootView {
  const byPath = new Map(files.map((file) => [file.path, file.node]));
  return {
    look(path) {
      const node = byPath.get(path);
      if (node?.kind === "file")
        return {
          kind: "file",
          meta: { uid: node.uid, gid: node.gid, mode: node.mode, mtime: 0 },
          sizeBytes: node.content.length,
        };
      return node?.kind === "symlink"
        ? { kind: "symlink", meta: { uid: 0, gid: 0, mode: 0o777, mtime: 0 }, target: node.target }
        : view.look(path);
    },
    read(path) {
      const node = byPath.get(path);
      return node?.kind === "file" ? node.content : view.read(path);
    },
    list: (path) => view.list(path),
  };
}

function settingFiles(list: SystemList, view: RootView): WantedNode[] {
  const wanted: WantedNode[] = [];
  const text = (key: "hostname" | "locale" | "keymap", path: string, content: string): void => {
    wanted.push({
      path,
      node: { kind: "file", content: byteStringOf(utf8ToByteString(content)), mode: 0o644, uid: 0, gid: 0 },
      reason: `${key} ${list.system.get(key)!.value}`,
    });
  };
  const get = (key: "hostname" | "timezone" | "locale" | "keymap"): string | undefined => list.system.get(key)?.value;
  if (get("hostname") !== undefined) text("hostname", "etc/hostname", `${get("hostname")!}\n`);
  if (get("timezone") !== undefined)
    wanted.push({
      path: "etc/localtime",
      node: { kind: "symlink", target: `../usr/share/zoneinfo/${get("timezone")!}` },
      reason: `timezone ${get("timezone")!}`,
    });
  const isDebian = view.look("var/lib/dpkg/status") !== undefined && view.look("etc/pacman.conf") === undefined;
  if (get("locale") !== undefined)
    text("locale", isDebian ? "etc/default/locale" : "etc/locale.conf", `LANG=${get("locale")!}\n`);
  if (get("keymap") !== undefined) text("keymap", "etc/vconsole.conf", `KEYMAP=${get("keymap")!}\n`);
  return wanted;
}

function listedFile(file: SystemList["files"][number], view: RootView): WantedNode {
  const { path, content, link, mode, owner } = file.value;
  const plain = utf8ToByteString(path.slice(1));
  if (link !== undefined)
    return { path: plain, node: { kind: "symlink", target: utf8ToByteString(link) }, reason: undefined };
  const [user, group] = (owner ?? "root").split(":") as [string, string | undefined];
  const { uid, gid } = lookUpUser(user, view, file);
  return {
    path: plain,
    reason: undefined,
    node: {
      kind: "file",
      content: content!,
      mode: parseInt(mode ?? "644", 8),
      uid,
      gid: group === undefined ? gid : lookUpGroup(group, view, file),
    },
  };
}

function lookUpUser(
  name: string,
  view: RootView,
  file: { place: SystemList["files"][number]["place"] },
): { uid: number; gid: number } {
  if (/^[0-9]+$/.test(name)) return { uid: Number(name), gid: Number(name) };
  if (name === "root") return { uid: 0, gid: 0 };
  const row = accountRow("etc/passwd", name, view);
  if (row === undefined)
    throw new SystemListError([{ ...file.place, message: `there is no user ${name} in the system` }]);
  return { uid: Number(row[2]), gid: Number(row[3]) };
}

function lookUpGroup(name: string, view: RootView, file: { place: SystemList["files"][number]["place"] }): number {
  if (/^[0-9]+$/.test(name)) return Number(name);
  if (name === "root") return 0;
  const row = accountRow("etc/group", name, view);
  if (row === undefined)
    throw new SystemListError([{ ...file.place, message: `there is no group ${name} in the system` }]);
  return Number(row[2]);
}

function accountRow(path: string, name: string, view: RootView): string[] | undefined {
  if (view.look(path)?.kind !== "file") return undefined;
  return byteString(view.read(path))
    .split("\n")
    .map((line) => line.split(":"))
    .find((row) => row[0] === name);
}

function serviceLinks(list: SystemList, view: RootView, missing: (unit: Listed<string>) => void): WantedNode[] {
  const wanted = new Map<string, WantedNode>();
  for (const unit of list.mask) {
    const path = `etc/systemd/system/${unit.value}`;
    wanted.set(path, { path, node: { kind: "symlink", target: "/dev/null" }, reason: `mask ${unit.value}` });
  }
  for (const unit of list.disable)
    for (const path of existingLinks(unit.value, view))
      wanted.set(path, { path, node: { kind: "nothing" }, reason: `disable ${unit.value}` });
  const seen = new Set<string>();
  const enable = (unit: Listed<string>, reason: string): void => {
    if (seen.has(unit.value)) return;
    seen.add(unit.value);
    const links = enablingLinks(unit.value, view);
    if (links === undefined) {
      missing(unit);
      return;
    }
    for (const { path, target } of links.links) wanted.set(path, { path, node: { kind: "symlink", target }, reason });
    for (const also of links.also) enable({ value: also, place: unit.place }, reason);
  };
  for (const unit of list.enable) enable(unit, `enable ${unit.value}`);
  return [...wanted.values()];
}

/**
 * The links that `systemctl enable` would make; undefined when there is no such unit.
 * Source: systemd.unit(5), "[Install] SECTION OPTIONS".
 */
function enablingLinks(
  unit: string,
  view: RootView,
): { links: { path: string; target: string }[]; also: string[] } | undefined {
  // An instance name@x.service is made of the template name@.service.
  const template = unit.replace(/@[^.]+\./, "@.");
  const found = UNIT_FOLDERS.flatMap((folder) => [`${folder}/${unit}`, `${folder}/${template}`]).find(
    (path) => kindOf(path, view) === "file",
  );
  if (found === undefined) return undefined;
  const section = new Map<string, string[]>();
  let inInstall = false;
  for (const line of byteString(view.read(targetOf((path) => view.look(path), found)))
    .replace(/\\\n/g, " ")
    .split("\n")) {
    const header = /^\s*\[(.+)\]\s*$/.exec(line);
    if (header !== null) {
      inInstall = header[1] === "Install";
      continue;
    }
    const pair = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (inInstall && pair !== null)
      section.set(pair[1]!, [...(section.get(pair[1]!) ?? []), ...pair[2]!.split(/\s+/).filter((word) => word !== "")]);
  }
  let name = unit;
  const instance = section.get("DefaultInstance")?.[0];
  if (instance !== undefined) name = name.replace(/@\./, `@${instance}.`);
  const target = `/${found}`;
  const links: { path: string; target: string }[] = [];
  const isName = (word: string): boolean => /^[A-Za-z0-9:_.@\\-]+$/.test(word);
  const expand = (word: string): string =>
    word
      .replaceAll("%i", /@([^.]*)\./.exec(name)?.[1] ?? "")
      .replaceAll("%n", name)
      .replaceAll("%p", name.replace(/[@.].*$/, ""));
  for (const [key, suffix] of [
    ["WantedBy", "wants"],
    ["RequiredBy", "requires"],
    ["UpheldBy", "upholds"],
  ] as const) {
    for (const word of (section.get(key) ?? []).map(expand).filter(isName))
      links.push({ path: `etc/systemd/system/${word}.${suffix}/${name}`, target });
  }
  for (const word of (section.get("Alias") ?? []).map(expand).filter(isName))
    if (word !== name) links.push({ path: `etc/systemd/system/${word}`, target });
  return { links, also: (section.get("Also") ?? []).map(expand).filter(isName) };
}

function kindOf(path: string, view: RootView): string | undefined {
  return view.look(targetOf((one) => view.look(one), path))?.kind;
}

/** Links in the administrator's folder that start the unit, or stand for it. */
function existingLinks(unit: string, view: RootView): string[] {
  const folder = "etc/systemd/system";
  const found: string[] = [];
  for (const name of view.list(folder)) {
    const path = `${folder}/${name}`;
    const node = view.look(path);
    if (node?.kind === "symlink" && node.target.endsWith(`/${unit}`) && node.target !== "/dev/null") found.push(path);
    if (node?.kind !== "directory" || !/\.(wants|requires|upholds)$/.test(name)) continue;
    if (view.look(`${path}/${unit}`)?.kind === "symlink") found.push(`${path}/${unit}`);
  }
  return found;
}

/** Whether the place holds what is wanted already. */
export function isThere(wanted: WantedNode, view: RootView, options: { ownership: boolean }): boolean {
  const node = view.look(placeOf((path) => view.look(path), wanted.path));
  const { node: want } = wanted;
  switch (want.kind) {
    case "nothing":
      return node === undefined;
    case "symlink":
      return node?.kind === "symlink" && node.target === want.target;
    case "file": {
      if (node?.kind !== "file" || node.meta.mode !== want.mode || node.sizeBytes !== want.content.length) return false;
      if (options.ownership && (node.meta.uid !== want.uid || node.meta.gid !== want.gid)) return false;
      const content = view.read(placeOf((path) => view.look(path), wanted.path));
      return content.every((byte, index) => byte === want.content[index]);
    }
  }
}

export function metaOfWanted(wanted: WantedNode, mtime: number): RootMeta {
  return wanted.node.kind === "file"
    ? { uid: wanted.node.uid, gid: wanted.node.gid, mode: wanted.node.mode, mtime }
    : { uid: 0, gid: 0, mode: 0o777, mtime };
}
