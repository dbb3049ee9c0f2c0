import { O_CLOEXEC, O_RDWR } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { isRuleFor, type LandlockLayer, type RuleOwner } from "../security/landlock.ts";
import type { Inode } from "../vfs/inode.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { VfsKernel } from "../vfs/vfs-kernel.ts";

/** A ruleset of landlock(7) that is put together: what it handles, and what its rules grant. */
export class LandlockRulesetFile extends OpenFile {
  readonly layer: LandlockLayer;
  /** By device, then inode number. */
  readonly files = new Map<number, Map<number, number>>();
  /** Whom these are for: as long as the ruleset, or who has taken it, is there. */
  readonly owners = new Map<number, Map<number, RuleOwner>>();
  readonly ports = new Map<number, number>();
  /** Of files and ports. */
  count = 0;
  #kernel: VfsKernel;

  constructor(kernel: VfsKernel, layer: LandlockLayer) {
    super(O_RDWR | O_CLOEXEC, null, null);
    this.#kernel = kernel;
    this.layer = layer;
  }

  override get description(): string {
    return "anon_inode:[landlock-ruleset]";
  }

  addFile(owner: Inode, rights: number): void {
    const { ino } = owner,
      { device } = owner.fileSystem;
    let own = this.files.get(device),
      owners = this.owners.get(device);
    if (own === undefined) this.files.set(device, (own = new Map<number, number>()));
    if (owners === undefined) this.owners.set(device, (owners = new Map<number, RuleOwner>()));
    // Another file has got its number.
    if (!isRuleFor(owners.get(ino), owner) && own.has(ino)) own.set(ino, 0);
    owners.set(ino, owner);
    this.#add(own, ino, rights);
  }

  addPort(port: number, rights: number): void {
    this.#add(this.ports, port, rights);
  }

  #add(rules: Map<number, number>, key: number, rights: number): void {
    const before = rules.get(key);
    rules.set(key, (before ?? 0) | rights);
    if (before !== undefined) return;
    this.count++;
    this.#kernel.vfs.landlockRules++;
  }

  protected override dispose(): void {
    this.#kernel.vfs.landlockRules -= this.count;
    this.count = 0;
  }

  static {
    // One that is put together when it is saved goes on by numbers alone; who has taken one keeps its owners.
    stateClass(
      "LandlockRulesetFile",
      this,
      { save: (it) => ({ kernel: it.#kernel }), load: (it, from) => ({ kernel: it.#kernel } = from) },
      { keeps: ["owners"] },
    );
  }
}
