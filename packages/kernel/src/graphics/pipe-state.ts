/**
 * What the card is set to, as the atomic interface tells it: its CRTC with its mode, the connector, the primary plane.
 * A state is never changed: another one takes its place, as a whole (`drm_atomic_state`).
 */
import { DrmModeModeinfo, EINVAL, ENOSPC, ERANGE } from "@stratos/abi";
import type { Framebuffer } from "./framebuffer.ts";
import type { Scanout, Screen } from "./screen.ts";

/** Bytes with an id, of a program that made them or of the mode that is set (`struct drm_property_blob`). */
export interface PropertyBlob {
  readonly id: number;
  readonly bytes: Uint8Array;
  /** Who made it has not destroyed it. */
  isOwned: boolean;
}

/** Places on the screen are in pixels, those in the picture in 65,536ths. */
export interface PlaneState {
  readonly framebuffer: Framebuffer | null;
  /** It is on the CRTC. */
  readonly isOn: boolean;
  readonly crtcX: number;
  readonly crtcY: number;
  readonly crtcWidth: number;
  readonly crtcHeight: number;
  readonly sourceX: number;
  readonly sourceY: number;
  readonly sourceWidth: number;
  readonly sourceHeight: number;
}

export interface PipeState {
  readonly isActive: boolean;
  /** `struct drm_mode_modeinfo`; null: none. */
  readonly mode: PropertyBlob | null;
  /** The connector is on the CRTC. */
  readonly isConnected: boolean;
  readonly plane: PlaneState;
}

/** Fixed-point numbers of planes' sources: 16.16. */
export const FIXED = 65536;

export const OFF: PipeState = {
  isActive: false,
  mode: null,
  isConnected: false,
  plane: {
    ...{ framebuffer: null, isOn: false, crtcX: 0, crtcY: 0, crtcWidth: 0, crtcHeight: 0 },
    ...{ sourceX: 0, sourceY: 0, sourceWidth: 0, sourceHeight: 0 },
  },
};

/** All of the screen, from a place in the picture on. */
export function wholePlane(
  framebuffer: Framebuffer,
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
): PlaneState {
  return {
    ...{ framebuffer, isOn: true, crtcX: 0, crtcY: 0, crtcWidth: width, crtcHeight: height },
    ...{ sourceX: x * FIXED, sourceY: y * FIXED, sourceWidth: width * FIXED, sourceHeight: height * FIXED },
  };
}

function sizeOf({ bytes }: PropertyBlob): { readonly width: number; readonly height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { hdisplay, vdisplay } = DrmModeModeinfo.offset;
  return { width: view.getUint16(hdisplay, true), height: view.getUint16(vdisplay, true) };
}

export function scanoutOf({ modes }: Screen, { isActive, mode, plane }: PipeState): Scanout | null {
  if (!isActive || mode === null || plane.framebuffer === null) return null;
  const { width, height } = sizeOf(mode);
  const known = modes.find((each) => each.width === width && each.height === height);
  return {
    framebuffer: plane.framebuffer,
    mode: known ?? { width, height, isPreferred: false },
    x: plane.sourceX / FIXED,
    y: plane.sourceY / FIXED,
  };
}

/**
 * Whether the card can show that. Source: drm_atomic_helper_check_modeset, drm_atomic_plane_check,
 * drm_atomic_helper_check_plane_state.
 *
 * @returns 0; −EINVAL: parts that do not fit each other, or a plane that is not all of the screen; −ERANGE: it would be
 *   scaled; −ENOSPC: the picture is smaller
 */
export function checkPipe(screen: Screen, { isActive, mode, isConnected, plane }: PipeState): number {
  const { framebuffer } = plane;
  if ((framebuffer !== null) !== plane.isOn) return -EINVAL;
  if ((isActive && mode === null) || (mode !== null) !== isConnected) return -EINVAL;
  const { width, height } = mode === null ? { width: 0, height: 0 } : sizeOf(mode);
  if (mode !== null && (width === 0 || height === 0 || width > screen.width || height > screen.height)) return -EINVAL;
  if (framebuffer === null) return 0;
  const { sourceX, sourceY, sourceWidth, sourceHeight } = plane;
  if (sourceX + sourceWidth > framebuffer.width * FIXED || sourceY + sourceHeight > framebuffer.height * FIXED)
    return -ENOSPC;
  if (mode === null) return -EINVAL;
  if (sourceWidth !== plane.crtcWidth * FIXED || sourceHeight !== plane.crtcHeight * FIXED) return -ERANGE;
  const isWhole = plane.crtcX === 0 && plane.crtcY === 0 && plane.crtcWidth === width && plane.crtcHeight === height;
  return isWhole && sourceX % FIXED === 0 && sourceY % FIXED === 0 ? 0 : -EINVAL;
}

/** More than the picture is another: a monitor would go dark for a moment (`drm_atomic_crtc_needs_modeset`). */
export function isModeset(before: PipeState, after: PipeState): boolean {
  const isSame = (one: PropertyBlob | null, other: PropertyBlob | null): boolean =>
    one === other || (one !== null && other !== null && one.bytes.every((byte, at) => byte === other.bytes[at]));
  return (
    before.isActive !== after.isActive || before.isConnected !== after.isConnected || !isSame(before.mode, after.mode)
  );
}
