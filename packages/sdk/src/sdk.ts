/**
 * The side of Stratos as a library that has the machines: `EngineServer` answers the calls of `client.ts` over any
 * channel of bytes. What a host is, a face gives it as `EngineHost`.
 */
export { EngineServer } from "./engine-server.ts";
export type {
  CheckpointFiles,
  CloneUse,
  EngineHost,
  KeepableMachine,
  MachineDisplay,
  OpenDisplay,
  OpenedImage,
  OpenedRecording,
  OpenedRoot,
  RecordingDraft,
  RecordingFiles,
  ReservedRecording,
  Work,
} from "./engine-host.ts";
export type { HttpSecrets } from "./http-secrets.ts";
export type { Authority, TlsConnection, TlsEnd, TlsGateway, TlsHost } from "./tls-gateway.ts";
export { openedRecording } from "./opened-recording.ts";
export type { OpenImageRequest, OpenRecordingRequest, OpenVolumeRequest, Place } from "./protocol.ts";
