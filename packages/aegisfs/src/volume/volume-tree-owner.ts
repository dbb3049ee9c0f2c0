import { NODE_BLOCKS } from "../format/geometry.ts";
import type { VolumeSpace } from "../space/volume-space.ts";
import type { NodeOwner } from "../tree/tree.ts";

/** The volume tree's own nodes have one owner: no snapshot ever shares them. */
export class VolumeTreeOwner implements NodeOwner {
  readonly #volume: VolumeSpace;

  constructor(volume: VolumeSpace) {
    this.#volume = volume;
  }

  get generation(): number {
    return this.#volume.generation;
  }

  allocateNode(): number {
    return this.#volume.space.allocateNode();
  }

  releaseNode(block: number): void {
    if (block >= this.#volume.store.topStart) this.#volume.space.release(block, NODE_BLOCKS);
  }

  isShared(): boolean {
    return false;
  }

  shareChildren(): void {}
}
