/** Sound of a machine's programs: PulseAudio's server over any transport, mixed for whoever makes it heard. */
export { encodeS16 } from "./audio/formats.ts";
export { WAV_DATA_MAX, wavHeader } from "./audio/wav.ts";
export type { Transport, TransportEvents } from "./server/peer.ts";
export { RATE } from "./audio/rate.ts";
export type { AudioSink, SoundServer } from "./server/sound-server.ts";
export { VOLUME_NORM } from "./wire/commands.ts";
