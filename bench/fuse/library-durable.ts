/**
 * One turn of the library among the durable rows: does what files.c and tar do, on the volume of a file, without a
 * mount, until all of it is on the device. Beforehand it does the same for a while with a volume in memory: programs
 * that embed the library live long. Prints nanoseconds and how many things it did.
 *
 *     node library-durable.ts create|unlink|untar IMAGE ARCHIVE
 */
import { readFileSync } from "node:fs";
import { S_IFDIR, S_IFREG } from "@stratos/abi";
import { format, mount, ROOT_INO, type Subvolume, type Volume } from "@stratos/aegisfs";
import { TarType, visitTar } from "@stratos/formats";
import { MemoryBlockDevice } from "@stratos/host";
import { FileBlockDevice } from "@stratos/host-node";
import { mountDevices } from "@stratos/tools-node/volumes";

const FILES = 2000;
const FOLDERS = 20;
const WARM_UP_MS = 1500;

const [what = "", image = "", archive = ""] = process.argv.slice(2);
const content = new Uint8Array(4096).map((_, index) => index * 7);
const tar = new Uint8Array(what === "untar" ? readFileSync(archive) : []);

for (const end = Date.now() + WARM_UP_MS; Date.now() < end;) {
  const memory = new MemoryBlockDevice(512 << 20);
  need(format(memory, { uuid: new Uint8Array(16), hashSeed: 1 }) === 0, "format");
  turn(opened(mount(memory)));
}
const file = new FileBlockDevice(image);
const { ns, count } = turn(opened(mountDevices({ devices: [file] })));
process.stdout.write(`${ns} ${count}\n`);
file.close();

function turn(volume: Volume): { ns: bigint; count: number } {
  const { root } = volume;
  const folders: number[] = [];
  if (what === "untar") {
    const base = root.create(ROOT_INO, "untar", S_IFDIR | 0o755, 0, 0);
    const start = process.hrtime.bigint();
    unpack(root, base);
    need(volume.sync() === 0, "sync");
    const took = process.hrtime.bigint() - start;
    remove(root, base);
    root.rmdir(ROOT_INO, "untar");
    need(volume.sync() === 0, "sync");
    return { ns: took, count: 1 };
  }
  for (let index = 0; index < FOLDERS; index++) folders.push(root.create(ROOT_INO, `d${index}`, S_IFDIR | 0o755, 0, 0));
  let start = process.hrtime.bigint();
  for (let index = 0; index < FILES; index++) {
    const ino = root.create(folders[index % FOLDERS]!, `file-${index}`, S_IFREG | 0o644, 0, 0);
    need(root.write(ino, 0, content, 0, 4096) === 4096, "write");
  }
  need(volume.sync() === 0, "sync");
  const created = process.hrtime.bigint() - start;
  start = process.hrtime.bigint();
  for (let index = 0; index < FILES; index++)
    need(root.unlink(folders[index % FOLDERS]!, `file-${index}`) === 0, "unlink");
  need(volume.sync() === 0, "sync");
  const unlinked = process.hrtime.bigint() - start;
  for (let index = 0; index < FOLDERS; index++) root.rmdir(ROOT_INO, `d${index}`);
  need(volume.sync() === 0, "sync");
  return { ns: what === "create" ? created : unlinked, count: FILES };
}

function unpack(root: Subvolume, base: number): void {
  const folders = new Map<string, number>([["", base]]);
  const failed = visitTar(tar, ({ path, type, mode, uid, gid }, bytes) => {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    const name = parts.pop();
    if (name === undefined) return;
    const folder = folders.get(parts.join("/"))!;
    const isFolder = type === TarType.directory;
    const ino = root.create(folder, name, (isFolder ? S_IFDIR : S_IFREG) | (mode & 0o7777), uid, gid);
    need(ino > 0, path);
    if (isFolder) folders.set([...parts, name].join("/"), ino);
    else if (bytes.length > 0) need(root.write(ino, 0, bytes, 0, bytes.length) === bytes.length, path);
  });
  need(failed === undefined, "archive");
}

function remove(root: Subvolume, base: number): void {
  visitTar(tar, ({ path, type }) => {
    const [folder, name] = path.split("/").filter((part) => part !== "" && part !== ".");
    if (type !== TarType.directory && name !== undefined)
      need(root.unlink(root.lookup(base, folder!), name) === 0, path);
  });
  visitTar(tar, ({ path, type }) => {
    const [folder] = path.split("/").filter((part) => part !== "" && part !== ".");
    if (type === TarType.directory && folder !== undefined) need(root.rmdir(base, folder) === 0, path);
  });
}

function opened(volume: Volume | string): Volume {
  if (typeof volume === "string") throw new Error(volume);
  return volume;
}

function need(ok: boolean, what: string): void {
  if (!ok) throw new Error(what);
}
