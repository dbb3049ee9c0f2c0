/**
 * Who is at which port. Two steps of 256, for a Map of many that come and go is laid out anew all the time: where 16384
 * ports waited, one more connection cost 25 µs in it.
 */
import { stateClass } from "@stratos/base";

const PAGE = 256;

/** Bound: 65536 ports. */
export class PortMap<T> {
  #pages = new Array<PortPage<T> | null>(PAGE).fill(null);

  get(port: number): T | null {
    const page = this.#pages[port >>> 8]!;
    return page === null ? null : page.slots[port & 0xff]!;
  }

  /** @param value  null: nobody is */
  set(port: number, value: T | null): void {
    let page = this.#pages[port >>> 8]!;
    if (page === null) {
      if (value === null) return;
      page = this.#pages[port >>> 8] = new PortPage();
    }
    const before = page.slots[port & 0xff]!;
    page.slots[port & 0xff] = value;
    page.count += (value === null ? 0 : 1) - (before === null ? 0 : 1);
    if (page.count === 0) this.#pages[port >>> 8] = null;
  }

  static {
    stateClass("PortMap", this, {
      save: (it) => ({ pages: it.#pages }),
      load: (it, from) => ({ pages: it.#pages } = from as never),
    });
  }
}

class PortPage<T> {
  readonly slots = new Array<T | null>(PAGE).fill(null);
  count = 0;

  static {
    stateClass("PortPage", this);
  }
}
