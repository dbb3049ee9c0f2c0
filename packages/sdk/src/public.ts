/** The names that programs import from `stratos`, whatever host they run on. */
export * from "./api.ts";
export { Board, openImage, openRecording, openVolume, Sandbox } from "./entry.ts";
export { RunRecording } from "./recording.ts";
export { Image, Volume } from "./volume.ts";
