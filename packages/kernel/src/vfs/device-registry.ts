import { stateClass } from "@stratos/base";
import type { Inode } from "./inode.ts";
import type { OpenFile } from "./open-file.ts";
import type { Path } from "./path.ts";
import type { Caller } from "./vfs-kernel.ts";

interface DeviceDriver {
  /** As in /proc/devices and /sys: "mem", "tty" … */
  readonly name: string;
  /**
   * Opens a device: a new description, or a negated errno (or BLOCKED, BLOCKED_EINTR).
   * @param flags  O_* of open(2)
   */
  open(task: Caller, inode: Inode, flags: number, path: Path): OpenFile | number;
}

const ANY_MINOR = -1;

/** Which driver serves a device number. Later registrations replace earlier ones. */
export class DeviceRegistry {
  #character = new Map<number, Map<number, DeviceDriver>>();
  #block = new Map<number, Map<number, DeviceDriver>>();
  /** Opens fifos, which have no number (fs/pipe). */
  fifo: DeviceDriver | null = null;

  /** @param minor  a minor number, or −1: all that have no driver of their own */
  registerCharacter(major: number, minor: number, driver: DeviceDriver): void {
    register(this.#character, major, minor, driver);
  }

  registerBlock(major: number, minor: number, driver: DeviceDriver): void {
    register(this.#block, major, minor, driver);
  }

  character(device: number): DeviceDriver | null {
    return find(this.#character, device);
  }

  block(device: number): DeviceDriver | null {
    return find(this.#block, device);
  }

  /** Major numbers with the name of their first driver, for /proc/devices. */
  majors(kind: "character" | "block"): [number, string][] {
    const table = kind === "character" ? this.#character : this.#block;
    return [...table]
      .map(([major, minors]): [number, string] => [major, [...minors.values()][0]!.name])
      .sort((a, b) => a[0] - b[0]);
  }

  static {
    stateClass("DeviceRegistry", this, {
      save: (it) => ({ character: it.#character, block: it.#block }),
      load: (it, from) => ({ character: it.#character, block: it.#block } = from),
    });
  }
}

function register(
  table: Map<number, Map<number, DeviceDriver>>,
  major: number,
  minor: number,
  driver: DeviceDriver,
): void {
  let minors = table.get(major);
  if (minors === undefined) {
    minors = new Map();
    table.set(major, minors);
  }
  minors.set(minor, driver);
}

function find(table: Map<number, Map<number, DeviceDriver>>, device: number): DeviceDriver | null {
  const minors = table.get(majorOf(device));
  return minors?.get(minorOf(device)) ?? minors?.get(ANY_MINOR) ?? null;
}

/** makedev(3): the 64-bit st_rdev layout; for numbers below 2^12 and 2^20 it fits a double's integers. */
export function makeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8)) + Math.floor(minor / 256) * 0x100000;
}

export function majorOf(device: number): number {
  return (device >>> 8) & 0xfff;
}

export function minorOf(device: number): number {
  return (device & 0xff) | (Math.floor(device / 0x100000) << 8);
}
