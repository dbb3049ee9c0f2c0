/** Goal: /dev/rtc0 as rtc(4) says. Method: system calls of a task in virtual time. */
import assert from "node:assert/strict";
import { beforeEach, it } from "node:test";
import {
  EACCES,
  EAGAIN,
  EBUSY,
  EINVAL,
  ENOTTY,
  O_NONBLOCK,
  O_RDWR,
  POLLIN,
  RTC_AF,
  RTC_AIE_OFF,
  RTC_AIE_ON,
  RTC_ALM_READ,
  RTC_ALM_SET,
  RTC_IRQF,
  RTC_IRQP_READ,
  RTC_IRQP_SET,
  RTC_PF,
  RTC_PIE_OFF,
  RTC_PIE_ON,
  RTC_RD_TIME,
  RTC_SET_TIME,
  RTC_UF,
  RTC_UIE_OFF,
  RTC_UIE_ON,
  RTC_WKALM_RD,
  RTC_WKALM_SET,
} from "@stratos/abi";
import { civilTime } from "@stratos/formats/calendar";
import { mountAt } from "../vfs/boot-mounts.ts";
import { devtmpfsOf } from "../fs/devtmpfs/devtmpfs.ts";
import { Procfs } from "../procfs/procfs.ts";
import { Sysfs } from "../sysfs/sysfs.ts";
import { advance, type TestKernel } from "../testing/fake-task.ts";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";
import { registerRealTimeClock } from "./real-time-clock-file.ts";

let test: TestKernel;
let user: FileTask;

beforeEach(() => {
  ({ test, user } = FileTask.create());
  registerRealTimeClock(test.kernel.vfs.devices);
  mountAt(test.kernel, "/dev", devtmpfsOf(test.kernel));
});

function open(): number {
  const fd = user.open("/dev/rtc", O_RDWR | O_NONBLOCK);
  assert.ok(fd >= 0);
  return fd;
}

const ask = (fd: number, command: number, argument = BUFFER): number => user.call("ioctl", fd, command, argument);
const int = (at: number): number => user.memory.loadU32(BUFFER + 4 * at) | 0;

/** Second, minute, hour, day, month, year, day of the week and of the year, at the buffer. */
function time(at = 0): number[] {
  return Array.from({ length: 9 }, (_, index) => int(at + index));
}

function put(values: readonly number[], at = 0): void {
  values.forEach((value, index) => user.memory.storeU32(BUFFER + 4 * (at + index), value >>> 0));
}

/** The kernel's whole second, and how long it lasts. */
function now(): { seconds: number; leftMs: number } {
  const { seconds, nanoseconds } = test.kernel.realtime();
  return { seconds, leftMs: (1e9 - nanoseconds) / 1e6 };
}

/** What read(2) gives: interrupts, and which. */
function interrupts(fd: number): number | { count: number; which: number } {
  const length = user.call("read", fd, BUFFER, 8);
  return length === 8 ? { count: int(0) >>> 8, which: int(0) & 0xff } : length;
}

it("tells the host's time in UTC, whatever CLOCK_REALTIME was set to", () => {
  const fd = open();
  assert.equal(ask(fd, RTC_RD_TIME), 0);
  const { year, month, day, hour, minute, second } = civilTime(now().seconds);
  assert.deepEqual(time().slice(0, 6), [second, minute, hour, day, month - 1, year - 1900]);
  const before = time();
  test.kernel.setRealtime(86400, 0);
  assert.equal(ask(fd, RTC_RD_TIME), 0);
  assert.deepEqual(time(), before);
  assert.equal(ask(fd, 0x7099), -ENOTTY);
});

it("is set by who may, to times that there are", () => {
  const fd = open();
  // A Tuesday, the 60th day of its year.
  const leap = [59, 59, 23, 29, 1, 100, 0, 0, 0];
  put(leap);
  assert.equal(ask(fd, RTC_SET_TIME), 0);
  assert.equal(ask(fd, RTC_RD_TIME), 0);
  assert.deepEqual(time(), [59, 59, 23, 29, 1, 100, 2, 59, 0]);
  advance(test, 1000);
  assert.equal(ask(fd, RTC_RD_TIME), 0);
  assert.deepEqual(time(), [0, 0, 0, 1, 2, 100, 3, 60, 0]);
  for (const wrong of [
    [0, 0, 0, 29, 1, 101],
    [0, 0, 0, 0, 0, 100],
    [60, 0, 0, 1, 0, 100],
    [0, 0, 24, 1, 0, 100],
    [0, 0, 0, 1, 12, 100],
    [0, 0, 0, 1, 0, 69],
    [-1, 0, 0, 1, 0, 100],
  ]) {
    put(wrong);
    assert.equal(ask(fd, RTC_SET_TIME), -EINVAL, wrong.join());
  }
  user.becomeUser(1000);
  put(leap);
  assert.equal(ask(fd, RTC_SET_TIME), -EACCES);
  assert.equal(user.open("/dev/rtc0", O_RDWR), -EACCES);
});

it("one file has it at a time", () => {
  const fd = open();
  assert.equal(user.open("/dev/rtc0", O_RDWR), -EBUSY);
  user.call("close", fd);
  open();
});

it("interrupts when a second begins, for who asked, and until it is closed", () => {
  const fd = open();
  assert.equal(interrupts(fd), -EAGAIN);
  assert.equal(user.call("read", fd, BUFFER, 3), -EINVAL);
  assert.equal(ask(fd, RTC_UIE_ON), 0);
  advance(test, now().leftMs - 1);
  assert.equal(interrupts(fd), -EAGAIN);
  advance(test, 2);
  assert.equal(user.task.files.get(fd)!.poll() & POLLIN, POLLIN);
  assert.deepEqual(interrupts(fd), { count: 1, which: RTC_IRQF | RTC_UF });
  for (let second = 0; second < 3; second++) advance(test, 1000);
  assert.deepEqual(interrupts(fd), { count: 3, which: RTC_IRQF | RTC_UF });
  assert.equal(ask(fd, RTC_UIE_OFF), 0);
  advance(test, 2000);
  assert.equal(interrupts(fd), -EAGAIN);
  ask(fd, RTC_UIE_ON);
  user.call("close", fd);
  advance(test, 1000);
  assert.equal(interrupts(open()), -EAGAIN);
});

it("interrupts at a rate, a fast one for who may", () => {
  const fd = open();
  assert.equal(ask(fd, RTC_IRQP_READ), 0);
  assert.equal(int(0), 1);
  assert.equal(ask(fd, RTC_IRQP_SET, 0), -EINVAL);
  assert.equal(ask(fd, RTC_IRQP_SET, 8193), -EINVAL);
  assert.equal(ask(fd, RTC_IRQP_SET, 4), 0);
  assert.equal(ask(fd, RTC_PIE_ON), 0);
  for (let quarter = 0; quarter < 4; quarter++) advance(test, 250);
  assert.deepEqual(interrupts(fd), { count: 4, which: RTC_IRQF | RTC_PF });
  advance(test, 880);
  assert.deepEqual(interrupts(fd), { count: 3, which: RTC_IRQF | RTC_PF }, "the machine was late");
  advance(test, 120);
  assert.deepEqual(interrupts(fd), { count: 1, which: RTC_IRQF | RTC_PF }, "the next one is not");
  assert.equal(ask(fd, RTC_PIE_OFF), 0);
  assert.equal(ask(fd, RTC_IRQP_SET, 128), 0);
  user.becomeUser(1000);
  assert.equal(ask(fd, RTC_PIE_ON), -EACCES);
  assert.equal(ask(fd, RTC_IRQP_SET, 65), -EACCES);
  assert.equal(ask(fd, RTC_IRQP_SET, 64), 0);
});

it("an alarm comes once, and stays when the device is closed", () => {
  mountAt(test.kernel, "/sys", new Sysfs(test.kernel));
  const fd = open();
  const wakealarm = "/sys/class/rtc/rtc0/wakealarm";
  assert.equal(ask(fd, RTC_WKALM_RD), 0);
  assert.deepEqual([int(0), ...time(1).slice(0, 6)], [0, 0, 0, 0, 1, 0, 70], "there is none");
  assert.equal(user.get(wakealarm), "");
  const at = now().seconds + 3;
  const { year, month, day, hour, minute, second } = civilTime(at);
  const wanted = [second, minute, hour, day, month - 1, year - 1900];
  put([1, ...wanted, 0, 0, 0]);
  assert.equal(ask(fd, RTC_WKALM_SET), 0);
  assert.equal(user.get(wakealarm), `${at}\n`);
  assert.equal(ask(fd, RTC_WKALM_RD), 0);
  assert.deepEqual([int(0), ...time(1).slice(0, 6)], [1, ...wanted]);
  advance(test, 1000);
  assert.equal(interrupts(fd), -EAGAIN);
  user.call("close", fd);
  const again = open();
  advance(test, 2000);
  assert.deepEqual(interrupts(again), { count: 1, which: RTC_IRQF | RTC_AF });
  assert.equal(user.get(wakealarm), "");
  advance(test, 5000);
  assert.equal(interrupts(again), -EAGAIN);
  put([1, ...wanted, 0, 0, 0]);
  assert.equal(ask(again, RTC_WKALM_SET), 0, "one that is over comes at once");
  advance(test, 0);
  assert.deepEqual(interrupts(again), { count: 1, which: RTC_IRQF | RTC_AF });
});

it("an alarm at a time of day is today's, or tomorrow's, and waits for AIE", () => {
  const fd = open();
  put([0, 0, 12, 10, 5, 100]);
  assert.equal(ask(fd, RTC_SET_TIME), 0);
  put([30, 0, 12]);
  assert.equal(ask(fd, RTC_ALM_SET), 0);
  assert.equal(ask(fd, RTC_ALM_READ), 0);
  assert.deepEqual(time().slice(0, 6), [30, 0, 12, 10, 5, 100]);
  advance(test, 40_000);
  assert.equal(interrupts(fd), -EAGAIN);
  put([30, 0, 12]);
  assert.equal(ask(fd, RTC_ALM_SET), 0);
  assert.equal(ask(fd, RTC_ALM_READ), 0);
  assert.deepEqual(time().slice(0, 6), [30, 0, 12, 11, 5, 100]);
  put([50, 0, 12]);
  assert.equal(ask(fd, RTC_ALM_SET), 0);
  assert.equal(ask(fd, RTC_AIE_ON), 0);
  advance(test, 10_000);
  assert.deepEqual(interrupts(fd), { count: 1, which: RTC_IRQF | RTC_AF });
  put([59, 0, 12]);
  assert.equal(ask(fd, RTC_ALM_SET), 0);
  assert.equal(ask(fd, RTC_AIE_ON), 0);
  assert.equal(ask(fd, RTC_AIE_OFF), 0);
  advance(test, 60_000);
  assert.equal(interrupts(fd), -EAGAIN);
  put([0, 60, 12]);
  assert.equal(ask(fd, RTC_ALM_SET), -EINVAL);
});

it("/sys and /proc tell of it", () => {
  mountAt(test.kernel, "/sys", new Sysfs(test.kernel));
  mountAt(test.kernel, "/proc", new Procfs(test.kernel));
  const fd = open();
  put([5, 4, 3, 2, 0, 123]);
  assert.equal(ask(fd, RTC_SET_TIME), 0);
  assert.equal(user.get("/sys/class/rtc/rtc0/date"), "2023-01-02\n");
  assert.equal(user.get("/sys/class/rtc/rtc0/time"), "03:04:05\n");
  assert.equal(user.get("/sys/class/rtc/rtc0/since_epoch"), "1672628645\n");
  assert.match(user.get("/proc/driver/rtc") as string, /^rtc_time\t: 03:04:05\nrtc_date\t: 2023-01-02\nalrm_time\t: /);
});
