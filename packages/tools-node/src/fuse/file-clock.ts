import { fstatSync, futimesSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KernelTime } from "@stratos/fuse";

const SECOND = 1_000_000_000n;
/** A file system in memory, where changing a file costs least. */
const MEMORY = "/dev/shm";

/**
 * Linux's clock of files, seen at a file of our own without a name: what sets its times is stamped with now
 * (notify_change). Since Linux 6.13 some file systems are stamped by a finer clock when somebody has looked; all others
 * are then not stamped with less (timekeeping.c, ktime_get_coarse_real_ts64_mg), so that the order holds.
 */
export class FileClock implements KernelTime {
  seconds = 0;
  nanoseconds = 0;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** @returns null where no file can be made */
  static open(): FileClock | null {
    for (const place of [MEMORY, tmpdir()]) {
      try {
        const folder = mkdtempSync(join(place, "stratos-clock-"));
        try {
          return new FileClock(openSync(join(folder, "clock"), "wx", 0o600));
        } finally {
          rmSync(folder, { recursive: true });
        }
      } catch {
        // The next.
      }
    }
    return null;
  }

  read(): void {
    // Audits of hosts watch changes of modes and owners, of times they don't.
    futimesSync(this.#fd, 0, 0);
    // A double of milliseconds is a quarter of a microsecond wide: an order would be lost in it.
    const { ctimeNs } = fstatSync(this.#fd, { bigint: true });
    this.nanoseconds = Number(ctimeNs % SECOND);
    this.seconds = Number(ctimeNs / SECOND);
  }
}
