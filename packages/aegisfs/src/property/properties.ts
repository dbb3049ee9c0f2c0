/**
 * Named values of a volume, kept in its volume tree (FORMAT.md §9.1): what its tools remember with it, such as snapshot
 * schedules. Names are byte strings of 1 … 255 bytes, values up to 3 KiB. A change is durable with the next commit,
 * like everything else.
 */
import { E2BIG, EINVAL, ENODATA } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { Failure } from "../failure.ts";
import { Operation, type VolumeObserver } from "../file/operation.ts";
import { hashName, nameHash } from "../file/name-hash.ts";
import { KIND_PROPERTY, keyMiddle } from "../format/key.ts";
import { Room } from "../space/reserve.ts";
import type { VolumeSpace } from "../space/volume-space.ts";

const PROPERTY_SIZE_MAX = 3072;
const HEADER_SIZE = 4;

/** The volume, whose operations these are: see `Volume` for what its methods mean. */
interface PropertyVolume extends Pick<VolumeSpace, "tree" | "superblock"> {
  readonly observer: VolumeObserver | null;
  begin(room: Room): number;
  end(): void;
  abort(thrown: unknown): number;
  readFailed(thrown: unknown): number;
}

export class Properties {
  readonly #volume: PropertyVolume;

  constructor(volume: PropertyVolume) {
    this.#volume = volume;
  }

  /** −ENODATA when there is none of that name. */
  get(name: string): Uint8Array | number {
    const { tree } = this.#volume;
    try {
      if (!this.#find(name)) return -ENODATA;
      return tree.bytes.slice(tree.offset + HEADER_SIZE + name.length, tree.offset + tree.length);
    } catch (thrown) {
      return this.#volume.readFailed(thrown);
    }
  }

  /** All names, in the order of their hashes. */
  names(): string[] | number {
    const { tree } = this.#volume;
    const names: string[] = [];
    try {
      for (
        let more = tree.ceiling(0, keyMiddle(KIND_PROPERTY, 0), 0);
        more && tree.key(0) === 0 && tree.key(1) >>> 24 === KIND_PROPERTY;
        more = tree.next()
      ) {
        names.push(
          byteString(tree.bytes, tree.offset + HEADER_SIZE, tree.offset + HEADER_SIZE + tree.bytes[tree.offset]!),
        );
      }
      return names;
    } catch (thrown) {
      return this.#volume.readFailed(thrown);
    }
  }

  /** −EINVAL for a bad name, −E2BIG for a value that is too long, −ENOSPC, −EROFS. */
  set(name: string, value: Uint8Array): number {
    if (name.length === 0 || name.length > 255) return -EINVAL;
    if (value.length > PROPERTY_SIZE_MAX) return -E2BIG;
    const volume = this.#volume;
    const failed = volume.begin(Room.settings);
    if (failed < 0) return failed;
    try {
      this.store(name, value);
      volume.observer?.changed(0, Operation.setProperty, 0, 0, name, 0, "", 0, value.length);
      return 0;
    } catch (thrown) {
      return volume.abort(thrown);
    } finally {
      volume.end();
    }
  }

  /** The same inside of a transaction, untold. Throws Failure. */
  store(name: string, value: Uint8Array): void {
    const { tree, superblock } = this.#volume;
    const size = HEADER_SIZE + name.length + value.length;
    let offset: number;
    if (this.#find(name)) offset = tree.replace(tree.key(0), tree.key(1), tree.key(2), size);
    else {
      hashName(name, superblock.hashSeed);
      const middle = keyMiddle(KIND_PROPERTY, nameHash.high);
      const low = (nameHash.low << 8) >>> 0;
      let collision = 0;
      while (tree.find(0, middle, low + collision)) if (++collision === 256) throw new Failure("no-space", -1);
      offset = tree.insert(0, middle, low + collision, size);
    }
    const { bytes } = tree;
    bytes.fill(0, offset, offset + HEADER_SIZE);
    bytes[offset] = name.length;
    for (let index = 0; index < name.length; index++) bytes[offset + HEADER_SIZE + index] = name.charCodeAt(index);
    bytes.set(value, offset + HEADER_SIZE + name.length);
  }

  /** −ENODATA when there is none of that name. */
  remove(name: string): number {
    const volume = this.#volume;
    const failed = volume.begin(Room.settings);
    if (failed < 0) return failed;
    try {
      const { tree } = volume;
      if (!this.#find(name)) return -ENODATA;
      tree.remove(tree.key(0), tree.key(1), tree.key(2));
      volume.observer?.changed(0, Operation.removeProperty, 0, 0, name, 0, "", 0, 0);
      return 0;
    } catch (thrown) {
      return volume.abort(thrown);
    } finally {
      volume.end();
    }
  }

  /** Positions the volume tree on the property. Throws Failure. */
  #find(name: string): boolean {
    const { tree, superblock } = this.#volume;
    hashName(name, superblock.hashSeed);
    const middle = keyMiddle(KIND_PROPERTY, nameHash.high);
    const low = (nameHash.low << 8) >>> 0;
    for (
      let more = tree.ceiling(0, middle, low);
      more && tree.key(0) === 0 && tree.key(1) === middle && tree.key(2) >>> 8 === low >>> 8;
      more = tree.next()
    ) {
      if (
        tree.bytes[tree.offset] === name.length &&
        byteString(tree.bytes, tree.offset + HEADER_SIZE, tree.offset + HEADER_SIZE + name.length) === name
      )
        return true;
    }
    return false;
  }
}
