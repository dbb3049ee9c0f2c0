import {
  DRM_IOCTL_BASE,
  DrmEventVblank,
  EACCES,
  EAGAIN,
  EINVAL,
  ENOTTY,
  O_NONBLOCK,
  POLLIN,
  POLLRDNORM,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { PageCache } from "../frames/page-cache.ts";
import { putWhole, type IoCursor } from "../ground/io-cursor.ts";
import { sizeOfRequest } from "../ground/request-number.ts";
import { BLOCKED, type WaitQueue } from "../ground/wait-queue.ts";
import type { Inode } from "../vfs/inode.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { CRTC_ID, type DrmCard } from "./drm-card.ts";
import { DrmClient, type FrameEvent } from "./drm-client.ts";
import { DRM_REQUESTS } from "./drm-requests.ts";
import type { GraphicsCaller } from "./graphics-kernel.ts";

const event = new Uint8Array(DrmEventVblank.size);
const eventView = new DataView(event.buffer);

/** An open /dev/dri/card0. Source: drivers/gpu/drm/drm_file.c, drm_ioctl.c. */
export class DrmFile extends OpenFile {
  readonly client: DrmClient;

  constructor(card: DrmCard, flags: number, inode: Inode, path: Path) {
    super(flags, inode, path);
    this.client = new DrmClient(card);
  }

  override hasIterator(_isWrite: boolean): boolean {
    return false;
  }

  /** Whole events, as many as there is room for; 0: not even one fits. */
  override read(task: GraphicsCaller, to: IoCursor): number {
    const { events, readable } = this.client;
    if (events.length === 0) {
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      task.waitOn(readable);
      return BLOCKED;
    }
    let done = 0;
    while (events.length > 0 && to.remaining >= event.length) {
      putEvent(events[0]!);
      const moved = putWhole(to, event, 0, event.length);
      if (moved < 0) return done > 0 ? done : moved;
      events.shift();
      done += moved;
    }
    return done;
  }

  override poll(): number {
    return this.client.events.length > 0 ? POLLIN | POLLRDNORM : 0;
  }

  override get waitQueue(): WaitQueue {
    return this.client.readable;
  }

  override get asyncQueue(): WaitQueue {
    return this.client.readable;
  }

  override seek(): number {
    return 0;
  }

  /** What is mapped is memory of the card. */
  override get contentInode(): null {
    return null;
  }

  override mapping(offset = 0, length = 0): PageCache | number {
    return this.client.mapping(offset, length);
  }

  /**
   * The structure may be shorter or longer than ours, as that of an older or newer program: what it lacks is zero
   * (drm_ioctl.c, drm_ioctl).
   */
  override ioctl(task: GraphicsCaller, command: number, argument: number): number {
    if (((command >>> 8) & 0xff) !== DRM_IOCTL_BASE) return -ENOTTY;
    const request = DRM_REQUESTS.get(command & 0xff);
    if (request === undefined) return -EINVAL;
    if (request.isForMaster === true && !this.client.isMaster) return -EACCES;
    const given = Math.min(request.size, sizeOfRequest(command));
    const bytes = new Uint8Array(request.size);
    const failed = given === 0 ? 0 : task.space.copyIn(argument, bytes, 0, given);
    if (failed < 0) return failed;
    const result = request.run(this.client, task, new DataView(bytes.buffer));
    if (result < 0 || given === 0) return result;
    const unstored = task.space.copyOut(argument, bytes, 0, given);
    return unstored < 0 ? unstored : result;
  }

  protected override dispose(): void {
    this.client.close();
  }

  static {
    stateClass("DrmFile", this);
  }
}

function putEvent({ type, userData, sequence, timeNs }: FrameEvent): void {
  const { offset } = DrmEventVblank;
  eventView.setUint32(offset.type, type, true);
  eventView.setUint32(offset.length, event.length, true);
  eventView.setUint32(offset.user_data, userData[0], true);
  eventView.setUint32(offset.user_data + 4, userData[1], true);
  eventView.setUint32(offset.tv_sec, Math.floor(timeNs / 1e9), true);
  eventView.setUint32(offset.tv_usec, Math.floor((timeNs % 1e9) / 1000), true);
  eventView.setUint32(offset.sequence, sequence, true);
  eventView.setUint32(offset.crtc_id, CRTC_ID, true);
}
