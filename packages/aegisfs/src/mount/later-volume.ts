import type { Volume } from "../volume/volume.ts";

/** A volume that is mounted when somebody asks for it: that of a fork, which often has in memory what it needs. */
export class LaterVolume {
  readonly #mount: () => Volume;
  #volume: Volume | null = null;

  /** @param mount  called once at most, unless it throws */
  constructor(mount: () => Volume) {
    this.#mount = mount;
  }

  /** Null: nobody has asked for it yet. */
  get mounted(): Volume | null {
    return this.#volume;
  }

  get volume(): Volume {
    return (this.#volume ??= this.#mount());
  }
}
