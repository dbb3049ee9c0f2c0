/**
 * Control groups (cgroups(7), version 2; Linux Documentation/admin-guide/cgroup-v2.rst): a tree in which each thread
 * has a place, those of a process together but in threaded groups (task/threaded-groups.ts). What a group counts and
 * bounds stands here; what moves threads and changes groups in task/control-group-changes.ts; their files in cgroup/.
 */
import {
  BPF_F_ALLOW_MULTI,
  BPF_PROG_TYPE_CGROUP_DEVICE,
  E2BIG,
  EAGAIN,
  EBUSY,
  EINVAL,
  ENOENT,
  ENOMEM,
  EPERM,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { MemoryAccount } from "../frames/memory-account.ts";
import { Changes } from "../ground/changes.ts";
import { DeviceProgram, GroupProgram, type Instruction, type ProgramOrigin } from "../security/device-program.ts";
import type { OwnedFile } from "../security/owned-file.ts";

/** In the order in which Linux lists them. */
export const CONTROLLERS = ["cpuset", "cpu", "memory", "pids"] as const;
export type Controller = (typeof CONTROLLERS)[number];
/** Those that don't mind threads beside groups ("threaded" ones). */
export const MIXABLE: ReadonlySet<Controller> = new Set(["cpuset", "cpu", "pids"]);

/** Groups of a machine, whose files cost the host memory; and how far one may lie below the root. */
const GROUPS_MAX = 2_048;
const DEPTH_MAX = 128;

/** Programs of one group (BPF_CGROUP_MAX_PROGS of Linux), and of a machine, each of which may have 32 KiB. */
const GROUP_PROGRAMS_MAX = 64;
const PROGRAMS_MAX = 2_048;

/** A thread that has not ended, as far as its group counts it. */
interface GroupMember {
  /** In the initial pid namespace. */
  readonly tid: number;
  readonly userNs: number;
  readonly systemNs: number;
}

/** What the memory controller keeps of one group; sizes in bytes, Infinity for "max". */
export interface GroupMemory {
  readonly account: MemoryAccount;
  min: number;
  low: number;
  high: number;
  max: number;
  swapMax: number;
  endsWhole: boolean;
  /** `memory.events`, of it and those below. */
  readonly events: { max: number; oom: number; oom_kill: number; oom_group_kill: number };
  readonly changes: Changes;
}

/** What the cpu controller keeps of one group (group-processor.ts). */
export interface ProcessorPart {
  /** From 1 to 10,000. */
  readonly weight: number;
  /** It has what others leave. */
  readonly isIdle: boolean;
  setShare(weight: number, isIdle: boolean): void;
  /** Of the processor in each period; Infinity: it is not bounded. */
  readonly quotaNs: number;
  readonly periodNs: number;
  /** What was left of earlier periods, as far as one may go beyond its quota. */
  readonly burstMostNs: number;
  /** A period of its own begins. */
  setBandwidth(quotaNs: number, periodNs: number, burstNs: number): void;
  /** `cpu.stat`. */
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
  readonly bursts: number;
  readonly burstNs: number;
  /** A task of it, or below, has had the processor for so long. */
  charge(elapsedNs: number, nowNs: number): void;
  /** @returns by how much the weights change that want the processor in the group above */
  countLoad(change: number): number;
  /**
   * What wants its part of the group, divided by the group's own weight.
   *
   * @param weight  of one that is not counted now, as it has the processor; 0: it is counted
   */
  factor(weight: number): number;
  /** Of one that comes into the group above if nothing else of this one is there; 0: it is counted there. */
  readonly newcomersWeight: number;
  /** The controller leaves the group. */
  close(): void;
}

/** Whom a file of a group belongs to, and its permission bits. */
interface GroupFileAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Who shows the groups as files. */
interface GroupWatcher {
  /** The number of its directory's inode, which is never another's. */
  inoOf(group: ControlGroup): number;
  /** A file of the group says something else than before. */
  fileChanged(group: ControlGroup, name: string): void;
  /** One of its files, as others are asked about rights; null: it has none of that name. */
  fileOf(group: ControlGroup, name: string): OwnedFile | null;
}

export class ControlGroup {
  /** Grows, and is never given twice. */
  readonly id: number;
  readonly groups: ControlGroups;
  /** Null: the root. */
  readonly parent: ControlGroup | null;
  readonly name: string;
  readonly children = new Map<string, ControlGroup>();
  /** Its own. */
  readonly members = new Set<GroupMember>();
  /** Members, here and below. */
  livingCount = 0;
  /** Threads of one process may be apart in it (`cgroup.type`); what that asks of others: threaded-groups.ts. */
  isThreaded = false;
  /** Threads, here and below; a process that nobody has waited for counts as one. */
  taskCount = 0;
  taskPeak = 0;
  taskLimit = Infinity;
  /** How often it was that limit that refused one (`pids.events`). */
  taskRefusals = 0;
  readonly taskChanges = new Changes();
  /** Those of its own limit (`pids.events.local`). */
  ownTaskRefusals = 0;
  readonly ownTaskChanges = new Changes();
  /** Controllers that its children have (`cgroup.subtree_control`). */
  readonly delegated = new Set<Controller>();
  memory: GroupMemory | null = null;
  /** Null: what is in it competes in the group above. */
  processor: ProcessorPart | null = null;
  /** How many groups, of it and those above, have used what they may have of the processor. */
  throttlings: number;
  /** `cpuset.cpus`, as a mask; 0: those of the group above. */
  harts = 0;
  /** `cpuset.mems` names the one node that there is. */
  hasNode = false;
  /** Which devices its processes may use, and those below: all that are asked must allow it (GROUP_PROGRAMS_MAX). */
  devicePrograms: readonly DeviceProgram[] = [];
  /** How those are attached: BPF_F_ALLOW_MULTI, BPF_F_ALLOW_OVERRIDE, neither; 0 without any. */
  deviceFlags = 0;
  /** Asked for by `cgroup.freeze`. */
  freezes = false;
  depthLimit = Infinity;
  descendantLimit = Infinity;
  isRemoved = false;
  /** `cgroup.events`. */
  readonly changes = new Changes();
  /** Processor time of those that have ended or left, with that of groups that were removed below it. */
  leftUserNs = 0;
  leftSystemNs = 0;
  /** What a member had used when it came. */
  readonly arrivals = new Map<GroupMember, { readonly userNs: number; readonly systemNs: number }>();
  /** Whose directory and files are. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Extended attributes of its files, by the file's name; "" is the directory. */
  readonly xattrs = new Map<string, Map<string, Uint8Array>>();
  /** Of files that somebody changed, by name; "" is the directory. */
  readonly attributes = new Map<string, GroupFileAttributes>();

  constructor(
    groups: ControlGroups,
    id: number,
    parent: ControlGroup | null,
    name: string,
    owner: { uid: number; gid: number },
  ) {
    this.groups = groups;
    this.id = id;
    this.parent = parent;
    this.name = name;
    this.owner = { uid: owner.uid, gid: owner.gid };
    this.throttlings = parent?.throttlings ?? 0;
  }

  /** From the root; "/" is that. */
  get path(): string {
    if (this.parent === null) return "/";
    return this.parent.parent === null ? `/${this.name}` : `${this.parent.path}/${this.name}`;
  }

  /** Where the processes are whose threads may be in it. */
  get domain(): ControlGroup {
    return this.isThreaded ? this.parent!.domain : this;
  }

  get depth(): number {
    return this.parent === null ? 0 : this.parent.depth + 1;
  }

  /** It, and all that are above. */
  *upward(): Generator<ControlGroup, void> {
    for (let at: ControlGroup | null = this; at !== null; at = at.parent) yield at;
  }

  /** It, and all that are below. */
  *downward(): Generator<ControlGroup, void> {
    yield this;
    for (const child of this.children.values()) yield* child.downward();
  }

  isWithin(other: ControlGroup): boolean {
    for (const group of this.upward()) if (group === other) return true;
    return false;
  }

  get descendantCount(): number {
    let count = -1;
    for (const _ of this.downward()) count++;
    return count;
  }

  /** Controllers that it has (`cgroup.controllers`). */
  get controllers(): Controller[] {
    const { parent } = this;
    if (parent === null) return [...CONTROLLERS];
    return CONTROLLERS.filter((each) => parent.delegated.has(each) && (!this.isThreaded || MIXABLE.has(each)));
  }

  get isPopulated(): boolean {
    return this.livingCount > 0;
  }

  get isFrozen(): boolean {
    for (const group of this.upward()) if (group.freezes) return true;
    return false;
  }

  /** To which the memory of its processes is charged; null: the machine's own. */
  get account(): MemoryAccount | null {
    for (const group of this.upward()) if (group.memory !== null) return group.memory.account;
    return null;
  }

  /**
   * Harts that it leaves its processes (`cpuset.cpus.effective`): those of the group above where it names none of them.
   *
   * @param all  the machine's
   */
  effectiveHarts(all: number): number {
    if (this.parent === null) return all;
    const above = this.parent.effectiveHarts(all);
    return (this.harts & above) === 0 ? above : (this.harts & above) >>> 0;
  }

  /** Processor time of it and all below, in nanoseconds. */
  get usage(): { userNs: number; systemNs: number } {
    let userNs = 0;
    let systemNs = 0;
    for (const group of this.downward()) {
      userNs += group.leftUserNs;
      systemNs += group.leftSystemNs;
      for (const member of group.members) {
        const used = group.#usedHere(member);
        userNs += used.userNs;
        systemNs += used.systemNs;
      }
    }
    return { userNs, systemNs };
  }

  #usedHere(member: GroupMember): { userNs: number; systemNs: number } {
    const before = this.arrivals.get(member);
    return {
      userNs: member.userNs - (before?.userNs ?? 0),
      systemNs: member.systemNs - (before?.systemNs ?? 0),
    };
  }

  /**
   * May so many threads more be here? −EAGAIN, and the group whose limit it is has counted that (`pids.max`); those
   * below it have counted them as if they had been there (kernel/cgroup/pids.c, pids_try_charge).
   */
  charge(tasks: number): number {
    for (const group of this.upward()) {
      if (group.taskCount + tasks <= group.taskLimit) {
        group.taskPeak = Math.max(group.taskPeak, group.taskCount + tasks);
        continue;
      }
      group.ownTaskRefusals++;
      group.tell("pids.events.local", group.ownTaskChanges);
      for (const above of group.upward()) {
        if (above.parent === null) break;
        above.taskRefusals++;
        above.tell("pids.events", above.taskChanges);
      }
      return -EAGAIN;
    }
    return 0;
  }

  countTasks(change: number): void {
    for (const group of this.upward()) {
      group.taskCount += change;
      group.taskPeak = Math.max(group.taskPeak, group.taskCount);
    }
  }

  /** A thread is here from now on. */
  admit(member: GroupMember): void {
    this.members.add(member);
    const { userNs, systemNs } = member;
    if (userNs + systemNs > 0) this.arrivals.set(member, { userNs, systemNs });
    this.countTasks(1);
    this.#countLiving(1);
  }

  /** It is here no more. */
  dismiss(member: GroupMember): void {
    this.ended(member);
    this.countTasks(-1);
  }

  /** It has ended; as a thread it counts until `countTasks` says otherwise. */
  ended(member: GroupMember): void {
    const used = this.#usedHere(member);
    this.leftUserNs += used.userNs;
    this.leftSystemNs += used.systemNs;
    this.arrivals.delete(member);
    this.members.delete(member);
    this.#countLiving(-1);
  }

  #countLiving(change: number): void {
    for (const group of this.upward()) {
      const was = group.isPopulated;
      group.livingCount += change;
      if (was !== group.isPopulated && group.parent !== null) group.tell("cgroup.events", group.changes);
    }
  }

  /** One of its files says something new: who polls or watches it is told. */
  tell(name: string, changes: Changes): void {
    changes.changed();
    this.groups.watcher?.fileChanged(this, name);
  }

  /** Makes a group in it. −EAGAIN: a limit of depth or of descendants is met, or the machine's own */
  make(name: string, owner: { uid: number; gid: number }): ControlGroup | number {
    let level = 1;
    for (const above of this.upward()) {
      const isFull = above.descendantLimit !== Infinity && above.descendantCount >= above.descendantLimit;
      if (isFull || level++ > above.depthLimit) return -EAGAIN;
    }
    if (this.groups.count >= GROUPS_MAX || this.depth >= DEPTH_MAX) return -EAGAIN;
    const group = new ControlGroup(this.groups, this.groups.nextId(), this, name, owner);
    this.children.set(name, group);
    return group;
  }

  /**
   * Programs that are asked about devices: its own, then those above as far as they were attached with
   * BPF_F_ALLOW_MULTI, or none stands below (Linux kernel/bpf/cgroup.c, compute_effective_progs).
   */
  get effectivePrograms(): readonly DeviceProgram[] {
    let programs: readonly DeviceProgram[] = [];
    for (const group of this.upward()) {
      if (group.devicePrograms.length === 0) continue;
      if (programs.length === 0) programs = group.devicePrograms;
      else if ((group.deviceFlags & BPF_F_ALLOW_MULTI) !== 0) programs = [...programs, ...group.devicePrograms];
    }
    return programs;
  }

  /** May its processes use the device? @param accessType  as `DeviceProgram.allows` takes it */
  mayUseDevice(accessType: number, major: number, minor: number): boolean {
    return this.effectivePrograms.every((program) => program.allows(accessType, major, minor));
  }

  /** Do the groups above leave it a program of its own (hierarchy_allows_attach)? The nearest that has one says so. */
  get #isLeftPrograms(): boolean {
    for (const above of this.parent?.upward() ?? [])
      if (above.devicePrograms.length > 0) return above.deviceFlags !== 0;
    return true;
  }

  /**
   * One that is not attached with BPF_F_ALLOW_MULTI goes for the one that is there (find_attach_entry).
   *
   * @param flags  BPF_F_ALLOW_MULTI, BPF_F_ALLOW_OVERRIDE, neither @param replaced  the one of many that it goes for
   * @returns 0, −EINVAL, −ENOENT, −E2BIG; −EPERM: it is attached otherwise than those that are there, or above
   */
  attachProgram(program: DeviceProgram, flags: number, replaced: DeviceProgram | null): number {
    const { devicePrograms } = this;
    if (this.isRemoved) return -ENOENT;
    if (!this.#isLeftPrograms || (devicePrograms.length > 0 && this.deviceFlags !== flags)) return -EPERM;
    if (devicePrograms.length >= GROUP_PROGRAMS_MAX) return -E2BIG;
    const isOneOfMany = (flags & BPF_F_ALLOW_MULTI) !== 0;
    if (isOneOfMany && program !== replaced && devicePrograms.includes(program)) return -EINVAL;
    if (replaced !== null && !devicePrograms.includes(replaced)) return -ENOENT;
    const old = isOneOfMany ? replaced : (devicePrograms[0] ?? null);
    this.groups.holdProgram(program);
    if (old !== null) this.groups.releaseProgram(old);
    this.devicePrograms =
      old === null ? [...devicePrograms, program] : devicePrograms.map((each) => (each === old ? program : each));
    this.deviceFlags = flags;
    return 0;
  }

  /** @param program  null: the one that there is, where it is not one of many @returns 0, −EINVAL, −ENOENT */
  detachProgram(program: DeviceProgram | null): number {
    const isOneOfMany = (this.deviceFlags & BPF_F_ALLOW_MULTI) !== 0;
    if (isOneOfMany && program === null) return -EINVAL;
    const old = isOneOfMany ? program : this.devicePrograms[0];
    if (old === undefined || old === null || !this.devicePrograms.includes(old)) return -ENOENT;
    this.devicePrograms = this.devicePrograms.filter((each) => each !== old);
    if (this.devicePrograms.length === 0) this.deviceFlags = 0;
    this.groups.releaseProgram(old);
    return 0;
  }

  /** Takes it out of the tree; it must be empty. Those that nobody has waited for stay in it until then. */
  remove(): number {
    const { parent } = this;
    if (parent === null || this.children.size > 0 || this.isPopulated) return -EBUSY;
    parent.children.delete(this.name);
    this.groups.count--;
    this.isRemoved = true;
    for (const program of this.devicePrograms) this.groups.releaseProgram(program);
    this.devicePrograms = [];
    parent.leftUserNs += this.leftUserNs;
    parent.leftSystemNs += this.leftSystemNs;
    return 0;
  }

  static {
    stateClass("ControlGroup", this);
  }
}

/** The tree of a machine. */
export class ControlGroups {
  readonly root: ControlGroup;
  count = 0;
  /** Null: they were never mounted. */
  watcher: GroupWatcher | null = null;
  /** cgroup namespaces delimit what their processes were given (mount option `nsdelegate`). */
  nsDelegates = false;
  #lastId = 1;

  constructor() {
    this.root = new ControlGroup(this, 1, null, "", { uid: 0, gid: 0 });
  }

  /** Of bpf(2), by number. */
  readonly programs = new Map<number, GroupProgram>();
  #lastProgram = 0;

  /** @returns the program, which somebody must hold; −ENOMEM beyond PROGRAMS_MAX */
  addProgram(type: number, origin: ProgramOrigin, instructions: readonly Instruction[]): GroupProgram | number {
    if (this.programs.size >= PROGRAMS_MAX) return -ENOMEM;
    const id = ++this.#lastProgram;
    return type === BPF_PROG_TYPE_CGROUP_DEVICE
      ? new DeviceProgram(id, origin, instructions)
      : new GroupProgram(id, type, origin, instructions);
  }

  holdProgram(program: GroupProgram): void {
    program.holders++;
    this.programs.set(program.id, program);
  }

  releaseProgram(program: GroupProgram): void {
    if (--program.holders === 0) this.programs.delete(program.id);
  }

  nextId(): number {
    this.count++;
    return ++this.#lastId;
  }

  static {
    stateClass("ControlGroups", this, {
      save: (it) => ({ lastId: it.#lastId, lastProgram: it.#lastProgram }),
      load: (it, from) => ({ lastId: it.#lastId, lastProgram: it.#lastProgram } = from),
    });
  }
}
