/** Resolutions of a screen with their timings, as a monitor would tell them. */
import {
  DRM_MODE_FLAG_NVSYNC,
  DRM_MODE_FLAG_PHSYNC,
  DRM_MODE_TYPE_DRIVER,
  DRM_MODE_TYPE_PREFERRED,
  DrmModeModeinfo,
} from "@stratos/abi";
import { writeText } from "./write-text.ts";

/** In pixels and lines; `clock` in kHz. */
export interface DisplayMode {
  readonly width: number;
  readonly height: number;
  readonly isPreferred: boolean;
}

/** VESA's usual ones. */
const USUAL: readonly (readonly [width: number, height: number])[] = [
  [3840, 2160],
  [2560, 1440],
  [1920, 1200],
  [1920, 1080],
  [1680, 1050],
  [1600, 1200],
  [1600, 900],
  [1440, 900],
  [1280, 1024],
  [1280, 800],
  [1280, 720],
  [1024, 768],
  [800, 600],
  [640, 480],
];
export const REFRESH_HZ = 60;

/** Its own resolution first, then the usual ones that are no larger. */
export function modesOf(width: number, height: number): DisplayMode[] {
  const smaller = USUAL.filter(
    ([each, lines]) => each <= width && lines <= height && !(each === width && lines === height),
  );
  return [
    { width, height, isPreferred: true },
    ...smaller.map(([each, lines]) => ({ width: each, height: lines, isPreferred: false })),
  ];
}

/** Where lines and frames begin and end; VESA CVT with reduced blanking, version 1 (section 5). */
export function timingsOf({ width, height }: { width: number; height: number }): {
  clock: number;
  hsyncStart: number;
  hsyncEnd: number;
  htotal: number;
  vsyncStart: number;
  vsyncEnd: number;
  vtotal: number;
} {
  const htotal = width + 160;
  // At least 460 µs of blanking.
  const lineUs = (1e6 / REFRESH_HZ - 460) / height;
  const vtotal = height + Math.max(Math.floor(460 / lineUs) + 1, 3 + 5 + 6);
  return {
    clock: Math.floor((REFRESH_HZ * vtotal * htotal) / 1000 / 250) * 250,
    hsyncStart: width + 48,
    hsyncEnd: width + 80,
    htotal,
    vsyncStart: height + 3,
    vsyncEnd: height + 8,
    vtotal,
  };
}

/** `struct drm_mode_modeinfo`. */
export function putMode(view: DataView, at: number, mode: DisplayMode): void {
  const { offset } = DrmModeModeinfo;
  const { width, height, isPreferred } = mode;
  const { clock, hsyncStart, hsyncEnd, htotal, vsyncStart, vsyncEnd, vtotal } = timingsOf(mode);
  view.setUint32(at + offset.clock, clock, true);
  for (const [place, value] of [
    [offset.hdisplay, width],
    [offset.hsync_start, hsyncStart],
    [offset.hsync_end, hsyncEnd],
    [offset.htotal, htotal],
    [offset.hskew, 0],
    [offset.vdisplay, height],
    [offset.vsync_start, vsyncStart],
    [offset.vsync_end, vsyncEnd],
    [offset.vtotal, vtotal],
    [offset.vscan, 0],
  ] as const)
    view.setUint16(at + place, value, true);
  view.setUint32(at + offset.vrefresh, REFRESH_HZ, true);
  view.setUint32(at + offset.flags, DRM_MODE_FLAG_PHSYNC | DRM_MODE_FLAG_NVSYNC, true);
  view.setUint32(at + offset.type, DRM_MODE_TYPE_DRIVER | (isPreferred ? DRM_MODE_TYPE_PREFERRED : 0), true);
  writeText(view, at + offset.name, `${width}x${height}`, DrmModeModeinfo.size - offset.name);
}
