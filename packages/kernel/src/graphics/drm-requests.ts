/** Requests of ioctl(2) to the card, by `_IOC_NR`. Source: drivers/gpu/drm/drm_ioctl.c. */
import {
  CAP_SYS_ADMIN,
  DRM_CAP_ADDFB2_MODIFIERS,
  DRM_CAP_ASYNC_PAGE_FLIP,
  DRM_CAP_CRTC_IN_VBLANK_EVENT,
  DRM_CAP_CURSOR_HEIGHT,
  DRM_CAP_CURSOR_WIDTH,
  DRM_CAP_DUMB_BUFFER,
  DRM_CAP_DUMB_PREFERRED_DEPTH,
  DRM_CAP_DUMB_PREFER_SHADOW,
  DRM_CAP_PAGE_FLIP_TARGET,
  DRM_CAP_PRIME,
  DRM_CAP_SYNCOBJ,
  DRM_CAP_SYNCOBJ_TIMELINE,
  DRM_CAP_TIMESTAMP_MONOTONIC,
  DRM_CAP_VBLANK_HIGH_CRTC,
  DRM_CLIENT_CAP_ASPECT_RATIO,
  DRM_CLIENT_CAP_ATOMIC,
  DRM_CLIENT_CAP_STEREO_3D,
  DRM_CLIENT_CAP_UNIVERSAL_PLANES,
  DRM_NR_AUTH_MAGIC,
  DRM_NR_DROP_MASTER,
  DRM_NR_GET_CAP,
  DRM_NR_GET_CLIENT,
  DRM_NR_GET_MAGIC,
  DRM_NR_GET_UNIQUE,
  DRM_NR_MODESET_CTL,
  DRM_NR_SET_CLIENT_CAP,
  DRM_NR_SET_MASTER,
  DRM_NR_SET_VERSION,
  DRM_NR_VERSION,
  DrmAuth,
  DrmClient as DrmClientLayout,
  DrmGetCap,
  DrmSetClientCap,
  DrmSetVersion,
  DrmUnique,
  DrmVersion,
  EACCES,
  EBUSY,
  EINVAL,
  EOPNOTSUPP,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { getU64, put64 } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import { ATOMIC_REQUESTS } from "./atomic-request.ts";
import { BUFFER_REQUESTS } from "./buffer-requests.ts";
import type { DrmClient } from "./drm-client.ts";
import type { DrmRequest } from "./drm-request.ts";
import { FRAME_REQUESTS } from "./frame-requests.ts";
import type { GraphicsCaller } from "./graphics-kernel.ts";
import { MODE_REQUESTS } from "./mode-requests.ts";
import { CURSOR_SIZE } from "./screen.ts";

/** What DRM_IOCTL_VERSION tells: our driver, and the interface that it speaks. */
const NAME = "stratos",
  DATE = "0",
  DESCRIPTION = "the screen of a machine";
const MAJOR = 1,
  MINOR = 0;
const INTERFACE_MAJOR = 1,
  INTERFACE_MINOR = 4;

const CAPABILITIES: ReadonlyMap<number, number> = new Map([
  [DRM_CAP_DUMB_BUFFER, 1],
  [DRM_CAP_VBLANK_HIGH_CRTC, 1],
  [DRM_CAP_DUMB_PREFERRED_DEPTH, 24],
  [DRM_CAP_DUMB_PREFER_SHADOW, 0],
  [DRM_CAP_PRIME, 0],
  [DRM_CAP_TIMESTAMP_MONOTONIC, 1],
  [DRM_CAP_ASYNC_PAGE_FLIP, 0],
  [DRM_CAP_CURSOR_WIDTH, CURSOR_SIZE],
  [DRM_CAP_CURSOR_HEIGHT, CURSOR_SIZE],
  [DRM_CAP_ADDFB2_MODIFIERS, 0],
  [DRM_CAP_PAGE_FLIP_TARGET, 0],
  [DRM_CAP_CRTC_IN_VBLANK_EVENT, 1],
  [DRM_CAP_SYNCOBJ, 0],
  [DRM_CAP_SYNCOBJ_TIMELINE, 0],
]);

/** Fills a caller's buffer of `length` bytes as far as it goes, and tells the whole length. */
function putText(task: GraphicsCaller, view: DataView, lengthAt: number, pointerAt: number, text: string): number {
  const room = getU64(view, lengthAt);
  const address = getU64(view, pointerAt);
  const bytes = byteStringOf(text);
  put64(view, lengthAt, bytes.length);
  if (room === 0 || address === 0) return 0;
  return task.space.copyOut(address, bytes, 0, Math.min(room, bytes.length));
}

function version(_client: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmVersion;
  view.setInt32(offset.version_major, MAJOR, true);
  view.setInt32(offset.version_minor, MINOR, true);
  view.setInt32(offset.version_patchlevel, 0, true);
  for (const [length, pointer, text] of [
    [offset.name_len, offset.name, NAME],
    [offset.date_len, offset.date, DATE],
    [offset.desc_len, offset.desc, DESCRIPTION],
  ] as const) {
    const failed = putText(task, view, length, pointer, text);
    if (failed < 0) return failed;
  }
  return 0;
}

/** Where a card of a bus would tell its place. */
function getUnique(_client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  put64(view, DrmUnique.offset.unique_len, 0);
  return 0;
}

function getMagic(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const { card } = client;
  if (client.magic === 0) card.magics.set((client.magic = ++card.lastMagic), client);
  view.setUint32(DrmAuth.offset.magic, client.magic, true);
  return 0;
}

/** Who knows a magic may do nothing more than others here. −EINVAL: nobody has it. */
function authMagic({ card }: DrmClient, _task: GraphicsCaller, view: DataView): number {
  return card.magics.has(view.getUint32(DrmAuth.offset.magic, true)) ? 0 : -EINVAL;
}

/** The caller alone, as Linux has it for long (drm_getclient). */
function getClient(_client: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmClientLayout;
  if (view.getInt32(offset.idx, true) !== 0) return -EINVAL;
  view.setInt32(offset.auth, 1, true);
  put64(view, offset.pid, task.pid);
  put64(view, offset.uid, task.credentials.uid);
  put64(view, offset.magic, 0);
  put64(view, offset.iocs, 0);
  return 0;
}

/** −1 asks for nothing. −EINVAL: another interface, or another driver, than ours. */
function setVersion(_client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmSetVersion;
  const asked = (at: number): number => view.getInt32(at, true);
  const [major, minor] = [asked(offset.drm_di_major), asked(offset.drm_di_minor)];
  const [driverMajor, driverMinor] = [asked(offset.drm_dd_major), asked(offset.drm_dd_minor)];
  const isWrong = major !== -1 && (major !== INTERFACE_MAJOR || minor < 0 || minor > INTERFACE_MINOR);
  const isOther = driverMajor !== -1 && (driverMajor !== MAJOR || driverMinor < 0 || driverMinor > MINOR);
  view.setInt32(offset.drm_di_major, INTERFACE_MAJOR, true);
  view.setInt32(offset.drm_di_minor, INTERFACE_MINOR, true);
  view.setInt32(offset.drm_dd_major, MAJOR, true);
  view.setInt32(offset.drm_dd_minor, MINOR, true);
  return isWrong || isOther ? -EINVAL : 0;
}

function getCap(_client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const value = CAPABILITIES.get(getU64(view, DrmGetCap.offset.capability));
  if (value === undefined) return -EINVAL;
  put64(view, DrmGetCap.offset.value, value);
  return 0;
}

/** −EOPNOTSUPP: atomic changes for an X server; −EINVAL: what the card has not, or no value of it. */
function setClientCap(client: DrmClient, task: GraphicsCaller, view: DataView): number {
  const value = getU64(view, DrmSetClientCap.offset.value);
  switch (getU64(view, DrmSetClientCap.offset.capability)) {
    case DRM_CLIENT_CAP_STEREO_3D:
    case DRM_CLIENT_CAP_ASPECT_RATIO:
      return value > 1 ? -EINVAL : 0;
    case DRM_CLIENT_CAP_UNIVERSAL_PLANES:
      if (value > 1) return -EINVAL;
      client.seesAllPlanes = value === 1;
      return 0;
    case DRM_CLIENT_CAP_ATOMIC:
      // Xorg means something else by it, as Linux knows (drm_setclientcap).
      if (task.name.startsWith("X") && value === 1) return -EOPNOTSUPP;
      if (value > 2) return -EINVAL;
      client.isAtomic = value > 0;
      client.seesAllPlanes = value > 0;
      return 0;
    default:
      return -EINVAL;
  }
}

/** −EBUSY: another is; −EACCES: who never was needs CAP_SYS_ADMIN (drm_auth.c, drm_setmaster_ioctl). */
function setMaster(client: DrmClient, task: GraphicsCaller): number {
  if (!client.wasMaster && !isCapable(task.credentials, CAP_SYS_ADMIN)) return -EACCES;
  if (client.isMaster) return 0;
  if (client.card.master !== null) return -EBUSY;
  client.becomeMaster();
  return 0;
}

function dropMaster(client: DrmClient, task: GraphicsCaller): number {
  if (!client.wasMaster && !isCapable(task.credentials, CAP_SYS_ADMIN)) return -EACCES;
  if (!client.isMaster) return -EINVAL;
  client.card.master = null;
  return 0;
}

const DEVICE_REQUESTS: readonly (readonly [number, DrmRequest])[] = [
  [DRM_NR_VERSION, { size: DrmVersion.size, run: version }],
  [DRM_NR_GET_UNIQUE, { size: DrmUnique.size, run: getUnique }],
  [DRM_NR_GET_MAGIC, { size: DrmAuth.size, run: getMagic }],
  [DRM_NR_GET_CLIENT, { size: DrmClientLayout.size, run: getClient }],
  [DRM_NR_SET_VERSION, { size: DrmSetVersion.size, isForMaster: true, run: setVersion }],
  [DRM_NR_MODESET_CTL, { size: 8, run: () => 0 }],
  [DRM_NR_GET_CAP, { size: DrmGetCap.size, run: getCap }],
  [DRM_NR_SET_CLIENT_CAP, { size: DrmSetClientCap.size, run: setClientCap }],
  [DRM_NR_AUTH_MAGIC, { size: DrmAuth.size, isForMaster: true, run: authMagic }],
  [DRM_NR_SET_MASTER, { size: 0, run: setMaster }],
  [DRM_NR_DROP_MASTER, { size: 0, run: dropMaster }],
];

export const DRM_REQUESTS: ReadonlyMap<number, DrmRequest> = new Map([
  ...DEVICE_REQUESTS,
  ...MODE_REQUESTS,
  ...BUFFER_REQUESTS,
  ...FRAME_REQUESTS,
  ...ATOMIC_REQUESTS,
]);
