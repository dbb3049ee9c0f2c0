/** What is shown, and when. Source: drivers/gpu/drm/drm_{crtc,plane,vblank}.c. */
import {
  DRM_EVENT_FLIP_COMPLETE,
  DRM_EVENT_VBLANK,
  DRM_MODE_CURSOR_BO,
  DRM_MODE_CURSOR_MOVE,
  DRM_MODE_PAGE_FLIP_EVENT,
  DRM_NR_MODE_CURSOR,
  DRM_NR_MODE_CURSOR2,
  DRM_NR_MODE_PAGE_FLIP,
  DRM_NR_MODE_SETCRTC,
  DRM_NR_MODE_SETPLANE,
  DRM_NR_WAIT_VBLANK,
  DRM_VBLANK_EVENT,
  DRM_VBLANK_HIGH_CRTC_MASK,
  DRM_VBLANK_NEXTONMISS,
  DRM_VBLANK_RELATIVE,
  DRM_VBLANK_SECONDARY,
  DrmModeCrtc,
  DrmModeCrtcPageFlip,
  DrmModeCursor2,
  DrmModeModeinfo,
  DrmModeSetPlane,
  DrmWaitVblank,
  EBUSY,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENOSPC,
} from "@stratos/abi";
import { BLOCKED } from "../ground/wait-queue.ts";
import { getU64, put64 } from "../ground/words.ts";
import { CONNECTOR_ID, CRTC_ID, type DrmCard, PLANE_ID } from "./drm-card.ts";
import type { DrmClient } from "./drm-client.ts";
import { type DrmRequest, wordsAt } from "./drm-request.ts";
import type { Framebuffer } from "./framebuffer.ts";
import type { GraphicsCaller } from "./graphics-kernel.ts";
import { FIXED, wholePlane } from "./pipe-state.ts";
import { CURSOR_SIZE } from "./screen.ts";

/** SETCRTC with this id keeps the framebuffer. */
const SAME_FRAMEBUFFER = 0xffffffff;

/**
 * −ENOENT: no such CRTC, connector or framebuffer; −EINVAL: a mode without a connector or the other way round, or
 * larger than the screen; −ENOSPC: the framebuffer is too small.
 */
function setCrtc({ card }: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeCrtc;
  const field = (at: number): number => view.getUint32(at, true);
  if (field(offset.crtc_id) !== CRTC_ID) return -ENOENT;
  const connectors = field(offset.count_connectors);
  const hasMode = field(offset.mode_valid) !== 0;
  const { screen } = card;
  let framebuffer: Framebuffer | null = null;
  const width = view.getUint16(offset.mode + DrmModeModeinfo.offset.hdisplay, true);
  const height = view.getUint16(offset.mode + DrmModeModeinfo.offset.vdisplay, true);
  const [x, y] = [field(offset.x), field(offset.y)];
  if (hasMode) {
    const id = field(offset.fb_id);
    framebuffer = (id === SAME_FRAMEBUFFER ? screen.scanout?.framebuffer : card.framebuffers.get(id)) ?? null;
    if (framebuffer === null) return id === SAME_FRAMEBUFFER ? -EINVAL : -ENOENT;
    if (width === 0 || height === 0 || width > screen.width || height > screen.height) return -EINVAL;
    if (!covers(framebuffer, x, y, width, height)) return -ENOSPC;
  }
  if (connectors > 1 || connectors > 0 !== hasMode) return -EINVAL;
  if (connectors === 1) {
    const id = task.space.loadU32(getU64(view, offset.set_connectors_ptr));
    if (id < 0) return id;
    if (id !== CONNECTOR_ID) return -ENOENT;
  }
  if (framebuffer === null) card.turnOff();
  else {
    const bytes = new Uint8Array(view.buffer).slice(offset.mode, offset.mode + DrmModeModeinfo.size);
    const plane = wholePlane(framebuffer, { x, y, width, height });
    card.show({ isActive: true, mode: card.addBlob(bytes, false), isConnected: true, plane });
    screen.power = 0;
  }
  return 0;
}

function covers({ width, height }: Framebuffer, x: number, y: number, columns: number, lines: number): boolean {
  return x + columns <= width && y + lines <= height;
}

/** The primary plane of the screen, whole: there is no other, and nothing is scaled. */
function setPlane({ card }: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeSetPlane;
  const field = (at: number): number => view.getUint32(at, true);
  if (field(offset.plane_id) !== PLANE_ID) return -ENOENT;
  const { screen } = card;
  const id = field(offset.fb_id);
  if (id === 0) {
    card.turnOff();
    return 0;
  }
  const framebuffer = card.framebuffers.get(id);
  if (framebuffer === undefined || field(offset.crtc_id) !== CRTC_ID) return -ENOENT;
  const { scanout } = screen;
  if (scanout === null) return -EINVAL;
  const { width, height } = scanout.mode;
  const [x, y] = [field(offset.src_x) / FIXED, field(offset.src_y) / FIXED];
  const isWhole =
    field(offset.crtc_x) === 0 &&
    field(offset.crtc_y) === 0 &&
    field(offset.crtc_w) === width &&
    field(offset.crtc_h) === height &&
    field(offset.src_w) === width * FIXED &&
    field(offset.src_h) === height * FIXED;
  if (!isWhole || !Number.isInteger(x) || !Number.isInteger(y)) return -EINVAL;
  if (!covers(framebuffer, x, y, width, height)) return -ENOSPC;
  card.show({ ...card.pipe, plane: wholePlane(framebuffer, { x, y, width, height }) });
  return 0;
}

/** −EBUSY: nothing is shown, or another flip is under way. */
function pageFlip(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeCrtcPageFlip;
  const flags = view.getUint32(offset.flags, true);
  if ((flags & ~DRM_MODE_PAGE_FLIP_EVENT) !== 0 || view.getUint32(offset.reserved, true) !== 0) return -EINVAL;
  if (view.getUint32(offset.crtc_id, true) !== CRTC_ID) return -ENOENT;
  const { card } = client;
  const { scanout } = card.screen;
  if (scanout === null) return -EBUSY;
  const framebuffer = card.framebuffers.get(view.getUint32(offset.fb_id, true));
  if (framebuffer === undefined) return -ENOENT;
  if (!covers(framebuffer, scanout.x, scanout.y, scanout.mode.width, scanout.mode.height)) return -ENOSPC;
  if (framebuffer.format !== scanout.framebuffer.format) return -EINVAL;
  if (card.flip !== null || card.busyUntilNs() > card.kernel.now()) return -EBUSY;
  const isTold = (flags & DRM_MODE_PAGE_FLIP_EVENT) !== 0;
  if (isTold && !client.reserveEvent()) return -ENOMEM;
  card.flip = framebuffer;
  card.await({
    sequence: nextFrame(card),
    type: DRM_EVENT_FLIP_COMPLETE,
    user: isTold ? client : null,
    userData: wordsAt(view, offset.user_data),
  });
  return 0;
}

function nextFrame({ kernel, screen }: DrmCard): number {
  return screen.sequenceAt(kernel.now()) + 1;
}

/** `struct drm_mode_cursor` is the beginning of the newer one. */
function setCursor(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeCursor2;
  const flags = view.getUint32(offset.flags, true);
  if (flags === 0 || (flags & ~(DRM_MODE_CURSOR_BO | DRM_MODE_CURSOR_MOVE)) !== 0) return -EINVAL;
  if (view.getUint32(offset.crtc_id, true) !== CRTC_ID) return -ENOENT;
  const { card } = client;
  if ((flags & DRM_MODE_CURSOR_BO) !== 0) {
    const handle = view.getUint32(offset.handle, true);
    const [width, height] = [view.getUint32(offset.width, true), view.getUint32(offset.height, true)];
    const buffer = client.handles.get(handle);
    if (handle !== 0 && buffer === undefined) return -ENOENT;
    if (width > CURSOR_SIZE || height > CURSOR_SIZE) return -EINVAL;
    if (buffer !== undefined && width * height * 4 > buffer.memory.sizeBytes) return -EINVAL;
    buffer?.retain();
    card.hideCursor();
    if (buffer !== undefined) card.screen.cursor = { buffer, width, height };
  }
  if ((flags & DRM_MODE_CURSOR_MOVE) !== 0) {
    card.screen.cursorX = view.getInt32(offset.x, true);
    card.screen.cursorY = view.getInt32(offset.y, true);
  }
  return 0;
}

/** Waits for a frame, or asks for an event when it comes. Numbers of frames go round at 2³². */
function waitVblank(client: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmWaitVblank;
  const type = view.getUint32(offset.type, true);
  if ((type & (DRM_VBLANK_HIGH_CRTC_MASK | DRM_VBLANK_SECONDARY)) !== 0) return -EINVAL;
  const { card } = client;
  const { kernel, screen } = card;
  const now = kernel.now();
  const current = screen.sequenceAt(now);
  const state = task.syscallState;
  if (state === null || state.kind !== "deadline") {
    const asked = view.getUint32(offset.sequence, true);
    // Of the frames with that number the one that is nearest: earlier ones are over.
    const ahead = (type & DRM_VBLANK_RELATIVE) !== 0 ? asked : (asked - current) | 0;
    const isMissed = ahead <= 0 && (type & DRM_VBLANK_RELATIVE) === 0;
    const target = isMissed && (type & DRM_VBLANK_NEXTONMISS) !== 0 ? current + 1 : current + Math.max(0, ahead);
    if ((type & DRM_VBLANK_EVENT) !== 0) {
      if (!client.reserveEvent()) return -ENOMEM;
      const userData = wordsAt(view, offset.tval_sec);
      if (target > current) card.await({ sequence: target, type: DRM_EVENT_VBLANK, user: client, userData });
      else client.push(DRM_EVENT_VBLANK, userData, current, screen.timeOf(current));
      view.setUint32(offset.sequence, target >>> 0, true);
      return 0;
    }
    if (target > current) {
      const deadlineNs = screen.timeOf(target);
      task.syscallState = { kind: "deadline", deadlineNs };
      task.waitUntil(deadlineNs);
      return BLOCKED;
    }
  } else if (now < state.deadlineNs) {
    task.waitUntil(state.deadlineNs);
    return BLOCKED;
  }
  const timeNs = screen.timeOf(current);
  view.setUint32(offset.sequence, current >>> 0, true);
  put64(view, offset.tval_sec, Math.floor(timeNs / 1e9));
  put64(view, offset.tval_usec, Math.floor((timeNs % 1e9) / 1000));
  return 0;
}

export const FRAME_REQUESTS: readonly (readonly [number, DrmRequest])[] = [
  [DRM_NR_MODE_SETCRTC, { size: DrmModeCrtc.size, isForMaster: true, run: setCrtc }],
  [DRM_NR_MODE_SETPLANE, { size: DrmModeSetPlane.size, isForMaster: true, run: setPlane }],
  [DRM_NR_MODE_PAGE_FLIP, { size: DrmModeCrtcPageFlip.size, isForMaster: true, run: pageFlip }],
  [DRM_NR_MODE_CURSOR, { size: DrmModeCursor2.size, isForMaster: true, run: setCursor }],
  [DRM_NR_MODE_CURSOR2, { size: DrmModeCursor2.size, isForMaster: true, run: setCursor }],
  [DRM_NR_WAIT_VBLANK, { size: DrmWaitVblank.size, run: waitVblank }],
];
