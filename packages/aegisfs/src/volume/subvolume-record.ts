/** The item of a subvolume in the volume tree, written and read. Layout: format/subvolume-item.ts. */
import { byteString } from "@stratos/base";
import { KIND_SUBVOLUME, keyMiddle } from "../format/key.ts";
import {
  SUBVOLUME_AT_BASE,
  SUBVOLUME_AT_FLAGS,
  SUBVOLUME_AT_GENERATION,
  SUBVOLUME_AT_INODES,
  SUBVOLUME_AT_LABEL_LENGTH,
  SUBVOLUME_AT_NAME_LENGTH,
  SUBVOLUME_AT_NEXT_INO,
  SUBVOLUME_AT_PARENT,
  SUBVOLUME_AT_PROPERTIES,
  SUBVOLUME_AT_ROOT,
  SUBVOLUME_AT_TIME,
  SUBVOLUME_NAME_OFFSET,
} from "../format/subvolume-item.ts";
import type { Tree } from "../tree/tree.ts";

/** What does not change as long as it lives, and its flags at first. */
export interface SubvolumeOrigin {
  readonly id: number;
  readonly name: string;
  readonly parent: number;
  readonly flags: number;
  readonly generation: number;
  readonly seconds: number;
  readonly label: string;
}

/** All that its item says. */
interface SubvolumeRecord extends SubvolumeOrigin {
  readonly tree: Tree;
  readonly base: number;
  readonly nextIno: number;
  readonly inodes: number;
  readonly properties: number;
}

/** Throws Failure. */
export function putSubvolumeItem(tree: Tree, subvolume: SubvolumeRecord): void {
  const offset = tree.replace(
    0,
    keyMiddle(KIND_SUBVOLUME, 0),
    subvolume.id,
    SUBVOLUME_NAME_OFFSET + subvolume.name.length + subvolume.label.length,
  );
  const words = tree.words;
  const at = offset >>> 2;
  words.fill(0, at, at + SUBVOLUME_NAME_OFFSET / 4);
  words.set(subvolume.tree.root, at + SUBVOLUME_AT_ROOT);
  words[at + SUBVOLUME_AT_BASE] = subvolume.base;
  words[at + SUBVOLUME_AT_NEXT_INO] = subvolume.nextIno;
  words[at + SUBVOLUME_AT_FLAGS] = subvolume.flags;
  words[at + SUBVOLUME_AT_PARENT] = subvolume.parent;
  words[at + SUBVOLUME_AT_GENERATION] = subvolume.generation >>> 0;
  words[at + SUBVOLUME_AT_GENERATION + 1] = Math.floor(subvolume.generation / 0x100000000);
  words[at + SUBVOLUME_AT_TIME] = subvolume.seconds >>> 0;
  words[at + SUBVOLUME_AT_TIME + 1] = Math.floor(subvolume.seconds / 0x100000000) >>> 0;
  words[at + SUBVOLUME_AT_INODES] = subvolume.inodes;
  words[at + SUBVOLUME_AT_PROPERTIES] = subvolume.properties;
  words[at + SUBVOLUME_AT_NAME_LENGTH] = subvolume.name.length;
  words[at + SUBVOLUME_AT_LABEL_LENGTH] = subvolume.label.length;
  const text = subvolume.name + subvolume.label;
  for (let index = 0; index < text.length; index++)
    tree.bytes[offset + SUBVOLUME_NAME_OFFSET + index] = text.charCodeAt(index);
}

/** Name and label in the item at the tree's position. */
export function subvolumeTexts({ bytes, words, offset, length }: Tree): { name: string; label: string } {
  const at = offset >>> 2;
  const start = offset + SUBVOLUME_NAME_OFFSET;
  const middle = start + Math.min(255, words[at + SUBVOLUME_AT_NAME_LENGTH]!);
  return {
    name: byteString(bytes, start, middle),
    label: byteString(bytes, middle, Math.min(middle + words[at + SUBVOLUME_AT_LABEL_LENGTH]!, offset + length)),
  };
}
