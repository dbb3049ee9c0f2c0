/**
 * Direct rendering manager: requests and structures of a display controller without a graphics processor. Source: Linux
 * include/uapi/drm/{drm,drm_mode,drm_fourcc}.h.
 */
import { array, hex32, i32, i64, pointer, struct, text, u16, u32, u64 } from "./struct.ts";

/** `_IOC_TYPE` of all requests; `_IOC_NR` tells them apart, whatever size a program was built with. */
export const DRM_IOCTL_BASE = 0x64;
export const DRM_NR_VERSION = 0x00,
  DRM_NR_GET_UNIQUE = 0x01,
  DRM_NR_GET_MAGIC = 0x02,
  DRM_NR_GET_CLIENT = 0x05,
  DRM_NR_SET_VERSION = 0x07,
  DRM_NR_MODESET_CTL = 0x08,
  DRM_NR_GEM_CLOSE = 0x09,
  DRM_NR_GET_CAP = 0x0c,
  DRM_NR_SET_CLIENT_CAP = 0x0d,
  DRM_NR_AUTH_MAGIC = 0x11,
  DRM_NR_SET_MASTER = 0x1e,
  DRM_NR_DROP_MASTER = 0x1f,
  DRM_NR_WAIT_VBLANK = 0x3a;
export const DRM_NR_MODE_GETRESOURCES = 0xa0,
  DRM_NR_MODE_GETCRTC = 0xa1,
  DRM_NR_MODE_SETCRTC = 0xa2,
  DRM_NR_MODE_CURSOR = 0xa3,
  DRM_NR_MODE_GETGAMMA = 0xa4,
  DRM_NR_MODE_SETGAMMA = 0xa5,
  DRM_NR_MODE_GETENCODER = 0xa6,
  DRM_NR_MODE_GETCONNECTOR = 0xa7,
  DRM_NR_MODE_GETPROPERTY = 0xaa,
  DRM_NR_MODE_SETPROPERTY = 0xab,
  DRM_NR_MODE_GETPROPBLOB = 0xac,
  DRM_NR_MODE_GETFB = 0xad,
  DRM_NR_MODE_ADDFB = 0xae,
  DRM_NR_MODE_RMFB = 0xaf;
export const DRM_NR_MODE_PAGE_FLIP = 0xb0,
  DRM_NR_MODE_DIRTYFB = 0xb1,
  DRM_NR_MODE_CREATE_DUMB = 0xb2,
  DRM_NR_MODE_MAP_DUMB = 0xb3,
  DRM_NR_MODE_DESTROY_DUMB = 0xb4,
  DRM_NR_MODE_GETPLANERESOURCES = 0xb5,
  DRM_NR_MODE_GETPLANE = 0xb6,
  DRM_NR_MODE_SETPLANE = 0xb7,
  DRM_NR_MODE_ADDFB2 = 0xb8,
  DRM_NR_MODE_OBJ_GETPROPERTIES = 0xb9,
  DRM_NR_MODE_OBJ_SETPROPERTY = 0xba,
  DRM_NR_MODE_CURSOR2 = 0xbb,
  DRM_NR_MODE_ATOMIC = 0xbc,
  DRM_NR_MODE_CREATEPROPBLOB = 0xbd,
  DRM_NR_MODE_DESTROYPROPBLOB = 0xbe;

export const DRM_CAP_DUMB_BUFFER = 0x1,
  DRM_CAP_VBLANK_HIGH_CRTC = 0x2,
  DRM_CAP_DUMB_PREFERRED_DEPTH = 0x3,
  DRM_CAP_DUMB_PREFER_SHADOW = 0x4,
  DRM_CAP_PRIME = 0x5,
  DRM_CAP_TIMESTAMP_MONOTONIC = 0x6,
  DRM_CAP_ASYNC_PAGE_FLIP = 0x7,
  DRM_CAP_CURSOR_WIDTH = 0x8,
  DRM_CAP_CURSOR_HEIGHT = 0x9,
  DRM_CAP_ADDFB2_MODIFIERS = 0x10,
  DRM_CAP_PAGE_FLIP_TARGET = 0x11,
  DRM_CAP_CRTC_IN_VBLANK_EVENT = 0x12,
  DRM_CAP_SYNCOBJ = 0x13,
  DRM_CAP_SYNCOBJ_TIMELINE = 0x14;
export const DRM_CLIENT_CAP_STEREO_3D = 1,
  DRM_CLIENT_CAP_UNIVERSAL_PLANES = 2,
  DRM_CLIENT_CAP_ATOMIC = 3,
  DRM_CLIENT_CAP_ASPECT_RATIO = 4;

export const DRM_MODE_OBJECT_ANY = 0,
  DRM_MODE_OBJECT_CRTC = 0xcccccccc,
  DRM_MODE_OBJECT_CONNECTOR = 0xc0c0c0c0,
  DRM_MODE_OBJECT_ENCODER = 0xe0e0e0e0,
  DRM_MODE_OBJECT_FB = 0xfbfbfbfb,
  DRM_MODE_OBJECT_PLANE = 0xeeeeeeee;
export const DRM_MODE_CONNECTED = 1,
  DRM_MODE_CONNECTOR_VIRTUAL = 15,
  DRM_MODE_ENCODER_VIRTUAL = 5,
  DRM_MODE_SUBPIXEL_UNKNOWN = 1;
export const DRM_MODE_PROP_RANGE = 2,
  DRM_MODE_PROP_IMMUTABLE = 4,
  DRM_MODE_PROP_ENUM = 8,
  DRM_MODE_PROP_BLOB = 16,
  DRM_MODE_PROP_OBJECT = 0x40,
  DRM_MODE_PROP_SIGNED_RANGE = 0x80,
  /** Shown to who speaks the atomic interface alone. */
  DRM_MODE_PROP_ATOMIC = 0x80000000;
export const DRM_MODE_TYPE_PREFERRED = 8,
  DRM_MODE_TYPE_DRIVER = 64;
export const DRM_MODE_FLAG_PHSYNC = 1,
  DRM_MODE_FLAG_NHSYNC = 2,
  DRM_MODE_FLAG_PVSYNC = 4,
  DRM_MODE_FLAG_NVSYNC = 8;
export const DRM_MODE_PAGE_FLIP_EVENT = 1,
  DRM_MODE_ATOMIC_TEST_ONLY = 0x100,
  DRM_MODE_ATOMIC_NONBLOCK = 0x200,
  DRM_MODE_ATOMIC_ALLOW_MODESET = 0x400,
  DRM_MODE_CURSOR_BO = 1,
  DRM_MODE_CURSOR_MOVE = 2;
export const DRM_PLANE_TYPE_OVERLAY = 0,
  DRM_PLANE_TYPE_PRIMARY = 1,
  DRM_PLANE_TYPE_CURSOR = 2;
/** Fourcc codes: XR24, AR24, RG16. */
export const DRM_FORMAT_XRGB8888 = 0x34325258,
  DRM_FORMAT_ARGB8888 = 0x34325241,
  DRM_FORMAT_RGB565 = 0x36314752;
export const DRM_VBLANK_RELATIVE = 1,
  DRM_VBLANK_EVENT = 0x4000000,
  DRM_VBLANK_NEXTONMISS = 0x10000000,
  /** Which CRTC, and other flags, stand in the rest of the type. */
  DRM_VBLANK_TYPES_MASK = 1,
  DRM_VBLANK_HIGH_CRTC_MASK = 0x3e,
  DRM_VBLANK_SECONDARY = 0x20000000;
export const DRM_EVENT_VBLANK = 1,
  DRM_EVENT_FLIP_COMPLETE = 2;
/** Characters of a mode's or a property's name. */
const NAME_LENGTH = 32;

export const DrmVersion = struct("drm_version", {
  version_major: i32,
  version_minor: i32,
  version_patchlevel: i32,
  name_len: u64,
  name: pointer,
  date_len: u64,
  date: pointer,
  desc_len: u64,
  desc: pointer,
});
export const DrmUnique = struct("drm_unique", { unique_len: u64, unique: pointer });
export const DrmAuth = struct("drm_auth", { magic: u32 });
export const DrmClient = struct("drm_client", { idx: i32, auth: i32, pid: u64, uid: u64, magic: u64, iocs: u64 });
export const DrmSetVersion = struct("drm_set_version", {
  drm_di_major: i32,
  drm_di_minor: i32,
  drm_dd_major: i32,
  drm_dd_minor: i32,
});
export const DrmGemClose = struct("drm_gem_close", { handle: u32, _pad: u32 });
export const DrmGetCap = struct("drm_get_cap", { capability: u64, value: u64 });
export const DrmSetClientCap = struct("drm_set_client_cap", { capability: u64, value: u64 });
/** The answer: `request.type`, `request.sequence` and the time in two words from `tval_sec` on. */
export const DrmWaitVblank = struct("drm_wait_vblank_reply", {
  type: hex32,
  sequence: u32,
  tval_sec: i64,
  tval_usec: i64,
});
export const DrmModeCardRes = struct("drm_mode_card_res", {
  fb_id_ptr: u64,
  crtc_id_ptr: u64,
  connector_id_ptr: u64,
  encoder_id_ptr: u64,
  count_fbs: u32,
  count_crtcs: u32,
  count_connectors: u32,
  count_encoders: u32,
  min_width: u32,
  max_width: u32,
  min_height: u32,
  max_height: u32,
});
export const DrmModeModeinfo = struct("drm_mode_modeinfo", {
  clock: u32,
  hdisplay: u16,
  hsync_start: u16,
  hsync_end: u16,
  htotal: u16,
  hskew: u16,
  vdisplay: u16,
  vsync_start: u16,
  vsync_end: u16,
  vtotal: u16,
  vscan: u16,
  vrefresh: u32,
  flags: hex32,
  type: hex32,
  name: text(NAME_LENGTH),
});
export const DrmModeCrtc = struct("drm_mode_crtc", {
  set_connectors_ptr: u64,
  count_connectors: u32,
  crtc_id: u32,
  fb_id: u32,
  x: u32,
  y: u32,
  gamma_size: u32,
  mode_valid: u32,
  mode: DrmModeModeinfo,
});
export const DrmModeGetEncoder = struct("drm_mode_get_encoder", {
  encoder_id: u32,
  encoder_type: u32,
  crtc_id: u32,
  possible_crtcs: hex32,
  possible_clones: hex32,
});
export const DrmModeGetConnector = struct("drm_mode_get_connector", {
  encoders_ptr: u64,
  modes_ptr: u64,
  props_ptr: u64,
  prop_values_ptr: u64,
  count_modes: u32,
  count_props: u32,
  count_encoders: u32,
  encoder_id: u32,
  connector_id: u32,
  connector_type: u32,
  connector_type_id: u32,
  connection: u32,
  mm_width: u32,
  mm_height: u32,
  subpixel: u32,
  _pad: u32,
});
export const DrmModeGetProperty = struct("drm_mode_get_property", {
  values_ptr: u64,
  enum_blob_ptr: u64,
  prop_id: u32,
  flags: hex32,
  name: text(NAME_LENGTH),
  count_values: u32,
  count_enum_blobs: u32,
});
export const DrmModePropertyEnum = struct("drm_mode_property_enum", { value: u64, name: text(NAME_LENGTH) });
export const DrmModeConnectorSetProperty = struct("drm_mode_connector_set_property", {
  value: u64,
  prop_id: u32,
  connector_id: u32,
});
export const DrmModeObjGetProperties = struct("drm_mode_obj_get_properties", {
  props_ptr: u64,
  prop_values_ptr: u64,
  count_props: u32,
  obj_id: u32,
  obj_type: hex32,
});
export const DrmModeObjSetProperty = struct("drm_mode_obj_set_property", {
  value: u64,
  prop_id: u32,
  obj_id: u32,
  obj_type: hex32,
});
export const DrmModeGetBlob = struct("drm_mode_get_blob", { blob_id: u32, length: u32, data: u64 });
export const DrmModeCreateBlob = struct("drm_mode_create_blob", { data: u64, length: u32, blob_id: u32 });
export const DrmModeDestroyBlob = struct("drm_mode_destroy_blob", { blob_id: u32 });
export const DrmModeAtomic = struct("drm_mode_atomic", {
  flags: hex32,
  count_objs: u32,
  objs_ptr: u64,
  count_props_ptr: u64,
  props_ptr: u64,
  prop_values_ptr: u64,
  reserved: u64,
  user_data: u64,
});
export const DrmModeFbCmd = struct("drm_mode_fb_cmd", {
  fb_id: u32,
  width: u32,
  height: u32,
  pitch: u32,
  bpp: u32,
  depth: u32,
  handle: u32,
});
export const DrmModeFbCmd2 = struct("drm_mode_fb_cmd2", {
  fb_id: u32,
  width: u32,
  height: u32,
  pixel_format: hex32,
  flags: hex32,
  handles: array(u32, 4),
  pitches: array(u32, 4),
  offsets: array(u32, 4),
  modifier: array(u64, 4),
});
export const DrmModeFbDirtyCmd = struct("drm_mode_fb_dirty_cmd", {
  fb_id: u32,
  flags: hex32,
  color: hex32,
  num_clips: u32,
  clips_ptr: u64,
});
export const DrmModeCrtcPageFlip = struct("drm_mode_crtc_page_flip", {
  crtc_id: u32,
  fb_id: u32,
  flags: hex32,
  reserved: u32,
  user_data: u64,
});
export const DrmModeCreateDumb = struct("drm_mode_create_dumb", {
  height: u32,
  width: u32,
  bpp: u32,
  flags: hex32,
  handle: u32,
  pitch: u32,
  size: u64,
});
export const DrmModeMapDumb = struct("drm_mode_map_dumb", { handle: u32, _pad: u32, offset: u64 });
export const DrmModeDestroyDumb = struct("drm_mode_destroy_dumb", { handle: u32 });
export const DrmModeCursor2 = struct("drm_mode_cursor2", {
  flags: hex32,
  crtc_id: u32,
  x: i32,
  y: i32,
  width: u32,
  height: u32,
  handle: u32,
  hot_x: i32,
  hot_y: i32,
});
export const DrmModeCrtcLut = struct("drm_mode_crtc_lut", {
  crtc_id: u32,
  gamma_size: u32,
  red: u64,
  green: u64,
  blue: u64,
});
export const DrmModeGetPlaneRes = struct("drm_mode_get_plane_res", { plane_id_ptr: u64, count_planes: u32 });
export const DrmModeGetPlane = struct("drm_mode_get_plane", {
  plane_id: u32,
  crtc_id: u32,
  fb_id: u32,
  possible_crtcs: hex32,
  gamma_size: u32,
  count_format_types: u32,
  format_type_ptr: u64,
});
export const DrmModeSetPlane = struct("drm_mode_set_plane", {
  plane_id: u32,
  crtc_id: u32,
  fb_id: u32,
  flags: hex32,
  crtc_x: i32,
  crtc_y: i32,
  crtc_w: u32,
  crtc_h: u32,
  src_x: u32,
  src_y: u32,
  src_h: u32,
  src_w: u32,
});
/** What is read from the device. */
export const DrmEventVblank = struct("drm_event_vblank", {
  type: u32,
  length: u32,
  user_data: u64,
  tv_sec: u32,
  tv_usec: u32,
  sequence: u32,
  crtc_id: u32,
});
