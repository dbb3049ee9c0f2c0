/**
 * AegisFS as a library beside memfs, its synchronous calls, in one process by turns: files of 4 KiB in 20 folders, by
 * path. CPU time is measured, which other work on the machine disturbs least. Ours is a volume on a device in memory
 * with the default cache, so that what is measured is what a program waits for; `sync` is the row that stores all of
 * it. Both sides live through all rounds, and each round begins empty.
 */
import { memfs } from "memfs";
import { Attributes, Files, format, mount } from "@stratos/aegisfs";
import { MemoryBlockDevice } from "@stratos/host";
import { median } from "../statistics.ts";

export interface InProcessRow {
  readonly name: string;
  /** Calls (or listings) per second of CPU. */
  readonly ours: number;
  readonly peer: number | null;
  /** Ours ÷ peer's. */
  readonly ratio: number | null;
  readonly goal: number | null;
}

const FOLDERS = 20;
const FILES = 20_000;
const LISTINGS = 2000;

const GOALS: Readonly<Record<string, number | null>> = {
  "create and write": 5,
  stat: 4,
  "read into own buffer": 6,
  "read, memfs by descriptor": null,
  overwrite: 4,
  readdir: 5,
  unlink: 2,
  "create, write and sync": null,
};

export function inProcessLine({ name, ours, peer, ratio, goal }: InProcessRow): string {
  const number = (value: number | null): string =>
    (value === null ? "-" : Math.round(value).toLocaleString("en")).padStart(12);
  return (
    `  ${name.padEnd(28)} ${number(ours)} ${number(peer)} ` +
    `${ratio === null ? "" : `${ratio.toFixed(2)} ×`.padStart(9)}${goal === null ? "" : ` (goal ${goal})`}`
  );
}

interface Library {
  create(path: string): void;
  stat(path: string): void;
  read(path: string): void;
  /** The peer's faster way, for which three calls are needed; ours is the same call again. */
  readByDescriptor(path: string): void;
  overwrite(path: string): void;
  readdir(path: string): number;
  unlink(path: string): void;
  sync: (() => void) | null;
}

export function measureInProcess(rounds: number): InProcessRow[] {
  const content = new Uint8Array(4096).map((_, index) => index * 7);
  const times = new Map<string, { ours: number[]; peer: number[] }>();
  const ours = openVolume(content);
  const peer = openMemfs(content);
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (["peer", "ours"] as const) : (["ours", "peer"] as const);
    for (const side of order) {
      for (const [name, perSecond] of measure(side === "ours" ? ours : peer)) {
        let row = times.get(name);
        if (row === undefined) times.set(name, (row = { ours: [], peer: [] }));
        row[side].push(perSecond);
      }
    }
  }
  return [...times].map(([name, { ours, peer }]) => {
    const own = median(ours);
    const other = peer.length > 0 ? median(peer) : null;
    return { name, ours: own, peer: other, ratio: other === null ? null : own / other, goal: GOALS[name] ?? null };
  });
}

function openVolume(content: Uint8Array): Library {
  const device = new MemoryBlockDevice(4 * 2 ** 30);
  const failed = format(device, { uuid: new Uint8Array(16), hashSeed: 5 });
  const volume = mount(device);
  if (failed !== 0 || typeof volume === "string") throw new Error(`cannot make a volume: ${failed || String(volume)}`);
  const start = performance.timeOrigin;
  const files = new Files(volume, {
    clock: { monotonicNs: () => performance.now() * 1e6, realtimeMs: () => start + performance.now() },
  });
  for (let folder = 0; folder < FOLDERS; folder++) expect(files.mkdir(`/folder${folder}`));
  const attributes = new Attributes();
  const buffer = new Uint8Array(4096);
  return {
    create: (path) => expect(files.writeFile(path, content)),
    stat: (path) => expect(files.stat(path, attributes)),
    read: (path) => expect(files.readFile(path, buffer)),
    readByDescriptor: (path) => expect(files.readFile(path, buffer)),
    overwrite: (path) => expect(files.writeFile(path, content)),
    readdir: (path) => {
      const names = files.readdir(path);
      if (typeof names === "number") throw new Error(`readdir: ${names}`);
      return names.length;
    },
    unlink: (path) => expect(files.unlink(path)),
    sync: () => expect(files.sync()),
  };
}

function expect(result: number): void {
  if (result < 0) throw new Error(`errno ${-result}`);
}

function openMemfs(content: Uint8Array): Library {
  const { fs } = memfs();
  const bytes = Buffer.from(content);
  const buffer = Buffer.alloc(4096);
  for (let folder = 0; folder < FOLDERS; folder++) fs.mkdirSync(`/folder${folder}`);
  return {
    create: (path) => fs.writeFileSync(path, bytes),
    stat: (path) => void fs.statSync(path),
    read: (path) => void fs.readFileSync(path),
    readByDescriptor: (path) => {
      const fd = fs.openSync(path, "r");
      fs.readSync(fd, buffer, 0, 4096, 0);
      fs.closeSync(fd);
    },
    overwrite: (path) => fs.writeFileSync(path, bytes),
    readdir: (path) => fs.readdirSync(path).length,
    unlink: (path) => fs.unlinkSync(path),
    sync: null,
  };
}

function* measure(library: Library): Generator<[string, number]> {
  const paths: string[] = [];
  for (let file = 0; file < FILES; file++) paths.push(`/folder${file % FOLDERS}/file${file}`);
  const all = (call: (path: string) => void) => (): void => {
    for (const path of paths) call(path);
  };
  yield ["create and write", perSecond(FILES, all(library.create))];
  yield [
    "stat",
    perSecond(FILES * 5, () => {
      for (let time = 0; time < 5; time++) for (const path of paths) library.stat(path);
    }),
  ];
  yield [
    "read into own buffer",
    perSecond(FILES * 3, () => {
      for (let time = 0; time < 3; time++) for (const path of paths) library.read(path);
    }),
  ];
  yield [
    "read, memfs by descriptor",
    perSecond(FILES * 3, () => {
      for (let time = 0; time < 3; time++) for (const path of paths) library.readByDescriptor(path);
    }),
  ];
  yield [
    "overwrite",
    perSecond(FILES * 3, () => {
      for (let time = 0; time < 3; time++) for (const path of paths) library.overwrite(path);
    }),
  ];
  yield [
    "readdir",
    perSecond(LISTINGS, () => {
      for (let time = 0; time < LISTINGS; time++)
        if (library.readdir(`/folder${time % FOLDERS}`) !== FILES / FOLDERS) throw new Error("names are missing");
    }),
  ];
  yield ["unlink", perSecond(FILES, all(library.unlink))];
  if (library.sync === null) return;
  library.sync();
  yield [
    "create, write and sync",
    perSecond(FILES, () => {
      for (const path of paths) library.create(path);
      library.sync!();
    }),
  ];
  for (const path of paths) library.unlink(path);
  library.sync();
}

function perSecond(count: number, run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (count / (user + system)) * 1e6;
}
