/** Properties of the card's objects, and what they are. Source: drivers/gpu/drm/drm_{mode_config,property}.c. */
import {
  DRM_MODE_OBJECT_ANY,
  DRM_MODE_OBJECT_CONNECTOR,
  DRM_MODE_OBJECT_CRTC,
  DRM_MODE_OBJECT_FB,
  DRM_MODE_OBJECT_PLANE,
  DRM_MODE_PROP_ATOMIC,
  DRM_MODE_PROP_BLOB,
  DRM_MODE_PROP_ENUM,
  DRM_MODE_PROP_IMMUTABLE,
  DRM_MODE_PROP_OBJECT,
  DRM_MODE_PROP_RANGE,
  DRM_MODE_PROP_SIGNED_RANGE,
  DRM_PLANE_TYPE_CURSOR,
  DRM_PLANE_TYPE_OVERLAY,
  DRM_PLANE_TYPE_PRIMARY,
} from "@stratos/abi";
import { CONNECTOR_ID, CRTC_ID, type DrmCard, PLANE_ID } from "./drm-card.ts";
import type { PlaneState } from "./pipe-state.ts";

export interface Property {
  readonly id: number;
  readonly name: string;
  readonly flags: number;
  /** Names of its values from 0 on; the least and the largest; or of what type the object is. */
  readonly values: readonly string[] | readonly number[] | null;
}

export type PropertyValue = readonly [Property, number];

const INT_MIN = -0x80000000,
  INT_MAX = 0x7fffffff,
  UINT_MAX = 0xffffffff;

const EDID: Property = {
  id: 1,
  name: "EDID",
  flags: DRM_MODE_PROP_BLOB | DRM_MODE_PROP_IMMUTABLE,
  values: null,
};
export const DPMS: Property = {
  id: 2,
  name: "DPMS",
  flags: DRM_MODE_PROP_ENUM,
  values: ["On", "Standby", "Suspend", "Off"],
};
const NON_DESKTOP: Property = {
  id: 3,
  name: "non-desktop",
  flags: DRM_MODE_PROP_RANGE | DRM_MODE_PROP_IMMUTABLE,
  values: [0, 1],
};
const PLANE_TYPES: string[] = [];
PLANE_TYPES[DRM_PLANE_TYPE_OVERLAY] = "Overlay";
PLANE_TYPES[DRM_PLANE_TYPE_PRIMARY] = "Primary";
PLANE_TYPES[DRM_PLANE_TYPE_CURSOR] = "Cursor";
const PLANE_TYPE: Property = {
  id: 4,
  name: "type",
  flags: DRM_MODE_PROP_ENUM | DRM_MODE_PROP_IMMUTABLE,
  values: PLANE_TYPES,
};

function atomic(id: number, name: string, type: number, values: readonly number[] | null): Property {
  return { id, name, flags: (DRM_MODE_PROP_ATOMIC | type) >>> 0, values };
}

export const ACTIVE: Property = atomic(5, "ACTIVE", DRM_MODE_PROP_RANGE, [0, 1]);
export const MODE_ID: Property = atomic(6, "MODE_ID", DRM_MODE_PROP_BLOB, null);
export const ON_CRTC: Property = atomic(7, "CRTC_ID", DRM_MODE_PROP_OBJECT, [DRM_MODE_OBJECT_CRTC]);
export const SHOWN_FB: Property = atomic(8, "FB_ID", DRM_MODE_PROP_OBJECT, [DRM_MODE_OBJECT_FB]);
/** Of the plane, by the field that each is. */
export const PLACES: readonly (readonly [Property, keyof PlaneState])[] = [
  [atomic(9, "CRTC_X", DRM_MODE_PROP_SIGNED_RANGE, [INT_MIN, INT_MAX]), "crtcX"],
  [atomic(10, "CRTC_Y", DRM_MODE_PROP_SIGNED_RANGE, [INT_MIN, INT_MAX]), "crtcY"],
  [atomic(11, "CRTC_W", DRM_MODE_PROP_RANGE, [0, INT_MAX]), "crtcWidth"],
  [atomic(12, "CRTC_H", DRM_MODE_PROP_RANGE, [0, INT_MAX]), "crtcHeight"],
  [atomic(13, "SRC_X", DRM_MODE_PROP_RANGE, [0, UINT_MAX]), "sourceX"],
  [atomic(14, "SRC_Y", DRM_MODE_PROP_RANGE, [0, UINT_MAX]), "sourceY"],
  [atomic(15, "SRC_W", DRM_MODE_PROP_RANGE, [0, UINT_MAX]), "sourceWidth"],
  [atomic(16, "SRC_H", DRM_MODE_PROP_RANGE, [0, UINT_MAX]), "sourceHeight"],
];
export const PROPERTIES: readonly Property[] = [
  ...[EDID, DPMS, NON_DESKTOP, PLANE_TYPE, ACTIVE, MODE_ID, ON_CRTC, SHOWN_FB],
  ...PLACES.map(([property]) => property),
];

function valuesOf({ pipe, screen }: DrmCard, id: number): readonly PropertyValue[] | null {
  const { plane } = pipe;
  switch (id) {
    case CONNECTOR_ID:
      return [
        [EDID, 0],
        [DPMS, screen.power],
        [NON_DESKTOP, 0],
        [ON_CRTC, pipe.isConnected ? CRTC_ID : 0],
      ];
    case CRTC_ID:
      return [
        [ACTIVE, Number(pipe.isActive)],
        [MODE_ID, pipe.mode?.id ?? 0],
      ];
    case PLANE_ID:
      return [
        [PLANE_TYPE, DRM_PLANE_TYPE_PRIMARY],
        [SHOWN_FB, plane.framebuffer?.id ?? 0],
        [ON_CRTC, plane.isOn ? CRTC_ID : 0],
        ...PLACES.map(([property, field]): PropertyValue => [property, plane[field] as number]),
      ];
    default:
      return null;
  }
}

const TYPES: ReadonlyMap<number, number> = new Map([
  [CONNECTOR_ID, DRM_MODE_OBJECT_CONNECTOR],
  [CRTC_ID, DRM_MODE_OBJECT_CRTC],
  [PLANE_ID, DRM_MODE_OBJECT_PLANE],
]);

/** @param isAtomic  whether those of the atomic interface are shown, too. @returns null: there is no such object */
export function propertiesOf(
  card: DrmCard,
  id: number,
  type: number,
  isAtomic: boolean,
): readonly PropertyValue[] | null {
  if (type !== DRM_MODE_OBJECT_ANY && TYPES.get(id) !== type) return null;
  const all = valuesOf(card, id);
  if (all === null || isAtomic) return all;
  return all.filter(([{ flags }]) => (flags & DRM_MODE_PROP_ATOMIC) === 0);
}
