/** Numbers of PulseAudio's native protocol. Source: its src/pulsecore/native-common.h and src/pulse/def.h. */

export const PROTOCOL_VERSION = 35;
/** Of PulseAudio 1.0 (2011): what came before leaves values away that others expect. */
export const OLDEST_VERSION = 22;
/** The rest of the word tells of shared memory. */
export const VERSION_MASK = 0xffff;
/** Bytes of the secret that programs show; who may write to the socket needs none. */
export const COOKIE_BYTES = 256;
/** Of an object that is not named by its number. */
export const NO_INDEX = 0xffffffff;

export const ERROR = 0,
  REPLY = 2,
  CREATE_PLAYBACK_STREAM = 3,
  DELETE_PLAYBACK_STREAM = 4,
  CREATE_RECORD_STREAM = 5,
  EXIT = 7,
  AUTH = 8,
  SET_CLIENT_NAME = 9,
  LOOKUP_SINK = 10,
  LOOKUP_SOURCE = 11,
  DRAIN_PLAYBACK_STREAM = 12,
  STAT = 13,
  GET_PLAYBACK_LATENCY = 14,
  CREATE_UPLOAD_STREAM = 15,
  PLAY_SAMPLE = 18,
  REMOVE_SAMPLE = 19,
  GET_SERVER_INFO = 20,
  GET_SINK_INFO = 21,
  GET_SINK_INFO_LIST = 22,
  GET_SOURCE_INFO = 23,
  GET_SOURCE_INFO_LIST = 24,
  GET_MODULE_INFO = 25,
  GET_MODULE_INFO_LIST = 26,
  GET_CLIENT_INFO = 27,
  GET_CLIENT_INFO_LIST = 28,
  GET_SINK_INPUT_INFO = 29,
  GET_SINK_INPUT_INFO_LIST = 30,
  GET_SOURCE_OUTPUT_INFO = 31,
  GET_SOURCE_OUTPUT_INFO_LIST = 32,
  GET_SAMPLE_INFO = 33,
  GET_SAMPLE_INFO_LIST = 34,
  SUBSCRIBE = 35,
  SET_SINK_VOLUME = 36,
  SET_SINK_INPUT_VOLUME = 37,
  SET_SINK_MUTE = 39,
  CORK_PLAYBACK_STREAM = 41,
  FLUSH_PLAYBACK_STREAM = 42,
  TRIGGER_PLAYBACK_STREAM = 43,
  SET_DEFAULT_SINK = 44,
  SET_PLAYBACK_STREAM_NAME = 46,
  KILL_CLIENT = 48,
  KILL_SINK_INPUT = 49,
  PREBUF_PLAYBACK_STREAM = 60,
  REQUEST = 61,
  OVERFLOW = 62,
  UNDERFLOW = 63,
  PLAYBACK_STREAM_KILLED = 64,
  SUBSCRIBE_EVENT = 66,
  MOVE_SINK_INPUT = 67,
  SET_SINK_INPUT_MUTE = 69,
  SET_PLAYBACK_STREAM_BUFFER_ATTR = 72,
  UPDATE_PLAYBACK_STREAM_SAMPLE_RATE = 74,
  UPDATE_PLAYBACK_STREAM_PROPLIST = 81,
  UPDATE_CLIENT_PROPLIST = 82,
  REMOVE_PLAYBACK_STREAM_PROPLIST = 84,
  REMOVE_CLIENT_PROPLIST = 85,
  STARTED = 86,
  EXTENSION = 87,
  GET_CARD_INFO = 88,
  GET_CARD_INFO_LIST = 89;
/** PA_COMMAND_MAX: what is below is a command, though perhaps none of ours. */
export const COMMAND_COUNT = 105;

/** PA_ERR_* */
export const ERR_ACCESS = 1,
  ERR_INVALID = 3,
  ERR_NOENTITY = 5,
  ERR_VERSION = 17,
  ERR_TOOLARGE = 18,
  ERR_NOTSUPPORTED = 19,
  ERR_NOEXTENSION = 21;

/** PA_SUBSCRIPTION_EVENT_*: of what, and what has become of it. */
export const OF_SINK = 0,
  OF_SINK_INPUT = 2,
  OF_CLIENT = 5;
export const SUBSCRIPTION_MASK_ALL = 0x2ff;
export const IS_NEW = 0,
  IS_CHANGED = 0x10,
  IS_REMOVED = 0x20;

/** pa_seek_mode_t: where the bytes of a message stand in their stream; 2 is from what is heard. */
export const SEEK_RELATIVE = 0,
  SEEK_ABSOLUTE = 1,
  SEEK_RELATIVE_END = 3;

/** PA_VOLUME_NORM, PA_VOLUME_MAX */
export const VOLUME_NORM = 0x10000;
export const VOLUME_MAX = 0x7fffffff;
