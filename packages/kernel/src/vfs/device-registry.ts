import { stateClass } from "@stratos/base";

const ANY_MINOR = -1;

/**
 * Which driver serves a device number. Later registrations replace earlier ones.
 *
 * @typeParam Driver  `name` as in /proc/devices and /sys: "mem", "tty" …
 */
export class DeviceRegistry<Driver extends { readonly name: string }> {
  /** null: there are none. */
  #character: Table<Driver> | null = null;
  #block: Table<Driver> | null = null;
  /** Opens fifos, which have no number (fs/pipe). */
  fifo: Driver | null = null;
  /** Serves what has no driver here. */
  base: DeviceRegistry<Driver> | null = null;

  /** @param minor  a minor number, or −1: all that have no driver of their own */
  registerCharacter(major: number, minor: number, driver: Driver): void {
    register((this.#character ??= new Map()), major, minor, driver);
  }

  registerBlock(major: number, minor: number, driver: Driver): void {
    register((this.#block ??= new Map()), major, minor, driver);
  }

  character(device: number): Driver | null {
    return find(this.#character, device) ?? this.base?.character(device) ?? null;
  }

  block(device: number): Driver | null {
    return find(this.#block, device) ?? this.base?.block(device) ?? null;
  }

  /** Major numbers with the name of their first driver, for /proc/devices. */
  majors(kind: "character" | "block"): [number, string][] {
    const table = (kind === "character" ? this.#character : this.#block) ?? [];
    const names = new Map(this.base?.majors(kind));
    for (const [major, minors] of table) if (!names.has(major)) names.set(major, [...minors.values()][0]!.name);
    return [...names].sort((a, b) => a[0] - b[0]);
  }

  static {
    stateClass("DeviceRegistry", this, {
      save: (it) => ({ character: it.#character, block: it.#block }),
      load: (it, from) => ({ character: it.#character, block: it.#block } = from),
    });
  }
}

/** By major and minor number. */
type Table<Driver> = Map<number, Map<number, Driver>>;

function register<Driver>(table: Table<Driver>, major: number, minor: number, driver: Driver): void {
  let minors = table.get(major);
  if (minors === undefined) {
    minors = new Map();
    table.set(major, minors);
  }
  minors.set(minor, driver);
}

function find<Driver>(table: Table<Driver> | null, device: number): Driver | null {
  const minors = table?.get(majorOf(device));
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
