/**
 * DRM_IOCTL_MODE_ATOMIC: many properties of the card's objects at once, all of them or none. Source:
 * drivers/gpu/drm/drm_atomic_uapi.c.
 */
import {
  DRM_EVENT_FLIP_COMPLETE,
  DRM_MODE_ATOMIC_ALLOW_MODESET,
  DRM_MODE_ATOMIC_NONBLOCK,
  DRM_MODE_ATOMIC_TEST_ONLY,
  DRM_MODE_OBJECT_ANY,
  DRM_MODE_PAGE_FLIP_EVENT,
  DRM_MODE_PROP_IMMUTABLE,
  DRM_NR_MODE_ATOMIC,
  DRM_NR_MODE_CREATEPROPBLOB,
  DRM_NR_MODE_DESTROYPROPBLOB,
  DRM_NR_MODE_GETPROPBLOB,
  DrmModeAtomic,
  DrmModeCreateBlob,
  DrmModeDestroyBlob,
  DrmModeGetBlob,
  DrmModeModeinfo,
  EBUSY,
  EINVAL,
  ENOENT,
  ENOMEM,
  EPERM,
  isErrno,
} from "@stratos/abi";
import { BLOCKED } from "../ground/wait-queue.ts";
import { get64, getU64 } from "../ground/words.ts";
import { CONNECTOR_ID, CRTC_ID, type DrmCard, PLANE_ID } from "./drm-card.ts";
import type { DrmClient } from "./drm-client.ts";
import { ACTIVE, DPMS, MODE_ID, ON_CRTC, PLACES, propertiesOf, type Property, SHOWN_FB } from "./drm-properties.ts";
import { type DrmRequest, wordsAt } from "./drm-request.ts";
import type { GraphicsCaller } from "./graphics-kernel.ts";
import { checkPipe, isModeset, type PipeState } from "./pipe-state.ts";

const FLAGS =
  DRM_MODE_PAGE_FLIP_EVENT | DRM_MODE_ATOMIC_TEST_ONLY | DRM_MODE_ATOMIC_NONBLOCK | DRM_MODE_ATOMIC_ALLOW_MODESET;
/** In one request: three objects have fifteen between them. */
const CHANGES_MAX = 1024;
/** Of one blob, in bytes, and of one file. */
const BLOB_BYTES_MAX = 65536,
  BLOBS_MAX = 256;

/**
 * −EINVAL: who does not speak it (DRM_CLIENT_CAP_ATOMIC), what makes no sense, or a modeset that is not allowed;
 * −ENOENT: no such object or property; −EBUSY: the last change has not been shown yet, and the caller does not wait;
 * −ENOMEM: no room for its event; and what `checkPipe` says.
 */
function commit(client: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { card } = client;
  const { offset } = DrmModeAtomic;
  const flags = view.getUint32(offset.flags, true);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const isTold = has(DRM_MODE_PAGE_FLIP_EVENT);
  const isTest = has(DRM_MODE_ATOMIC_TEST_ONLY);
  if (!client.isAtomic || (flags & ~FLAGS) !== 0 || getU64(view, offset.reserved) !== 0) return -EINVAL;
  if (isTest && isTold) return -EINVAL;
  const next = readChanges(card, task, view);
  if (isErrno(next)) return next;
  const { pipe, screen } = card;
  const failed = checkPipe(screen, next);
  if (failed < 0) return failed;
  if (isModeset(pipe, next) && !has(DRM_MODE_ATOMIC_ALLOW_MODESET)) return -EINVAL;
  // Of a CRTC that stays off there is nothing to tell.
  if (isTold && (next === pipe || !(pipe.isActive || next.isActive))) return -EINVAL;
  if (isTest) return 0;
  const isLater = has(DRM_MODE_ATOMIC_NONBLOCK);
  const waited = isLater ? 0 : waitForFrame(card, task);
  if (waited !== 0) return waited;
  if (isLater && card.busyUntilNs() > card.kernel.now()) return -EBUSY;
  if (isTold && !client.reserveEvent()) return -ENOMEM;
  // A flip whose frame has begun is over.
  card.flip = null;
  card.show(next);
  if (next.isActive) screen.power = 0;
  const user = isTold ? client : null;
  const userData = wordsAt(view, offset.user_data);
  card.beginFrame({ type: DRM_EVENT_FLIP_COMPLETE, user, userData }, isLater ? 1 : 0);
  return 0;
}

/** Who does not go ahead changes the card as a frame begins. Until then nothing is done, and a signal may end it. */
function waitForFrame(card: DrmCard, task: GraphicsCaller): number {
  const { kernel, screen } = card;
  const now = kernel.now();
  const state = task.syscallState;
  const begunNs = state !== null && state.kind === "deadline" ? state.deadlineNs : Infinity;
  const untilNs = Math.max(card.busyUntilNs(), begunNs <= now ? 0 : screen.timeOf(screen.sequenceAt(now) + 1));
  if (untilNs <= now) return 0;
  task.syscallState = { kind: "deadline", deadlineNs: untilNs };
  task.waitUntil(untilNs);
  return BLOCKED;
}

/** @returns what the card would be set to (`card.pipe` itself: nothing was named); a negated errno */
function readChanges(card: DrmCard, task: GraphicsCaller, view: DataView): PipeState | number {
  const { offset } = DrmModeAtomic;
  const { space } = task;
  const [objects, counts] = [getU64(view, offset.objs_ptr), getU64(view, offset.count_props_ptr)];
  const [ids, values] = [getU64(view, offset.props_ptr), getU64(view, offset.prop_values_ptr)];
  const word = new Uint8Array(8);
  const value = new DataView(word.buffer);
  let next = card.pipe,
    done = 0;
  for (let index = 0; index < view.getUint32(offset.count_objs, true); index++) {
    if (index >= CHANGES_MAX) return -ENOMEM;
    const object = space.loadU32(objects + 4 * index);
    if (object < 0) return object;
    const known = propertiesOf(card, object, DRM_MODE_OBJECT_ANY, true);
    if (known === null) return -ENOENT;
    const count = space.loadU32(counts + 4 * index);
    if (count < 0) return count;
    for (let each = 0; each < count; each++, done++) {
      if (done >= CHANGES_MAX) return -ENOMEM;
      const id = space.loadU32(ids + 4 * done);
      if (id < 0) return id;
      const property = known.find(([candidate]) => candidate.id === id)?.[0];
      if (property === undefined) return -ENOENT;
      const failed = space.copyIn(values + 8 * done, word, 0, word.length);
      if (failed < 0) return failed;
      const changed = withProperty(card, next, object, property, get64(value, 0));
      if (changed === null) return -EINVAL;
      next = changed;
    }
  }
  return next;
}

/** @returns null: it has no such value, or none that can be set */
function withProperty(
  card: DrmCard,
  pipe: PipeState,
  object: number,
  property: Property,
  value: number,
): PipeState | null {
  if ((property.flags & DRM_MODE_PROP_IMMUTABLE) !== 0 || property === DPMS) return null;
  const { plane } = pipe;
  if (property === ACTIVE) return value === 0 || value === 1 ? { ...pipe, isActive: value === 1 } : null;
  if (property === MODE_ID) {
    const mode = value === 0 ? null : card.blobs.get(value);
    return mode === undefined || (mode !== null && mode.bytes.length !== DrmModeModeinfo.size)
      ? null
      : { ...pipe, mode };
  }
  if (property === ON_CRTC) {
    if (value !== 0 && value !== CRTC_ID) return null;
    const isOn = value === CRTC_ID;
    if (object === CONNECTOR_ID) return { ...pipe, isConnected: isOn };
    return object === PLANE_ID ? { ...pipe, plane: { ...plane, isOn } } : null;
  }
  if (property === SHOWN_FB) {
    const framebuffer = value === 0 ? null : card.framebuffers.get(value);
    return framebuffer === undefined ? null : { ...pipe, plane: { ...plane, framebuffer } };
  }
  const field = PLACES.find(([each]) => each === property)![1];
  const [least, most] = property.values as readonly number[];
  return value < least! || value > most! ? null : { ...pipe, plane: { ...plane, [field]: value } };
}

/** −EINVAL: no bytes; −ENOMEM: too many, or too many blobs. */
function createBlob(client: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeCreateBlob;
  const length = view.getUint32(offset.length, true);
  if (length === 0) return -EINVAL;
  if (length > BLOB_BYTES_MAX || client.blobs.size >= BLOBS_MAX) return -ENOMEM;
  const bytes = new Uint8Array(length);
  const failed = task.space.copyIn(getU64(view, offset.data), bytes, 0, length);
  if (failed < 0) return failed;
  const { id } = client.card.addBlob(bytes, true);
  client.blobs.add(id);
  view.setUint32(offset.blob_id, id, true);
  return 0;
}

/** −ENOENT: there is none; −EPERM: it is another's. What is set stays set. */
function destroyBlob(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const id = view.getUint32(DrmModeDestroyBlob.offset.blob_id, true);
  if (!client.card.blobs.has(id)) return -ENOENT;
  if (!client.blobs.delete(id)) return -EPERM;
  client.card.disownBlob(id);
  return 0;
}

/** Its bytes, when the caller says how many there are; in any case how many. */
function getBlob({ card }: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeGetBlob;
  const bytes = card.blobs.get(view.getUint32(offset.blob_id, true))?.bytes;
  if (bytes === undefined) return -ENOENT;
  const isAsked = view.getUint32(offset.length, true) === bytes.length;
  view.setUint32(offset.length, bytes.length, true);
  return isAsked ? task.space.copyOut(getU64(view, offset.data), bytes, 0, bytes.length) : 0;
}

export const ATOMIC_REQUESTS: readonly (readonly [number, DrmRequest])[] = [
  [DRM_NR_MODE_ATOMIC, { size: DrmModeAtomic.size, isForMaster: true, run: commit }],
  [DRM_NR_MODE_CREATEPROPBLOB, { size: DrmModeCreateBlob.size, run: createBlob }],
  [DRM_NR_MODE_DESTROYPROPBLOB, { size: DrmModeDestroyBlob.size, run: destroyBlob }],
  [DRM_NR_MODE_GETPROPBLOB, { size: DrmModeGetBlob.size, run: getBlob }],
];
