/** Input devices. Source: Linux include/uapi/linux/{input,input-event-codes}.h. */
import { i32, i64, struct, u16 } from "./struct.ts";

/** `_IOC_TYPE`; `_IOC_NR` tells the requests apart, `_IOC_SIZE` says how much the caller takes. */
export const EVIOC_TYPE = 0x45;
export const EVIOC_NR_VERSION = 0x01,
  EVIOC_NR_ID = 0x02,
  EVIOC_NR_REP = 0x03,
  EVIOC_NR_NAME = 0x06,
  EVIOC_NR_PHYS = 0x07,
  EVIOC_NR_UNIQ = 0x08,
  EVIOC_NR_PROP = 0x09,
  EVIOC_NR_KEY = 0x18,
  EVIOC_NR_LED = 0x19,
  EVIOC_NR_SND = 0x1a,
  EVIOC_NR_SW = 0x1b,
  /** … with the type of the events added. */
  EVIOC_NR_BIT = 0x20,
  /** … with the axis added. */
  EVIOC_NR_ABS = 0x40,
  EVIOC_NR_GRAB = 0x90,
  EVIOC_NR_REVOKE = 0x91,
  EVIOC_NR_CLOCKID = 0xa0;
export const EV_VERSION = 0x010001,
  BUS_VIRTUAL = 6;
export const EV_SYN = 0x00,
  EV_KEY = 0x01,
  EV_REL = 0x02,
  EV_ABS = 0x03,
  EV_MSC = 0x04,
  EV_SW = 0x05,
  EV_LED = 0x11,
  EV_SND = 0x12,
  EV_REP = 0x14,
  EV_FF = 0x15,
  EV_MAX = 0x1f;
/** The largest code of each type. */
export const KEY_MAX = 0x2ff,
  REL_MAX = 0x0f,
  ABS_MAX = 0x3f,
  MSC_MAX = 0x07,
  SW_MAX = 0x10,
  LED_MAX = 0x0f,
  FF_MAX = 0x7f,
  SND_MAX = 0x07,
  INPUT_PROP_MAX = 0x1f;
export const SYN_REPORT = 0,
  SYN_DROPPED = 3;
export const REL_HWHEEL = 0x06,
  REL_WHEEL = 0x08,
  REL_WHEEL_HI_RES = 0x0b,
  REL_HWHEEL_HI_RES = 0x0c;
export const ABS_X = 0,
  ABS_Y = 1;
export const LED_NUML = 0,
  LED_CAPSL = 1,
  LED_SCROLLL = 2;
/** Keys of a keyboard with all that there is on one: 1 (Escape) up to this; then buttons of a mouse. */
export const KEY_MICMUTE = 248,
  BTN_LEFT = 0x110,
  BTN_TASK = 0x117;
export const INPUT_PROP_POINTER = 0x00;

export const InputEvent = struct("input_event", { tv_sec: i64, tv_usec: i64, type: u16, code: u16, value: i32 });
export const InputId = struct("input_id", { bustype: u16, vendor: u16, product: u16, version: u16 });
export const InputAbsinfo = struct("input_absinfo", {
  value: i32,
  minimum: i32,
  maximum: i32,
  fuzz: i32,
  flat: i32,
  resolution: i32,
});
