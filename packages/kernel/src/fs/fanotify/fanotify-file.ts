import {
  EAGAIN,
  EEXIST,
  EFAULT,
  EINVAL,
  EMFILE,
  ENOENT,
  ENOSPC,
  EPERM,
  FANOTIFY_METADATA_VERSION,
  FAN_ALLOW,
  FAN_DENY,
  FAN_EPIDFD,
  FAN_INFO,
  FAN_MARK_EVICTABLE,
  FAN_MARK_IGNORE,
  FAN_MARK_IGNORED_MASK,
  FAN_MARK_IGNORED_SURV_MODIFY,
  FAN_NOFD,
  FAN_NOPIDFD,
  FAN_Q_OVERFLOW,
  FAN_REPORT_PIDFD,
  FAN_REPORT_TID,
  FAN_RESPONSE_INFO_AUDIT_RULE,
  FAN_UNLIMITED_MARKS,
  FAN_UNLIMITED_QUEUE,
  FIONREAD,
  FanotifyEventMetadata,
  FanotifyResponse,
  FanotifyResponseInfoAuditRule,
  FanotifyResponseInfoHeader,
  O_CLOEXEC,
  O_NONBLOCK,
  POLLIN,
  POLLRDNORM,
  RLIMIT_NOFILE,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { putWhole, type IoCursor } from "../../ground/io-cursor.ts";
import { BLOCKED, BLOCKED_KILLABLE, WaitQueue } from "../../ground/wait-queue.ts";
import { put64 } from "../../ground/words.ts";
import type { FanotifyListener, Happening, MetMarks } from "../../vfs/fanotify-mark.ts";
import { type Marked, permissionsOf } from "../../vfs/fanotify-marks.ts";
import { openSilently } from "../../vfs/open.ts";
import { PositionlessFile } from "../../vfs/positionless-file.ts";
import { Path } from "../../vfs/path.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";
import type { WatchOwner } from "../watch-limits.ts";
import {
  EVENT_SIZE_MAX,
  FID_BITS,
  keyOf,
  maskFor,
  NOTHING,
  putPidfd,
  putRecords,
  type QueuedEvent,
  sizeOfEvent,
  toldOf,
} from "./fanotify-event.ts";
import { ListenerMark } from "./listener-mark.ts";
import { PermissionRequest } from "./permission-request.ts";

const IGNORES = FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE;
const OVERFLOW: QueuedEvent = { key: "", mask: FAN_Q_OVERFLOW, who: 0, place: null, told: NOTHING, permission: null };

/**
 * fanotify(7): who hears of what happens to files, mounts and file systems, and may decide about it. Bounds:
 * `kernel.fanotifyLimits`; what comes beyond is FAN_Q_OVERFLOW, ENOSPC and EMFILE.
 */
export class FanotifyFile extends PositionlessFile implements FanotifyListener {
  #kernel: FsKernel;
  /** Whose limits it counts against. */
  #user: WatchOwner;
  /** Of fanotify_init(2), and for the files that it opens. */
  readonly initFlags: number;
  #fileFlags: number;
  #eventsMost: number;
  /** Made without CAP_SYS_ADMIN: it learns of no other processes. */
  readonly isUnprivileged: boolean;
  #marks = new Map<Marked, ListenerMark>();
  #events: QueuedEvent[] = [];
  /** The one with each key that others may join. */
  #byKey = new Map<string, QueuedEvent>();
  #hasOverflow = false;
  /** Read, and not answered. */
  #unanswered = new Map<number, PermissionRequest>();
  #queue = new WaitQueue();

  private constructor(kernel: FsKernel, user: WatchOwner, flags: number, fileFlags: number, isUnprivileged: boolean) {
    super(2 | (flags & 2 ? O_NONBLOCK : 0), null, null);
    this.#kernel = kernel;
    this.#user = user;
    this.initFlags = flags;
    this.#fileFlags = fileFlags;
    this.isUnprivileged = isUnprivileged;
    this.#eventsMost = (flags & FAN_UNLIMITED_QUEUE) !== 0 ? Infinity : kernel.fanotifyLimits.maximumEvents;
  }

  /** fanotify_init(2), checked: −EMFILE when the user has enough of them. */
  static create(task: FsCaller, flags: number, fileFlags: number, isUnprivileged: boolean): FanotifyFile | number {
    const { kernel, credentials } = task;
    const user = { userNamespace: credentials.userNamespace, uid: credentials.euid };
    if (!kernel.fanotifyLimits.addInstance(user)) return -EMFILE;
    return new FanotifyFile(kernel, user, flags, fileFlags, isUnprivileged);
  }

  get fidBits(): number {
    return this.initFlags & FID_BITS;
  }

  get #hasAnyMarks(): boolean {
    return (this.initFlags & FAN_UNLIMITED_MARKS) !== 0;
  }

  /** FAN_CLASS_*: only the upper two may decide. */
  get rank(): number {
    return this.initFlags & 0xc;
  }

  // ---- Marks

  /** FAN_MARK_ADD: 0, −EEXIST, −ENOSPC. */
  add(marked: Marked, mask: number, flags: number): number {
    const present = this.#marks.get(marked);
    if (present !== undefined) {
      const refused = mayBecome(present, flags);
      if (refused < 0) return refused;
      present.extend(mask, flags);
      return 0;
    }
    if (!this.#kernel.fanotifyLimits.addWatch(this.#user, this.#hasAnyMarks)) return -ENOSPC;
    const mark = new ListenerMark(this.#kernel, this, marked, (flags & FAN_MARK_EVICTABLE) === 0);
    this.#marks.set(marked, mark);
    mark.begin();
    mark.extend(mask, flags);
    return 0;
  }

  /**
   * FAN_MARK_REMOVE: 0, −ENOENT.
   * @param kept  bits that cannot be taken, and don't keep the mark by themselves
   */
  remove(marked: Marked, mask: number, flags: number, kept: number): number {
    const mark = this.#marks.get(marked);
    if (mark === undefined) return -ENOENT;
    if ((flags & IGNORES) === 0) mark.setMask(mark.mask & ~(mask & ~kept));
    else mark.ignored &= ~(mask & ~kept);
    if (((mark.mask | mark.ignored) & ~kept) === 0) this.dropMark(mark);
    return 0;
  }

  /** FAN_MARK_FLUSH. */
  flush(kind: ListenerMark["kind"]): void {
    for (const mark of [...this.#marks.values()]) if (mark.kind === kind) this.dropMark(mark);
  }

  dropMark(mark: ListenerMark): void {
    if (!this.#marks.delete(mark.marked)) return;
    this.#kernel.fanotifyLimits.removeWatch(this.#user, this.#hasAnyMarks);
    mark.end();
  }

  // ---- Events

  tell(happening: Happening, marks: MetMarks): void {
    const mask = maskFor(this.fidBits, happening, marks);
    if (mask === 0) return;
    const place = this.fidBits === 0 ? (happening.place as Path) : null;
    const told = toldOf(this.fidBits, mask, happening, marks);
    const who = this.#who();
    if (this.#isFull()) return this.#overflow();
    let key = keyOf(mask, who, told, place);
    for (let known = this.#byKey.get(key); known !== undefined; known = this.#byKey.get(key)) {
      if (known.place?.dentry === place?.dentry) {
        known.mask |= mask;
        return;
      }
      // Another name of the same file.
      key += "'";
    }
    const event: QueuedEvent = { key, mask, who, place, told, permission: null };
    place?.retain();
    this.#byKey.set(key, event);
    this.#push(event);
  }

  ask(caller: FsCaller, happening: Happening, marks: MetMarks): number {
    const mask = maskFor(this.fidBits, happening, marks);
    if (mask === 0) return 0;
    const place = happening.place as Path;
    const key = `${this.identityIn(this.#kernel)} ${keyOf(mask, mask, NOTHING, place)}`;
    const permissions = permissionsOf(caller);
    if (permissions.given.includes(key)) return 0;
    const { asked } = permissions;
    if (asked instanceof PermissionRequest && asked.key === key) {
      if (asked.answer === 0) return waitFor(caller, asked);
      permissions.asked = null;
      if (asked.answer !== FAN_ALLOW) return -EPERM;
      permissions.given.push(key);
      return 0;
    }
    // Nobody would read it (Linux: the event is dropped, and the access goes on).
    if (this.#isFull()) return 0;
    const request = new PermissionRequest(key, caller);
    permissions.asked = request;
    place.retain();
    this.#push({ key: "", mask, who: this.#who(), place, told: NOTHING, permission: request });
    return waitFor(caller, request);
  }

  /** Tells it from others in what a call keeps. */
  identityIn(kernel: FsKernel): number {
    return (this.identity ||= ++kernel.lastIdentity);
  }

  #who(): number {
    const { current } = this.#kernel.scheduler;
    if (current === null) return 0;
    return (this.initFlags & FAN_REPORT_TID) !== 0 ? current.tid : current.pid;
  }

  #isFull(): boolean {
    return this.#events.length >= this.#eventsMost || this.#kernel.fanotifyLimits.isFull;
  }

  #overflow(): void {
    if (this.#hasOverflow) return;
    this.#hasOverflow = true;
    this.#push(OVERFLOW);
  }

  #push(event: QueuedEvent): void {
    this.#events.push(event);
    this.#kernel.fanotifyLimits.events++;
    this.#queue.wakeAll();
  }

  /** Asked by a call that waits no more: nobody is to be bothered with it. */
  #dropAbandoned(): void {
    let count = 0;
    for (const { permission, place } of this.#events) {
      if (permission === null || permission.isWaitedFor) break;
      place!.release();
      count++;
    }
    if (count > 0) this.#forget(count);
  }

  #forget(count: number): void {
    this.#events.splice(0, count);
    this.#kernel.fanotifyLimits.events -= count;
  }

  // ---- Reading, and answers

  override hasIterator(_isWrite: boolean): boolean {
    return false;
  }

  override read(task: FsCaller, to: IoCursor): number {
    this.#dropAbandoned();
    if (this.#events.length === 0) {
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      task.waitOn(this.#queue);
      return BLOCKED;
    }
    let taken = 0,
      done = 0;
    for (const event of this.#events) {
      if (event.permission !== null && !event.permission.isWaitedFor) break;
      // A buffer too small for the next event is EINVAL when nothing fitted yet.
      if (to.remaining < sizeOfEvent(this.initFlags, event)) {
        if (done === 0) done = -EINVAL;
        break;
      }
      if (task.kernel.work.isUsed && done > 0) break;
      taken++;
      const moved = this.#give(task, event, to);
      if (moved < 0) {
        // What was put before it is lost, too (fs/notify/fanotify/fanotify_user.c, fanotify_read).
        if (done === 0 || moved === -EFAULT) done = moved;
        break;
      }
      done += moved;
      task.kernel.work.charge(1);
    }
    this.#forget(taken);
    return done;
  }

  /** Gives one event, which leaves the queue whatever comes of it. @returns its bytes, or a negated errno */
  #give(task: FsCaller, event: QueuedEvent, to: IoCursor): number {
    if (event.key !== "") this.#byKey.delete(event.key);
    if ((event.mask & FAN_Q_OVERFLOW) !== 0) this.#hasOverflow = false;
    const fd = event.place === null ? FAN_NOFD : this.#open(task, event.place);
    const pidfd = (this.initFlags & FAN_REPORT_PIDFD) === 0 || fd < FAN_NOFD ? 0 : this.#openProcess(task, event);
    let moved = fd < FAN_NOFD ? fd : this.#put(task, event, fd, pidfd, to);
    event.place?.release();
    if (moved < 0) {
      if (fd >= 0) task.files.close(task, fd);
      if (pidfd > 0) task.files.close(task, pidfd);
    }
    const { permission } = event;
    if (permission !== null) {
      if (moved < 0) permission.give(FAN_DENY);
      else {
        permission.fd = fd;
        this.#unanswered.set(fd, permission);
      }
    }
    return moved;
  }

  #open(task: FsCaller, place: Path): number {
    const file = openSilently(task, place, this.#fileFlags);
    if (isErrno(file)) return file;
    const { limits } = task.group;
    return task.files.install(file, (this.#fileFlags & O_CLOEXEC) !== 0, 0, limits[RLIMIT_NOFILE]!.soft);
  }

  #openProcess(task: FsCaller, { who }: QueuedEvent): number {
    const process = task.kernel.tasks.processes.get(who);
    if (process === undefined || process.isZombie || this.#idFor(task, who) === 0) return FAN_NOPIDFD;
    const fd = task.files.install(task.kernel.vfs.pidfdOf(process), true, 0, task.group.limits[RLIMIT_NOFILE]!.soft);
    return fd < 0 ? FAN_EPIDFD : fd;
  }

  /** Who did it, as the reader may know it. */
  #idFor(task: FsCaller, who: number): number {
    if (this.isUnprivileged && who !== task.pid) return 0;
    return task.group.pidNamespace.idOf(who);
  }

  #put(task: FsCaller, event: QueuedEvent, fd: number, pidfd: number, to: IoCursor): number {
    const size = sizeOfEvent(this.initFlags, event);
    bytes.fill(0, 0, FanotifyEventMetadata.size);
    view.setUint32(FanotifyEventMetadata.offset.event_len, size, true);
    view.setUint8(FanotifyEventMetadata.offset.vers, FANOTIFY_METADATA_VERSION);
    view.setUint16(FanotifyEventMetadata.offset.metadata_len, FanotifyEventMetadata.size, true);
    put64(view, FanotifyEventMetadata.offset.mask, event.mask >>> 0);
    view.setInt32(FanotifyEventMetadata.offset.fd, fd, true);
    view.setInt32(FanotifyEventMetadata.offset.pid, this.#idFor(task, event.who), true);
    const end = putRecords(bytes, view, FanotifyEventMetadata.size, this.initFlags, event);
    if ((this.initFlags & FAN_REPORT_PIDFD) !== 0) putPidfd(bytes, view, end, pidfd);
    return putWhole(to, bytes, 0, size);
  }

  /** An answer: 0 … bytes, −EINVAL: it is none; −ENOENT: nobody asked. */
  override write(_task: FsCaller, from: IoCursor): number {
    const count = from.remaining;
    if (count < FanotifyResponse.size) return -EINVAL;
    const extra = count - FanotifyResponse.size;
    const length = FanotifyResponse.size + Math.min(extra, FanotifyResponseInfoAuditRule.size);
    const taken = from.take(bytes, 0, length);
    if (taken < length) return taken < 0 ? taken : -EINVAL;
    const fd = view.getInt32(FanotifyResponse.offset.fd, true),
      response = view.getUint32(FanotifyResponse.offset.response, true);
    const answer = response & ~FAN_INFO;
    if (answer !== FAN_ALLOW && answer !== FAN_DENY) return -EINVAL;
    if ((response & FAN_INFO) !== 0) {
      if (!isAuditRule(extra)) return -EINVAL;
      // So programs ask whether it is understood.
      if (fd === FAN_NOFD) return extra;
    }
    if (fd < 0) return -EINVAL;
    const request = this.#unanswered.get(fd);
    if (request === undefined) return -ENOENT;
    this.#unanswered.delete(fd);
    request.give(answer);
    return count;
  }

  override poll(): number {
    this.#dropAbandoned();
    return this.#events.length > 0 ? POLLIN | POLLRDNORM : 0;
  }

  override get waitQueue(): WaitQueue {
    return this.#queue;
  }

  override get asyncQueue(): WaitQueue {
    return this.#queue;
  }

  override ioctl(task: FsCaller, command: number, argument: number): number {
    if (command !== FIONREAD) return super.ioctl(task, command, argument);
    return task.space.storeU32(argument, this.#events.length * FanotifyEventMetadata.size);
  }

  override details(): string {
    const head = `fanotify flags:${this.initFlags.toString(16)} event-flags:${this.#fileFlags.toString(16)}\n`;
    return head + [...this.#marks.values()].reverse().map(String).join("");
  }

  protected override dispose(): void {
    for (const mark of [...this.#marks.values()]) this.dropMark(mark);
    for (const request of this.#unanswered.values()) request.give(FAN_ALLOW);
    for (const { permission, place } of this.#events) {
      permission?.give(FAN_ALLOW);
      place?.release();
    }
    this.#forget(this.#events.length);
    this.#kernel.fanotifyLimits.removeInstance(this.#user);
  }

  override get description(): string {
    return "anon_inode:[fanotify]";
  }

  static {
    stateClass("FanotifyFile", this, {
      save: (it) => ({
        kernel: it.#kernel,
        user: it.#user,
        fileFlags: it.#fileFlags,
        eventsMost: it.#eventsMost,
        marks: it.#marks,
        events: it.#events,
        byKey: it.#byKey,
        hasOverflow: it.#hasOverflow,
        unanswered: it.#unanswered,
        queue: it.#queue,
      }),
      load: (it, from) =>
        ({
          kernel: it.#kernel,
          user: it.#user,
          fileFlags: it.#fileFlags,
          eventsMost: it.#eventsMost,
          marks: it.#marks,
          events: it.#events,
          byKey: it.#byKey,
          hasOverflow: it.#hasOverflow,
          unanswered: it.#unanswered,
          queue: it.#queue,
        } = from),
    });
  }
}

/** An event on its way to or from a program. */
const bytes = new Uint8Array(EVENT_SIZE_MAX);
const view = new DataView(bytes.buffer);

/** A mark keeps an inode in memory for good, and ignores in one way. */
function mayBecome(mark: ListenerMark, flags: number): number {
  if ((flags & FAN_MARK_EVICTABLE) !== 0 && mark.isHolding) return -EEXIST;
  if ((flags & FAN_MARK_IGNORED_MASK) !== 0 && mark.hasOwnFlags) return -EEXIST;
  const survives = (flags & FAN_MARK_IGNORED_SURV_MODIFY) !== 0;
  return (flags & FAN_MARK_IGNORE) !== 0 && !survives && mark.survivesModify ? -EEXIST : 0;
}

function waitFor(caller: FsCaller, request: PermissionRequest): number {
  caller.waitOn(request.queue);
  return BLOCKED_KILLABLE;
}

/** `struct fanotify_response_info_audit_rule`; there is no audit that would keep it. */
function isAuditRule(length: number): boolean {
  const at = FanotifyResponse.size;
  return (
    length === FanotifyResponseInfoAuditRule.size &&
    bytes[at + FanotifyResponseInfoHeader.offset.type] === FAN_RESPONSE_INFO_AUDIT_RULE &&
    bytes[at + FanotifyResponseInfoHeader.offset.pad] === 0 &&
    view.getUint16(at + FanotifyResponseInfoHeader.offset.len, true) === length
  );
}
