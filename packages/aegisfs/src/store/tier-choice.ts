/**
 * Which allocation groups new data goes to, on a volume with fast and slow devices (format/properties.ts says what a
 * file may want).
 */
import { GROUP_BLOCKS } from "../format/geometry.ts";
import { CLASS_FAST, CLASS_SLOW } from "../format/pool-table.ts";
import { TIER_ANY, TIER_SLOW, TIER_UNSET } from "../format/properties.ts";
import { groupsOf } from "./layout.ts";
import type { Layout } from "./layout.ts";

const CHOICES_BETWEEN_COUNTS = 64;

export class TierChoice {
  #layout: Layout;
  /** Blocks of a group that can be taken. */
  readonly #availableIn: (group: number) => number;
  /** Class of each group; null when all are of one class. */
  #classes: Map<number, number> | null = null;
  /** Class of devices that data is to go to while there is room, −1 for any. */
  #wanted = -1;
  #chosen = 0;
  #automatic = false;
  /** Blocks that the fast devices can take before they count as full, by the last count. */
  #fastRoom = 0;

  constructor(layout: Layout, availableIn: (group: number) => number) {
    this.#layout = layout;
    this.#availableIn = availableIn;
    this.setLayout(layout);
  }

  setLayout(layout: Layout): void {
    const { segments } = layout;
    this.#layout = layout;
    this.#classes = null;
    if (segments.every((segment) => segment.class === segments[0]!.class)) return;
    this.#classes = new Map(groupsOf(layout).map((index) => [index, layout.segmentAt(index * GROUP_BLOCKS)!.class]));
  }

  /** Are there fast and slow groups? */
  get areMixed(): boolean {
    return this.#classes !== null;
  }

  /** Is the data that comes next wanted in some groups rather than in others? */
  get isPicky(): boolean {
    return this.#classes !== null && this.#wanted >= 0;
  }

  isFast(group: number): boolean {
    return this.#classes!.get(group) === CLASS_FAST;
  }

  /** May data that is wanted elsewhere be put into this group? */
  isWanted(group: number): boolean {
    return this.#classes === null || this.#wanted < 0 || this.#classes.get(group) === this.#wanted;
  }

  /**
   * Says to which tier (TIER_*) the data goes that is allocated from now on. Unset: to fast devices while a tenth of
   * them is free.
   */
  choose(tier: number): void {
    this.#wanted = tier === TIER_ANY ? -1 : tier === TIER_SLOW ? CLASS_SLOW : CLASS_FAST;
    this.#automatic = tier === TIER_UNSET && this.#classes !== null;
    if (this.#automatic && this.#fastIsFull()) this.#wanted = CLASS_SLOW;
  }

  /** So many blocks were taken where they were wanted. */
  took(blocks: number): void {
    if (this.#wanted !== CLASS_FAST) return;
    this.#fastRoom -= blocks;
    // In the middle of a long file.
    if (this.#automatic && this.#fastIsFull()) this.#wanted = CLASS_SLOW;
  }

  /** Counting takes a look at every group: it is done again when as much was taken as there was. */
  #fastIsFull(): boolean {
    if (this.#fastRoom > 0) return false;
    if (this.#fastRoom <= 0 && this.#chosen++ % CHOICES_BETWEEN_COUNTS !== 0) return true;
    let free = 0;
    let all = 0;
    for (const index of groupsOf(this.#layout)) {
      if (this.#classes!.get(index) === CLASS_SLOW) continue;
      free += this.#availableIn(index);
      all += this.#layout.usable(index);
    }
    this.#fastRoom = free - all / 10;
    return this.#fastRoom <= 0;
  }
}
