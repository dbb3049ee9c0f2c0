/** `node packages/aegisfs/src/aegisfs.bench.ts [FILES]`: what the engine does in a second, on a device in memory. */
import { MemoryBlockDevice } from "@stratos/host";
import { Attributes, check, DirectoryEntry, format, mount, mountOverlay, ROOT_INO } from "./aegisfs.ts";

const files = Number(process.argv[2] ?? 50_000);
const device = new MemoryBlockDevice(4 * 2 ** 30);
format(device, { uuid: new Uint8Array(16), hashSeed: 5 });
const volume = mount(device);
if (typeof volume === "string") throw new Error(volume);
const root = volume.root;
const content = new Uint8Array(1 << 20).map((_, index) => index * 7);
const page = new Uint8Array(4096);
const attributes = new Attributes();
const folders: number[] = [];
for (let folder = 0; folder < 20; folder++) folders.push(root.create(ROOT_INO, `folder${folder}`, 0o040755, 0, 0));
const inos: number[] = [];

function measure(what: string, count: number, unit: string, run: () => void): void {
  const start = performance.now();
  run();
  const ms = performance.now() - start;
  console.log(
    `${what.padEnd(44)} ` +
      `${count === 1 ? `${ms.toFixed(2)} ms` : `${Math.round((count / ms) * 1000).toLocaleString("en")} ${unit}/s`}`,
  );
}

measure("create a file and write 4 KiB", files, "files", () => {
  for (let file = 0; file < files; file++) {
    const ino = root.create(folders[file % 20]!, `file${file}`, 0o100644, 0, 0);
    root.write(ino, 0, content, 0, 4096);
    inos.push(ino);
  }
});
measure("commit of all that", 1, "", () => volume.sync());
for (const round of ["cold", "warm"]) {
  measure(`stat by a path of two names, ${round}`, files, "calls", () => {
    for (let file = 0; file < files; file++)
      root.stat(root.lookup(root.lookup(ROOT_INO, `folder${file % 20}`), `file${file}`), attributes);
  });
}
measure("read 4 KiB into the caller's bytes", files, "reads", () =>
  inos.forEach((ino) => root.readPages(ino, 0, 1, page, 0)),
);
measure("overwrite 4 KiB", files, "writes", () => inos.forEach((ino) => root.write(ino, 0, content, 0, 4096)));
measure("list all", files, "entries", () => {
  const entry = new DirectoryEntry();
  for (const folder of folders)
    for (let cursor = 0; root.readDirectory(folder, cursor, entry) === 1; cursor = entry.nextCursor);
});
measure("snapshot", 1, "", () => volume.snapshot(root, "snapshot", { readOnly: true }));
measure("clone on another device, mounted", 1, "", () => mountOverlay(device, new MemoryBlockDevice(2 ** 30)));
measure("unlink", files, "files", () => inos.forEach((_, file) => root.unlink(folders[file % 20]!, `file${file}`)));
const big = root.create(ROOT_INO, "big", 0o100644, 0, 0);
measure("write 256 MiB in pieces of 1 MiB", 256, "MiB", () => {
  for (let piece = 0; piece < 256; piece++) root.write(big, piece << 20, content, 0, content.length);
});
const target = new Uint8Array(1 << 20);
measure("read it, verified", 256, "MiB", () => {
  for (let piece = 0; piece < 256; piece++) root.read(big, piece << 20, target, 0, target.length);
});
volume.sync();
measure("check with data", 1, "", () => {
  const problems = check(device, { data: true });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
});
