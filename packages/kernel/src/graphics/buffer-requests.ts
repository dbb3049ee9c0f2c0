/** Buffers and the pictures in them. Source: drivers/gpu/drm/drm_{dumb_buffers,framebuffer,gem}.c. */
import {
  DRM_FORMAT_ARGB8888,
  DRM_FORMAT_RGB565,
  DRM_FORMAT_XRGB8888,
  DRM_NR_GEM_CLOSE,
  DRM_NR_MODE_ADDFB,
  DRM_NR_MODE_ADDFB2,
  DRM_NR_MODE_CREATE_DUMB,
  DRM_NR_MODE_DESTROY_DUMB,
  DRM_NR_MODE_DIRTYFB,
  DRM_NR_MODE_GETFB,
  DRM_NR_MODE_MAP_DUMB,
  DRM_NR_MODE_RMFB,
  DrmGemClose,
  DrmModeCreateDumb,
  DrmModeDestroyDumb,
  DrmModeFbCmd,
  DrmModeFbCmd2,
  DrmModeFbDirtyCmd,
  DrmModeMapDumb,
  EINVAL,
  ENOENT,
  ENOMEM,
  PAGE_SIZE,
} from "@stratos/abi";
import { getU64, put64, putFields } from "../ground/words.ts";
import { FRAMEBUFFERS_MAX } from "./drm-card.ts";
import type { DrmClient } from "./drm-client.ts";
import type { DrmRequest } from "./drm-request.ts";
import { BYTES_PER_PIXEL, DumbBuffer } from "./framebuffer.ts";
import type { GraphicsCaller } from "./graphics-kernel.ts";
import { PixelMemory } from "./pixel-memory.ts";

/** Bytes of a buffer: far beyond what a screen takes. */
const BUFFER_BYTES_MAX = 2 ** 28;
const PITCH_STEP = 64;
/** Formats of DRM_IOCTL_MODE_ADDFB, by bits of a pixel and of its colours. */
const LEGACY_FORMATS: ReadonlyMap<string, number> = new Map([
  ["32/24", DRM_FORMAT_XRGB8888],
  ["32/32", DRM_FORMAT_ARGB8888],
  ["16/16", DRM_FORMAT_RGB565],
]);

/** −EINVAL: nothing, or more than there may be; −ENOMEM. Pages are charged when they are touched. */
function createDumb(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeCreateDumb;
  const [width, height, bits] = [offset.width, offset.height, offset.bpp].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
  ];
  const pitch = Math.ceil((width * Math.ceil(bits / 8)) / PITCH_STEP) * PITCH_STEP;
  const size = Math.ceil((pitch * height) / PAGE_SIZE) * PAGE_SIZE;
  if (size === 0 || pitch > 0xffffffff) return -EINVAL;
  if (size > BUFFER_BYTES_MAX) return -ENOMEM;
  const { card } = client;
  const memory = new PixelMemory(card.kernel.memory, card.allocatePages(size / PAGE_SIZE), size);
  const buffer = new DumbBuffer(memory, card.buffers).retain();
  const handle = client.addHandle(buffer);
  buffer.release();
  if (handle === 0) return -ENOMEM;
  putFields(view, DrmModeCreateDumb, { handle, pitch });
  put64(view, offset.size, size);
  return 0;
}

function mapDumb({ handles }: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const buffer = handles.get(view.getUint32(DrmModeMapDumb.offset.handle, true));
  if (buffer === undefined) return -ENOENT;
  put64(view, DrmModeMapDumb.offset.offset, buffer.memory.firstPage * PAGE_SIZE);
  return 0;
}

function closeHandle(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  return client.closeHandle(view.getUint32(0, true));
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pitch: number;
  readonly offset: number;
  readonly format: number;
  readonly handle: number;
}

/** @returns its id; −ENOENT: no such buffer; −EINVAL: it does not lie in it, or is larger than the screen takes */
function addFramebuffer(client: DrmClient, picture: Picture): number {
  const { card } = client;
  const { width, height, pitch, offset, format } = picture;
  if (width === 0 || height === 0 || width > card.screen.width || height > card.screen.height) return -EINVAL;
  if (pitch < width * BYTES_PER_PIXEL.get(format)! || offset % 4 !== 0) return -EINVAL;
  const buffer = client.handles.get(picture.handle);
  if (buffer === undefined) return -ENOENT;
  if (offset + (height - 1) * pitch + width * BYTES_PER_PIXEL.get(format)! > buffer.memory.sizeBytes) return -EINVAL;
  if (card.framebuffers.size >= FRAMEBUFFERS_MAX) return -ENOMEM;
  const id = card.allocateId();
  card.framebuffers.set(id, { id, buffer: buffer.retain(), width, height, pitch, offset, format });
  client.framebuffers.add(id);
  return id;
}

function addFb(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const field = (at: number): number => view.getUint32(at, true);
  const { fb_id, width, height, pitch, bpp, depth, handle } = DrmModeFbCmd.offset;
  const format = LEGACY_FORMATS.get(`${field(bpp)}/${field(depth)}`);
  if (format === undefined) return -EINVAL;
  const id = addFramebuffer(client, {
    ...{ width: field(width), height: field(height), pitch: field(pitch) },
    ...{ offset: 0, format, handle: field(handle) },
  });
  if (id < 0) return id;
  view.setUint32(fb_id, id, true);
  return 0;
}

/** −EINVAL: planes or modifiers, which there are none of. */
function addFb2(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const field = (at: number): number => view.getUint32(at, true);
  const { fb_id, width, height, pixel_format, flags, handles, pitches, offsets } = DrmModeFbCmd2.offset;
  const format = field(pixel_format);
  if (field(flags) !== 0 || !BYTES_PER_PIXEL.has(format) || field(handles) === 0) return -EINVAL;
  for (let plane = 1; plane < 4; plane++)
    for (const list of [handles, pitches, offsets]) if (field(list + 4 * plane) !== 0) return -EINVAL;
  const id = addFramebuffer(client, {
    ...{ width: field(width), height: field(height), pitch: field(pitches) },
    ...{ offset: field(offsets), format, handle: field(handles) },
  });
  if (id < 0) return id;
  view.setUint32(fb_id, id, true);
  return 0;
}

/** −ENOENT: it is none of the caller's. */
function removeFb({ card, framebuffers }: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const id = view.getUint32(0, true);
  const framebuffer = card.framebuffers.get(id);
  if (framebuffer === undefined || !framebuffers.delete(id)) return -ENOENT;
  card.removeFramebuffer(framebuffer);
  return 0;
}

/** A handle of its buffer is for who may set modes; others see 0. */
function getFb(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const framebuffer = client.card.framebuffers.get(view.getUint32(DrmModeFbCmd.offset.fb_id, true));
  if (framebuffer === undefined) return -ENOENT;
  const { width, height, pitch, format, buffer } = framebuffer;
  const handle = client.isMaster ? client.addHandle(buffer) : 0;
  const bpp = BYTES_PER_PIXEL.get(format)! * 8;
  const depth = format === DRM_FORMAT_XRGB8888 ? 24 : bpp;
  putFields(view, DrmModeFbCmd, { width, height, pitch, bpp, depth, handle });
  return 0;
}

/** What was drawn is seen anyway: whoever shows the screen looks at the memory. */
function dirtyFb({ card }: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const { fb_id, num_clips, clips_ptr } = DrmModeFbDirtyCmd.offset;
  if (!card.framebuffers.has(view.getUint32(fb_id, true))) return -ENOENT;
  return (view.getUint32(num_clips, true) === 0) === (getU64(view, clips_ptr) === 0) ? 0 : -EINVAL;
}

export const BUFFER_REQUESTS: readonly (readonly [number, DrmRequest])[] = [
  [DRM_NR_GEM_CLOSE, { size: DrmGemClose.size, run: closeHandle }],
  [DRM_NR_MODE_CREATE_DUMB, { size: DrmModeCreateDumb.size, run: createDumb }],
  [DRM_NR_MODE_MAP_DUMB, { size: DrmModeMapDumb.size, run: mapDumb }],
  [DRM_NR_MODE_DESTROY_DUMB, { size: DrmModeDestroyDumb.size, run: closeHandle }],
  [DRM_NR_MODE_ADDFB, { size: DrmModeFbCmd.size, run: addFb }],
  [DRM_NR_MODE_ADDFB2, { size: DrmModeFbCmd2.size, run: addFb2 }],
  [DRM_NR_MODE_RMFB, { size: 4, run: removeFb }],
  [DRM_NR_MODE_GETFB, { size: DrmModeFbCmd.size, run: getFb }],
  [DRM_NR_MODE_DIRTYFB, { size: DrmModeFbDirtyCmd.size, isForMaster: true, run: dirtyFb }],
];
