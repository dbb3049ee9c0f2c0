/** What programs are told of the sink, of each other and of what they play, in the order of PulseAudio's protocol. */
import { STEREO } from "../audio/channels.ts";
import { FLOAT32LE } from "../audio/formats.ts";
import { NO_INDEX, VOLUME_NORM } from "../wire/commands.ts";
import { type Properties, propertyText, type SampleSpec, type TagWriter, textProperties } from "../wire/tags.ts";
import { ANY_SAMPLES, formatInfo } from "./format-negotiation.ts";
import { RATE } from "../audio/rate.ts";
import type { PlaybackStream } from "./playback-stream.ts";

export const SINK_NAME = "stratos";
export const SINK_INDEX = 0;
export const SINK_SPEC: SampleSpec = { format: FLOAT32LE, channels: 2, rate: RATE };
const DRIVER = "stratos";
const DESCRIPTION = "Stratos";
/** PA_SINK_LATENCY, PA_SINK_DECIBEL_VOLUME */
const SINK_FLAGS = 0x02 | 0x20;
/** pa_sink_state_t */
const RUNNING = 0,
  IDLE = 1;

/** What of a server is told. */
interface ShownSink {
  readonly volumes: readonly number[];
  readonly isMuted: boolean;
  readonly isRunning: boolean;
  readonly latencyUs: number;
  readonly configuredLatencyUs: number;
}

interface ShownClient {
  readonly index: number;
  readonly properties: Properties;
}

export interface ServerWords {
  readonly version: string;
  readonly userName: string;
  readonly hostName: string;
}

export function putServer(to: TagWriter, { version, userName, hostName }: ServerWords): void {
  to.string("stratos").string(version).string(userName).string(hostName);
  to.sampleSpec(SINK_SPEC).string(SINK_NAME).string(null).u32(0).channelMap(STEREO);
}

export function putSink(to: TagWriter, sink: ShownSink): void {
  to.u32(SINK_INDEX).string(SINK_NAME).string(DESCRIPTION).sampleSpec(SINK_SPEC).channelMap(STEREO);
  to.u32(NO_INDEX).channelVolumes(sink.volumes).flag(sink.isMuted);
  // No source hears what is played.
  to.u32(NO_INDEX).string(null).usec(sink.latencyUs).string(DRIVER).u32(SINK_FLAGS);
  to.properties(textProperties({ "device.description": DESCRIPTION, "device.class": "abstract" }));
  to.usec(sink.configuredLatencyUs).volume(VOLUME_NORM);
  to.u32(sink.isRunning ? RUNNING : IDLE)
    .u32(VOLUME_NORM + 1)
    .u32(NO_INDEX);
  to.u32(0).string(null);
  to.u8(1).format(ANY_SAMPLES);
}

export function putClient(to: TagWriter, { index, properties }: ShownClient): void {
  to.u32(index)
    .string(propertyText(properties, "application.name") ?? "")
    .u32(NO_INDEX)
    .string(DRIVER);
  to.properties(properties);
}

export function putSinkInput(to: TagWriter, stream: PlaybackStream, client: number, latencyUs: number): void {
  const { index, spec, positions, volumes, properties } = stream;
  to.u32(index)
    .string(propertyText(properties, "media.name") ?? "")
    .u32(NO_INDEX)
    .u32(client)
    .u32(SINK_INDEX);
  to.sampleSpec(spec).channelMap(positions).channelVolumes(volumes);
  to.usec(bufferedUs(stream))
    .usec(latencyUs)
    .string(spec.rate === RATE ? "copy" : "sinc")
    .string(DRIVER);
  to.flag(stream.isMuted).properties(properties).flag(stream.isCorked).flag(true).flag(true);
  to.format(formatInfo(spec));
}

function bufferedUs({ buffer, spec, frameBytes }: PlaybackStream): number {
  return Math.max(0, Math.round(((buffer.length / frameBytes) * 1e6) / spec.rate));
}
