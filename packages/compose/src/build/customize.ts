/**
 * From a configured root to an image's own: names, files, accounts, scripts, services, in this order; then what is to
 * be removed, and what no image should hold, goes.
 */
import {
  byteString,
  byteStringOf,
  byteStringToUtf8,
  closestName,
  slipsOfWord,
  utf8Of,
  utf8ToByteString,
} from "@stratos/base";
import { readBlob, type FileTree } from "@stratos/formats";
import type { RootMeta } from "@stratos/pkg";
import type { LockedImage } from "../gather/lock.ts";
import { ScriptError, type ComposePorts, type ScriptRunner } from "../ports.ts";
import { compilePattern } from "../treefile/pattern.ts";
import type { KeyPath } from "../treefile/positions.ts";
import { overlaysOf } from "../treefile/schema-content.ts";
import { substitute, type ImageTarget } from "../treefile/treefile.ts";
import { AccountError, Accounts } from "./accounts.ts";
import { cleanIdentity } from "./clean.ts";
import { runHook } from "./hooks.ts";
import { JAVA_KEYSTORE, withoutClock } from "./java-keystore.ts";
import { isSkeleton, layOverlay } from "./overlay.ts";
import { disableUnit, enableUnit, maskUnit, ServiceError, type UnitFiles } from "./services.ts";
import { BUILD_HOSTNAME, sha256Of } from "./stage-job.ts";
import { memoryBlobs, TreeBuilder, type TreeNode } from "./tree-builder.ts";

/** The configuration asks for what the root does not have, at some key. */
export class CustomizeError extends Error {
  override name = "CustomizeError";
  readonly key: KeyPath;
  /** of the list at the key */
  readonly item: string | undefined;
  constructor(message: string, key: KeyPath, options?: ErrorOptions & { item?: string | undefined }) {
    super(message, options);
    this.key = key;
    this.item = options?.item;
  }
}

interface CustomizeJob {
  readonly target: ImageTarget;
  readonly locked: LockedImage;
  readonly tree: FileTree;
  /** the same with what scripts need besides, where they need anything */
  readonly scriptTree?: FileTree | undefined;
  readonly epochSeconds: number;
  readonly runner: () => ScriptRunner;
  /** content of files that are beside the treefile, by the names that it gives them */
  readonly sources: ReadonlyMap<string, Uint8Array>;
  /** folders that are beside the treefile, likewise */
  readonly overlays: ReadonlyMap<string, FileTree>;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

/** @throws CustomizeError, ScriptError */
export async function customize(ports: Pick<ComposePorts, "packages">, job: CustomizeJob): Promise<FileTree> {
  const { config } = job.target;
  const sha256 = sha256Of(ports);
  const builder = new TreeBuilder(memoryBlobs(sha256), job.tree);
  const root = new Root(builder, job.epochSeconds);
  const before = new Map(builder.nodes);
  await runScripts(root, job, before, { key: "hooks.post-install", scripts: config.hooks?.["post-install"], sha256 });
  configure(root, job);
  await runScripts(root, job, before, { key: "scripts", scripts: config.scripts, sha256 });
  if (config.services !== undefined) setServices(root, config.services);
  const removals = (config["remove-files"] ?? []).map((pattern) => compilePattern(pattern, { isPath: true }));
  for (const path of removals.length === 0 ? [] : [...builder.nodes.keys()])
    if (path !== "" && removals.some((matches) => matches(`/${path}`))) builder.removeAll(path);
  settleKeystore(ports, builder, job);
  await runScripts(root, job, before, { key: "hooks.finalize", scripts: config.hooks?.finalize, sha256 });
  cleanIdentity(builder, { epochSeconds: job.epochSeconds, sha256, given: new Set(Object.keys(config.files ?? {})) });
  return builder.build({ newest: job.epochSeconds, ofFolders: job.epochSeconds });
}

/** Certificates of Java, which say when they were put together. */
function settleKeystore(
  ports: Pick<ComposePorts, "packages">,
  builder: TreeBuilder,
  { epochSeconds, target }: CustomizeJob,
): void {
  const node = builder.nodes.get(JAVA_KEYSTORE);
  if (node?.kind !== "file" || node.content === null || target.config.files?.[`/${JAVA_KEYSTORE}`] !== undefined)
    return;
  const settled = withoutClock(readBlob(node.content), epochSeconds, () => ports.packages.hasher("sha1"));
  if (settled !== undefined) builder.file(JAVA_KEYSTORE, node.meta, settled);
}

/** What stands before scripts run: names, files, accounts, overlays. */
function configure(root: Root, job: CustomizeJob): void {
  const { builder } = root,
    { config } = job.target;
  setNames(root, job);
  if (builder.nodes.has("usr/bin/apt"))
    root.write("var/lib/apt/extended_states", extendedStates(job.locked, job.target.architecture));
  layOverlays(root, job, (path) => !isSkeleton(path));
  for (const [path, file] of Object.entries(config.files ?? {})) {
    const place = at(["files", path], () => root.place(utf8ToByteString(path.slice(1))));
    if (file.folder !== true) refuseFolder(builder, place, path);
    const meta: RootMeta = {
      uid: file.uid ?? 0,
      gid: file.gid ?? 0,
      mode: Number.parseInt(file.mode ?? (file.folder === true ? "755" : file.link === undefined ? "644" : "777"), 8),
      mtime: job.epochSeconds,
    };
    if (file.folder !== true || builder.nodes.get(place)?.kind !== "directory") builder.removeAll(place);
    if (file.folder === true) builder.directory(place, meta);
    else if (file.link !== undefined) builder.symlink(place, meta, utf8ToByteString(file.link));
    else
      builder.file(place, meta, file.source === undefined ? utf8Of(file.content ?? "") : job.sources.get(file.source)!);
  }
  if (config.users !== undefined) setUsers(root, job);
  layOverlays(root, job, (path) => config.files?.[byteStringToUtf8(path)] !== undefined);
}

function layOverlays(root: Root, { target, overlays }: CustomizeJob, isLeftOut: (path: string) => boolean): void {
  const numberOf = (kind: "user" | "group", name: string): number | undefined => {
    const line = (root.read(kind === "user" ? "etc/passwd" : "etc/group") ?? "")
      .split("\n")
      .find((one) => one.startsWith(`${name}:`));
    return line === undefined ? undefined : Number(line.split(":")[2]);
  };
  for (const overlay of overlaysOf(target.config)) {
    layOverlay(
      { builder: root.builder, place: (path) => root.place(path), numberOf, mtime: root.mtime, isLeftOut },
      overlays.get(overlay.source)!,
      overlay,
    );
  }
}

/** A file in the place of a folder would take all that is in it away. */
function refuseFolder(builder: TreeBuilder, place: string, path: string): void {
  if (builder.nodes.get(place)?.kind !== "directory") return;
  for (const other of builder.nodes.keys())
    if (other.startsWith(`${place}/`))
      throw new CustomizeError(
        `is a folder of the image, with ${byteStringToUtf8(other.slice(place.length + 1))} in it, and a file or ` +
          "link would take its place",
        ["files", path],
      );
}

/** What `work` says is wrong with a path is told at `key`. */
function at<T>(key: KeyPath, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CustomizeError && error.key.length === 0)
      throw new CustomizeError(error.message, key, { cause: error });
    throw error;
  }
}

/** A root as configuration sees it: paths go through links, folders that are missing are made. */
class Root {
  readonly builder: TreeBuilder;
  readonly mtime: number;

  constructor(builder: TreeBuilder, mtime: number) {
    this.builder = builder;
    this.mtime = mtime;
  }

  /** Where a path leads when the links in its folders are followed. */
  place(path: string, links = 0): string {
    if (links > 40) throw new CustomizeError(`/${path}: too many symbolic links`, []);
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    const at: string[] = [];
    for (const [index, name] of names.entries()) {
      if (name === "..") {
        at.pop();
        continue;
      }
      at.push(name);
      if (index === names.length - 1) break;
      const here = at.join("/");
      const node = this.builder.nodes.get(here);
      if (node === undefined) this.builder.directory(here, { uid: 0, gid: 0, mode: 0o755, mtime: this.mtime });
      else if (node.kind === "symlink")
        return this.place(
          [...(node.target.startsWith("/") ? [] : at.slice(0, -1)), node.target, ...names.slice(index + 1)].join("/"),
          links + 1,
        );
      else if (node.kind !== "directory") throw new CustomizeError(`/${byteStringToUtf8(here)} is no folder`, []);
    }
    return at.join("/");
  }

  read(path: string): string | undefined {
    let place = this.place(path);
    for (let links = 0; links < 8; links++) {
      const node = this.builder.nodes.get(place);
      if (node?.kind !== "symlink") return node?.content == null ? undefined : byteString(readBlob(node.content));
      place = this.place(
        node.target.startsWith("/")
          ? node.target
          : `${place.slice(0, Math.max(0, place.lastIndexOf("/")))}/${node.target}`,
      );
    }
    return undefined;
  }

  /** @param text  a byte string */
  write(path: string, text: string, meta: Partial<RootMeta> = {}): void {
    const place = this.place(path);
    const old = this.builder.nodes.get(place);
    this.builder.file(
      place,
      { uid: 0, gid: 0, mode: 0o644, ...(old?.kind === "file" ? old.meta : {}), mtime: this.mtime, ...meta },
      byteStringOf(text),
    );
  }

  link(path: string, target: string): void {
    const place = this.place(path);
    this.builder.removeAll(place);
    this.builder.symlink(place, { uid: 0, gid: 0, mode: 0o777, mtime: this.mtime }, target);
  }
}

function setNames(root: Root, { target }: CustomizeJob): void {
  const { hostname, timezone, locale } = target.config;
  const name = substitute(hostname ?? BUILD_HOSTNAME, target);
  if (!root.builder.nodes.has("etc")) return;
  root.write("etc/hostname", `${name}\n`);
  root.write(
    "etc/hosts",
    `127.0.0.1\tlocalhost\n${name === BUILD_HOSTNAME ? "" : `127.0.1.1\t${name}\n`}\n::1\tlocalhost ` +
      "ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n",
  );
  if (timezone !== undefined) {
    if (!root.builder.nodes.has(`usr/share/zoneinfo/${timezone}`))
      throw new CustomizeError(`the image has no ${timezone}; the package tzdata brings the time zones`, ["timezone"]);
    root.link("etc/localtime", `/usr/share/zoneinfo/${timezone}`);
    root.write("etc/timezone", `${timezone}\n`);
  }
  if (locale !== undefined) {
    root.write("etc/default/locale", `LANG=${locale}\n`);
    root.write("etc/locale.conf", `LANG=${locale}\n`);
  }
}

/** What apt may remove again. */
function extendedStates(locked: LockedImage, architecture: string): string {
  return locked.packages
    .filter((one) => one.isAutomatic)
    .map((one) => one)
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .map(
      (one) =>
        `Package: ${one.name}\nArchitecture: ${one.architecture === "all" ? architecture : one.architecture}\n` +
        "Auto-Installed: 1\n\n",
    )
    .join("");
}

function setUsers(root: Root, job: CustomizeJob): void {
  const read = (name: string): string => root.read(`etc/${name}`) ?? "";
  const accounts = new Accounts(
    { passwd: read("passwd"), shadow: read("shadow"), group: read("group"), gshadow: read("gshadow") },
    job.epochSeconds,
  );
  const homes: {
    name: string;
    home: string;
    uid: number;
    gid: number;
    isNew: boolean;
    keys: readonly string[] | undefined;
    isSystem: boolean;
  }[] = [];
  for (const [name, user] of Object.entries(job.target.config.users ?? {})) {
    try {
      homes.push({ name, ...accounts.set(name, user), keys: user["ssh-keys"], isSystem: user.system === true });
    } catch (error) {
      if (error instanceof AccountError) throw new CustomizeError(error.message, ["users", name], { cause: error });
      throw error;
    }
  }
  const { files } = accounts;
  root.write("etc/passwd", files.passwd);
  root.write("etc/group", files.group);
  root.write("etc/shadow", files.shadow, root.builder.nodes.has("etc/shadow") ? {} : { mode: 0o640, gid: 42 });
  root.write("etc/gshadow", files.gshadow, root.builder.nodes.has("etc/gshadow") ? {} : { mode: 0o640, gid: 42 });
  for (const { name, home, uid, gid, isNew, keys, isSystem } of homes) {
    const own = { uid, gid, mtime: job.epochSeconds };
    const place = at(["users", name, "home"], () => root.place(home.slice(1)));
    if (isNew && !isSystem && !root.builder.nodes.has(place)) {
      root.builder.directory(place, { ...own, mode: 0o700 });
      for (const [path, node] of [...root.builder.nodes]) {
        if (path.startsWith("etc/skel/"))
          root.builder.nodes.set(`${place}/${path.slice("etc/skel/".length)}`, {
            ...node,
            meta: { ...node.meta, ...own },
          });
      }
    }
    if (keys === undefined) continue;
    if (!root.builder.nodes.has(place))
      throw new CustomizeError(`${home} is not there to keep keys in`, ["users", name, "ssh-keys"]);
    if (!root.builder.nodes.has(`${place}/.ssh`)) root.builder.directory(`${place}/.ssh`, { ...own, mode: 0o700 });
    root.builder.file(
      `${place}/.ssh/authorized_keys`,
      { ...own, mode: 0o600 },
      utf8Of(keys.map((key) => `${key}\n`).join("")),
    );
  }
}

/** One of the treefile's lists of scripts. */
async function runScripts(
  root: Root,
  job: CustomizeJob,
  before: ReadonlyMap<string, TreeNode>,
  {
    key,
    scripts,
    sha256,
  }: { key: string; scripts: readonly string[] | undefined; sha256: (bytes: Uint8Array) => string },
): Promise<void> {
  if (scripts === undefined || scripts.length === 0) return;
  const { config } = job.target;
  await runHook(root.builder, {
    key,
    scripts,
    runner: job.runner(),
    sha256,
    scene: job.scriptTree === undefined ? undefined : { tree: job.scriptTree, before },
    job: {
      architecture: job.target.architecture,
      hostname: substitute(config.hostname ?? BUILD_HOSTNAME, job.target),
      hasNetwork: config.build?.network === true,
      epochSeconds: job.epochSeconds,
      signal: job.signal,
      onLine: job.onLine,
      environment: {
        SOURCE_DATE_EPOCH: String(job.epochSeconds),
        DEBIAN_FRONTEND: "noninteractive",
        ...config.build?.environment,
      },
    },
  }).catch((error: unknown) => {
    // Which of them it was is the last thing that the script of all says.
    const failed = error instanceof ScriptError ? /\[(\d+)\] ended with status \d+/.exec(error.message) : null;
    if (failed === null) throw error;
    const message = (error as Error).message.replace(/^\S+ ended with status \d+\n/, "the script has failed:\n");
    throw new CustomizeError(message, key.split("."), { cause: error, item: scripts[Number(failed[1])] });
  });
}

const UNIT_FOLDERS = ["etc/systemd/system", "usr/lib/systemd/system"];

function setServices(
  root: Root,
  services: {
    readonly enable?: readonly string[];
    readonly disable?: readonly string[];
    readonly mask?: readonly string[];
  },
): void {
  const files: UnitFiles = {
    find(unit) {
      for (const folder of UNIT_FOLDERS) {
        const path = `${folder}/${unit}`;
        const text = root.builder.nodes.has(path) ? root.read(path) : undefined;
        if (text !== undefined) return { path, text };
      }
      return undefined;
    },
    link: (path, target) => root.link(path, target),
    remove: (path) => root.builder.removeAll(path),
    *links() {
      for (const [path, node] of root.builder.nodes) if (node.kind === "symlink") yield { path, target: node.target };
    },
  };
  for (const unit of services.disable ?? []) disableUnit(files, unit);
  for (const unit of services.enable ?? []) {
    try {
      enableUnit(files, unit);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const units = [...root.builder.nodes.keys()]
        .filter((path) => UNIT_FOLDERS.some((folder) => path.startsWith(`${folder}/`)))
        .map((path) => path.slice(path.lastIndexOf("/") + 1));
      const meant = closestName(/\.[a-z]+$/.test(unit) ? unit : `${unit}.service`, units, slipsOfWord);
      throw new CustomizeError(
        `${error.message}` +
          `${meant === undefined ? ", and no package or file of the image brings it" : `; did you mean ${meant}?`}`,
        ["services", "enable"],
        { cause: error, item: unit },
      );
    }
  }
  for (const unit of services.mask ?? []) maskUnit(files, unit);
}
