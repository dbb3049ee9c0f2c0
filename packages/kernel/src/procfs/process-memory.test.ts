/**
 * Goal: /proc/PID/pagemap and PROCMAP_QUERY tell of memory what it is. Method: a task whose areas and page table stand
 * in for a real address space's.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { E2BIG, EINVAL, ENOENT, ENOTTY, MAP_PRIVATE, PROCMAP_QUERY, PROT_READ, PROT_WRITE } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { CALL_WORK } from "../ground/call-work.ts";
import { AreaList } from "../mm/area-list.ts";
import { Area } from "../mm/area.ts";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";
import { mountAt } from "../vfs/boot-mounts.ts";
import { Procfs } from "./procfs.ts";

const BASE = 0x10000;

function machine(): { user: FileTask; frame: number } {
  const {
    test: { kernel },
    user,
  } = FileTask.create();
  mountAt(kernel, "/proc", new Procfs(kernel));
  const frame = kernel.frames.allocateZeroed(kernel.memory);
  const area = (start: number, pages: number, protection: number, label: string): Area =>
    new Area(start, start + pages * 4096, protection, MAP_PRIVATE, { file: null, pages: null, offset: 0, label });
  const areas = new AreaList(kernel.areaUsage);
  areas.insert(area(BASE, 2, PROT_READ, "[first]"));
  areas.insert(area(BASE + 0x8000, 1, PROT_READ | PROT_WRITE, "[heap]"));
  // The second page alone is in memory.
  const table = {
    forEach: (start: number, end: number, visit: (address: number, entry: number) => number): void =>
      void (start <= BASE + 4096 && end > BASE + 4096 && visit(BASE + 4096, (frame << 12) | 1)),
  };
  Object.assign(user.task.space, { areas, table, areaAt: (address: number) => areas.at(address) });
  return { user, frame };
}

it("pagemap says which pages are in memory, and where only to administrators", () => {
  const { user, frame } = machine();
  const fd = user.open("/proc/self/pagemap");
  user.call("lseek", fd, (BASE / 4096) * 8, 0);
  assert.equal(user.call("read", fd, BUFFER, 12), -EINVAL);
  assert.equal(user.call("read", fd, BUFFER, 24), 24);
  const entry = (index: number): bigint => user.memory.view.getBigUint64(BUFFER + index * 8, true);
  assert.deepEqual([entry(0), entry(2)], [0n, 0n]);
  assert.equal(entry(1) & 0x7fffffffffffffn, BigInt(frame));
  assert.equal(entry(1) >> 63n, 1n);
  user.call("lseek", fd, 0, 0);
  user.call("lseek", fd, (2 ** 38 / 4096) * 8, 0);
  assert.equal(user.call("read", fd, BUFFER, 8), 0, "the end of the address space");
  user.task.credentials = { ...user.task.credentials, effective: 0 };
  user.call("pread64", fd, BUFFER, 24, (BASE / 4096) * 8);
  assert.equal(entry(1) & 0x7fffffffffffffn, 0n);
});

it("sums over very many areas are made in pieces, and are those of all areas", () => {
  const {
    test: { kernel },
    user,
  } = FileTask.create();
  mountAt(kernel, "/proc", new Procfs(kernel));
  const { work } = kernel;
  const count = 10_000;
  const areas = new AreaList(kernel.areaUsage);
  const range = { file: null, pages: null, offset: 0, label: "" };
  for (let at = 1; at <= count; at++)
    areas.insert(new Area(at * 8192, at * 8192 + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, range));
  const frame = kernel.frames.allocateZeroed(kernel.memory);
  // Each area has its one page in memory.
  const table = {
    residentPages: count,
    measure: (_start: number, end: number) => end,
    forEach: (start: number, _end: number, visit: (address: number, entry: number) => number): void =>
      void visit(start, (frame << 12) | 1),
  };
  Object.assign(user.task.space, { areas, table });
  let most = 0;
  const begin = work.begin.bind(work);
  work.begin = () => {
    most = Math.max(most, work.spent);
    begin();
  };
  const text = (name: string): string => {
    const fd = user.open(`/proc/self/${name}`);
    const length = user.call("read", fd, BUFFER, 4096);
    assert.equal(user.call("read", fd, BUFFER + 4096, 64), 0, "all of it was there");
    assert.equal(user.call("pread64", fd, BUFFER + 8192, 16, length - 16), 16);
    return byteString(user.memory.u8, BUFFER, BUFFER + length);
  };
  assert.match(text("status"), new RegExp(`VmData:\\s+${count * 4} kB`));
  assert.match(text("smaps_rollup"), new RegExp(`Rss:\\s+${count * 4} kB`));
  assert.equal(text("statm").split(" ")[5], String(count));
  assert.ok(most >= CALL_WORK && most < CALL_WORK + 100, `${most} units in one piece`);
});

it("statm counts as shared what is a file's or shared memory, and nothing private", () => {
  const { user } = machine();
  const { areas } = user.task.space;
  Object.assign(user.task.space.table, { residentPages: 1, measure: (_start: number, end: number) => end });
  const shared = (): string => (user.get("/proc/self/statm") as string).split(" ")[2]!;
  assert.equal(shared(), "0");
  const [first] = areas;
  assert.equal(user.call("memfd_create", "file", 0), 0);
  const file = user.task.files.get(0);
  Object.assign(first!, { file, pages: file!.mapping(0, 4096) });
  assert.equal(shared(), "1", "its page that is in memory");
});

it("PROCMAP_QUERY finds the area at an address, or the next that is what is asked for", () => {
  const { user } = machine();
  const fd = user.open("/proc/self/maps");
  const { view, u8 } = user.memory;
  const query = (address: number, flags: number, { size = 104, name = 0 } = {}): number => {
    u8.fill(0, BUFFER, BUFFER + 200);
    view.setUint32(BUFFER, size, true);
    view.setUint32(BUFFER + 8, flags, true);
    view.setUint32(BUFFER + 16, address, true);
    if (name > 0) {
      view.setUint32(BUFFER + 80, name, true);
      view.setUint32(BUFFER + 88, BUFFER + 120, true);
    }
    return user.call("ioctl", fd, PROCMAP_QUERY, BUFFER);
  };
  assert.equal(query(BASE + 5000, 0, { name: 32 }), 0);
  assert.deepEqual(
    [24, 32, 40, 48, 80].map((at) => view.getUint32(BUFFER + at, true)),
    [BASE, BASE + 8192, 1, 4096, 8],
  );
  assert.equal(String.fromCharCode(...u8.subarray(BUFFER + 120, BUFFER + 127)), "[first]");
  assert.equal(query(BASE - 1, 0), -ENOENT);
  assert.equal(query(BASE - 1, 0x10), 0);
  assert.equal(query(BASE, 2), -ENOENT, "it isn't writable");
  assert.equal(query(BASE, 0x12), 0);
  assert.equal(view.getUint32(BUFFER + 24, true), BASE + 0x8000);
  assert.equal(query(BASE, 0x40), -EINVAL);
  assert.equal(query(BASE, 0, { size: 8 }), -EINVAL);
  assert.equal(query(BASE, 0, { size: 8192 }), -E2BIG);
  assert.equal(user.call("ioctl", fd, 0x1234, BUFFER), -ENOTTY);
});
