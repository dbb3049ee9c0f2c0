/**
 * What there is to be set, and what it is set to. Source: drivers/gpu/drm/drm_{mode_config,crtc,connector,property}.c.
 */
import {
  DRM_MODE_CONNECTED,
  DRM_MODE_CONNECTOR_VIRTUAL,
  DRM_MODE_ENCODER_VIRTUAL,
  DRM_MODE_OBJECT_ANY,
  DRM_MODE_OBJECT_CONNECTOR,
  DRM_MODE_OBJECT_ENCODER,
  DRM_MODE_PROP_ENUM,
  DRM_MODE_SUBPIXEL_UNKNOWN,
  DRM_NR_MODE_GETCONNECTOR,
  DRM_NR_MODE_GETCRTC,
  DRM_NR_MODE_GETENCODER,
  DRM_NR_MODE_GETGAMMA,
  DRM_NR_MODE_GETPLANE,
  DRM_NR_MODE_GETPLANERESOURCES,
  DRM_NR_MODE_GETPROPERTY,
  DRM_NR_MODE_GETRESOURCES,
  DRM_NR_MODE_OBJ_GETPROPERTIES,
  DRM_NR_MODE_OBJ_SETPROPERTY,
  DRM_NR_MODE_SETGAMMA,
  DRM_NR_MODE_SETPROPERTY,
  DrmModeCardRes,
  DrmModeConnectorSetProperty,
  DrmModeCrtc,
  DrmModeCrtcLut,
  DrmModeGetConnector,
  DrmModeGetEncoder,
  DrmModeGetPlane,
  DrmModeGetPlaneRes,
  DrmModeGetProperty,
  DrmModeModeinfo,
  DrmModeObjGetProperties,
  DrmModeObjSetProperty,
  DrmModePropertyEnum,
  EINVAL,
  ENOENT,
  ENOSYS,
} from "@stratos/abi";
import { getU64, putFields } from "../ground/words.ts";
import { putMode } from "./display-modes.ts";
import { CONNECTOR_ID, CRTC_ID, ENCODER_ID, PLANE_ID } from "./drm-card.ts";
import type { DrmClient } from "./drm-client.ts";
import { DPMS, propertiesOf, PROPERTIES, type PropertyValue } from "./drm-properties.ts";
import { type DrmRequest, putList } from "./drm-request.ts";
import { FORMATS } from "./framebuffer.ts";
import type { GraphicsCaller } from "./graphics-kernel.ts";
import { writeText } from "./write-text.ts";

/** Smallest picture. */
const SIZE_MIN = 1;
/** Tenths of a millimetre of a pixel at 96 to the inch. */
const PIXEL_TENTHS = 2.646;
/** The one CRTC, as a set of bits. */
const FIRST_CRTC = 1;

function getResources({ card, framebuffers }: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeCardRes;
  putFields(view, DrmModeCardRes, {
    min_width: SIZE_MIN,
    min_height: SIZE_MIN,
    max_width: card.screen.width,
    max_height: card.screen.height,
  });
  for (const [pointer, count, values] of [
    [offset.fb_id_ptr, offset.count_fbs, [...framebuffers]],
    [offset.crtc_id_ptr, offset.count_crtcs, [CRTC_ID]],
    [offset.connector_id_ptr, offset.count_connectors, [CONNECTOR_ID]],
    [offset.encoder_id_ptr, offset.count_encoders, [ENCODER_ID]],
  ] as const) {
    const failed = putList(task, view, pointer, count, values);
    if (failed < 0) return failed;
  }
  return 0;
}

function getCrtc({ card }: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeCrtc;
  if (view.getUint32(offset.crtc_id, true) !== CRTC_ID) return -ENOENT;
  const { scanout } = card.screen;
  const { mode } = card.pipe;
  putFields(view, DrmModeCrtc, {
    fb_id: scanout?.framebuffer.id ?? 0,
    x: scanout?.x ?? 0,
    y: scanout?.y ?? 0,
    gamma_size: 0,
    mode_valid: mode === null ? 0 : 1,
  });
  if (scanout !== null) putMode(view, offset.mode, scanout.mode);
  else if (mode !== null) new Uint8Array(view.buffer).set(mode.bytes, offset.mode);
  return 0;
}

function getEncoder({ card }: DrmClient, _task: GraphicsCaller, view: DataView): number {
  if (view.getUint32(DrmModeGetEncoder.offset.encoder_id, true) !== ENCODER_ID) return -ENOENT;
  putFields(view, DrmModeGetEncoder, {
    encoder_type: DRM_MODE_ENCODER_VIRTUAL,
    crtc_id: card.screen.scanout === null ? 0 : CRTC_ID,
    possible_crtcs: FIRST_CRTC,
    possible_clones: FIRST_CRTC,
  });
  return 0;
}

function getConnector({ card, isAtomic }: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeGetConnector;
  if (view.getUint32(offset.connector_id, true) !== CONNECTOR_ID) return -ENOENT;
  const { screen } = card;
  const modes = view.getUint32(offset.count_modes, true);
  const encoders = putList(task, view, offset.encoders_ptr, offset.count_encoders, [ENCODER_ID]);
  if (encoders < 0) return encoders;
  const shown = propertiesOf(card, CONNECTOR_ID, DRM_MODE_OBJECT_CONNECTOR, isAtomic)!;
  const properties = putProperties(task, view, offset.props_ptr, offset.prop_values_ptr, offset.count_props, shown);
  if (properties < 0) return properties;
  // All of them or none (drm_connector.c, drm_mode_getconnector).
  if (modes >= screen.modes.length) {
    const bytes = new Uint8Array(DrmModeModeinfo.size * screen.modes.length);
    const list = new DataView(bytes.buffer);
    for (const [index, mode] of screen.modes.entries()) putMode(list, index * DrmModeModeinfo.size, mode);
    const failed = task.space.copyOut(getU64(view, offset.modes_ptr), bytes, 0, bytes.length);
    if (failed < 0) return failed;
  }
  putFields(view, DrmModeGetConnector, {
    count_modes: screen.modes.length,
    // The one that is in use (drm_connector_get_encoder of Linux): who finds one asks it for its CRTC, which it has not
    // before a mode is set.
    encoder_id: card.screen.scanout === null ? 0 : ENCODER_ID,
    connector_type: DRM_MODE_CONNECTOR_VIRTUAL,
    connector_type_id: 1,
    connection: DRM_MODE_CONNECTED,
    mm_width: Math.round((screen.width * PIXEL_TENTHS) / 10),
    mm_height: Math.round((screen.height * PIXEL_TENTHS) / 10),
    subpixel: DRM_MODE_SUBPIXEL_UNKNOWN,
  });
  return 0;
}

function putProperties(
  task: GraphicsCaller,
  view: DataView,
  idsAt: number,
  valuesAt: number,
  countAt: number,
  properties: readonly PropertyValue[],
): number {
  const room = view.getUint32(countAt, true);
  const ids = putList(
    task,
    view,
    idsAt,
    countAt,
    properties.map(([{ id }]) => id),
  );
  if (ids < 0) return ids;
  view.setUint32(countAt, room, true);
  return putList(
    task,
    view,
    valuesAt,
    countAt,
    properties.map(([, value]) => value),
    8,
  );
}

/** −ENOENT: there is no such object; −EINVAL: it has no properties. */
function getObjectProperties(client: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeObjGetProperties;
  const id = view.getUint32(offset.obj_id, true);
  const type = view.getUint32(offset.obj_type, true);
  const properties = propertiesOf(client.card, id, type, client.isAtomic);
  if (properties === null)
    return id === ENCODER_ID && (type === DRM_MODE_OBJECT_ENCODER || type === DRM_MODE_OBJECT_ANY) ? -EINVAL : -ENOENT;
  return putProperties(task, view, offset.props_ptr, offset.prop_values_ptr, offset.count_props, properties);
}

function getProperty(_client: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeGetProperty;
  const id = view.getUint32(offset.prop_id, true);
  const property = PROPERTIES.find((each) => each.id === id);
  if (property === undefined) return -ENOENT;
  const { name, flags, values } = property;
  view.setUint32(offset.flags, flags, true);
  writeText(view, offset.name, name, DrmModeGetProperty.offset.count_values - offset.name);
  const isNamed = (flags & DRM_MODE_PROP_ENUM) !== 0;
  const numbers = values === null ? [] : isNamed ? values.map((_, index) => index) : (values as readonly number[]);
  const failed = putList(task, view, offset.values_ptr, offset.count_values, numbers, 8);
  if (failed < 0) return failed;
  const names = isNamed ? (values as readonly string[]) : [];
  const room = view.getUint32(offset.count_enum_blobs, true);
  view.setUint32(offset.count_enum_blobs, names.length, true);
  if (names.length === 0 || room < names.length) return 0;
  const bytes = new Uint8Array(names.length * DrmModePropertyEnum.size);
  const list = new DataView(bytes.buffer);
  for (const [value, each] of names.entries()) {
    const at = value * DrmModePropertyEnum.size;
    list.setUint32(at, value, true);
    writeText(list, at + DrmModePropertyEnum.offset.name, each, DrmModePropertyEnum.size - 8);
  }
  return task.space.copyOut(getU64(view, offset.enum_blob_ptr), bytes, 0, bytes.length);
}

/** −ENOENT: it is no property of the object; −EINVAL: it has no such value, or none that can be set. */
function setProperty(client: DrmClient, object: number, type: number, id: number, value: number): number {
  const properties = propertiesOf(client.card, object, type, client.isAtomic);
  const found = properties?.find(([each]) => each.id === id)?.[0];
  if (found === undefined) return -ENOENT;
  if (found !== DPMS || value >= DPMS.values!.length) return -EINVAL;
  client.card.screen.power = value;
  return 0;
}

function setObjectProperty(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeObjSetProperty;
  const word = (at: number): number => view.getUint32(at, true);
  const value = getU64(view, offset.value);
  return setProperty(client, word(offset.obj_id), word(offset.obj_type), word(offset.prop_id), value);
}

function setConnectorProperty(client: DrmClient, _task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeConnectorSetProperty;
  const object = view.getUint32(offset.connector_id, true);
  const id = view.getUint32(offset.prop_id, true);
  return setProperty(client, object, DRM_MODE_OBJECT_CONNECTOR, id, getU64(view, offset.value));
}

function getPlanes({ seesAllPlanes }: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeGetPlaneRes;
  // The primary one is part of the CRTC for who does not ask.
  return putList(task, view, offset.plane_id_ptr, offset.count_planes, seesAllPlanes ? [PLANE_ID] : []);
}

function getPlane({ card }: DrmClient, task: GraphicsCaller, view: DataView): number {
  const { offset } = DrmModeGetPlane;
  if (view.getUint32(offset.plane_id, true) !== PLANE_ID) return -ENOENT;
  const { scanout } = card.screen;
  const room = view.getUint32(offset.count_format_types, true);
  // All of them or none.
  if (room < FORMATS.length) view.setUint32(offset.count_format_types, 0, true);
  const failed = putList(task, view, offset.format_type_ptr, offset.count_format_types, FORMATS);
  if (failed < 0) return failed;
  putFields(view, DrmModeGetPlane, {
    crtc_id: scanout === null ? 0 : CRTC_ID,
    fb_id: scanout?.framebuffer.id ?? 0,
    possible_crtcs: FIRST_CRTC,
    gamma_size: 0,
  });
  return 0;
}

export const MODE_REQUESTS: readonly (readonly [number, DrmRequest])[] = [
  [DRM_NR_MODE_GETRESOURCES, { size: DrmModeCardRes.size, run: getResources }],
  [DRM_NR_MODE_GETCRTC, { size: DrmModeCrtc.size, run: getCrtc }],
  [DRM_NR_MODE_GETENCODER, { size: DrmModeGetEncoder.size, run: getEncoder }],
  [DRM_NR_MODE_GETCONNECTOR, { size: DrmModeGetConnector.size, run: getConnector }],
  [DRM_NR_MODE_GETPROPERTY, { size: DrmModeGetProperty.size, run: getProperty }],
  [DRM_NR_MODE_SETPROPERTY, { size: DrmModeConnectorSetProperty.size, isForMaster: true, run: setConnectorProperty }],
  [DRM_NR_MODE_OBJ_GETPROPERTIES, { size: DrmModeObjGetProperties.size, run: getObjectProperties }],
  [DRM_NR_MODE_OBJ_SETPROPERTY, { size: DrmModeObjSetProperty.size, isForMaster: true, run: setObjectProperty }],
  [DRM_NR_MODE_GETPLANERESOURCES, { size: DrmModeGetPlaneRes.size, run: getPlanes }],
  [DRM_NR_MODE_GETPLANE, { size: DrmModeGetPlane.size, run: getPlane }],
  // There is no table of colours.
  [DRM_NR_MODE_GETGAMMA, { size: DrmModeCrtcLut.size, run: () => -ENOSYS }],
  [DRM_NR_MODE_SETGAMMA, { size: DrmModeCrtcLut.size, isForMaster: true, run: () => -ENOSYS }],
];
